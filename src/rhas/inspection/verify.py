"""Every value of a store read and compared with what was recorded when it was written."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from rhas.base.checks import Check, Level
from rhas.base.errors import RhasError
from rhas.inspection.checkpoints import describe_checkpoint
from rhas.inspection.features import describe_store
from rhas.inspection.films import SOURCES, describe_film, persons_of
from rhas.inspection.kinds import Kind, kind_of
from rhas.inspection.project import project_folder, recorded_md5, stage_report
from rhas.inspection.reading import reading, told
from rhas.inspection.samples import describe_samples
from rhas.inspection.scores import describe_scores, score_groups
from rhas.stores.features import CHUNK_FRAMES, FeatureStore
from rhas.stores.hdf5 import person_group
from rhas.stores.jpeg import JpegReader

_BLOCK = CHUNK_FRAMES
_TOLERANCE = 1e-6  # of figures summed in another order, relative
_FROZEN_SECONDS = 2.0
_READ_BYTES = 1 << 22


def verify(path: Path) -> list[Check]:
    """What was checked; the first broken thing does not stop the others.

    Raises:
        RhasError: not one of the project's stores, or, where it is one alone, one that cannot be
            read; in a folder that is a failed check.
    """
    return list(_checks(path))


def _checks(path: Path) -> Iterator[Check]:
    with reading(path):
        kind = kind_of(path)
        yield from _VERIFIERS[kind](path)
        if kind not in ("feature stores", "film stores"):
            yield _md5(path)


def _each(pattern: str) -> Callable[[Path], Iterator[Check]]:
    def check(folder: Path) -> Iterator[Check]:
        for path in sorted(folder.glob(pattern)):
            try:
                for found in _checks(path):
                    yield Check(f"{path.name}: {found.name}", found.level, found.found, found.do)
            except RhasError as error:
                yield Check(f"{path.name}: readable", "fail", told(error), error.do)

    return check


def _feature_store(path: Path) -> Iterator[Check]:
    facts = describe_store(path)
    for person, own in enumerate(facts["persons"]):
        name = f"person {person}"
        lengths = {a: own["arrays"][a]["shape"][0] for a in ("holistic", "partial", "present")}
        if set(lengths.values()) != {own["frames"]}:
            yield Check(f"{name}, lengths", "fail", str(lengths), "run `dvc repro extract`")
            continue
        try:
            yield from _streams(path, person, own)
        except (ValueError, OSError, RhasError) as error:
            yield Check(f"{name}, values", "fail", f"cannot be read: {error}",
                        "delete the store and run `dvc repro extract`")  # fmt: skip
    yield _weights_hash(path, facts["persons"][0]["attributes"])


def _streams(path: Path, person: int, own: dict[str, Any]) -> Iterator[Check]:
    group = zarr.open_group(path / person_group(person), mode="r")
    present = np.asarray(group["present"][:])  # type: ignore[index]
    recorded = own["attributes"].get("statistics", {})
    fps = float(own["attributes"].get("fps", 15))
    for stream, rows in (("holistic", np.ones_like(present)), ("partial", present)):
        seen = _Seen(group[stream].shape[1])  # type: ignore[union-attr]
        stray = 0
        for start in range(0, own["frames"], _BLOCK):
            block = np.asarray(group[stream][start : start + _BLOCK])  # type: ignore[index]
            used = rows[start : start + _BLOCK]
            stray += int((block[~used] != 0).any(1).sum())
            seen.add(block, used, start)
        yield seen.finite(f"person {person}, {stream}: finite")
        yield seen.figures(f"person {person}, {stream}: statistics", recorded.get(stream))
        yield seen.variation(f"person {person}, {stream}: variation", fps)
        if stream == "partial":
            yield Check(
                f"person {person}, partial: zero where missing",
                "fail" if stray else "ok",
                f"{stray} frames are not" if stray else f"{int((~present).sum())} frames",
                "run `dvc repro extract`" if stray else "",
            )


class _Seen:
    """Figures of a stream, block by block, in float64."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.sum = self.squares = 0.0
        self.abs_max = 0.0
        self.bad = 0
        self.first_bad = -1
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)
        self.last: np.ndarray | None = None
        self.run = self.longest = self.longest_end = 0

    def add(self, block: np.ndarray, used: np.ndarray, start: int) -> None:
        values = block[used].astype(np.float64)
        finite = np.isfinite(values).all(1)
        if not finite.all():
            if not self.bad:
                self.first_bad = start + int(np.flatnonzero(used)[int((~finite).argmax())])
            self.bad += int((~finite).sum())
            values = values[finite]
        if values.size:
            self.count += values.size
            self.sum += float(values.sum())
            self.squares += float((values**2).sum())
            self.abs_max = max(self.abs_max, float(np.abs(values).max()))
            self.low = np.minimum(self.low, values.min(0))
            self.high = np.maximum(self.high, values.max(0))
        before = np.concatenate([block[:1] if self.last is None else self.last, block])
        same = (before[1:] == before[:-1]).all(1) & used
        if self.last is None:
            same[0] = False
        for at, equal in enumerate(same):
            self.run = self.run + 1 if equal else 0
            if self.run > self.longest:
                self.longest, self.longest_end = self.run, start + at
        self.last = block[-1:]

    def finite(self, name: str) -> Check:
        if self.bad:
            found = f"{self.bad} frames hold NaN or infinity, the first is {self.first_bad}"
            return Check(name, "fail", found, "use another checkpoint and run `dvc repro extract`")
        return Check(name, "ok", f"{self.count:,} values")

    def figures(self, name: str, recorded: dict[str, float] | None) -> Check:
        if not self.count:
            return Check(name, "ok", "no value")
        mean = self.sum / self.count
        std = math.sqrt(max(self.squares / self.count - mean**2, 0.0))
        now = {"mean": mean, "std": std, "abs_max": self.abs_max}
        if recorded is None:
            return Check(name, "warn", f"none recorded; {_figures(now)}")
        scale = max(std, self.abs_max, 1e-12)
        off = {k: v for k, v in now.items() if k not in recorded
               or not abs(v - recorded[k]) <= _TOLERANCE * scale}  # fmt: skip
        if off:
            found = f"now {_figures(now)}; recorded {_figures(recorded)}"
            return Check(name, "fail", found, "the store was changed: run `dvc repro extract`")
        return Check(name, "ok", f"as recorded: {_figures(now)}")

    def variation(self, name: str, fps: float) -> Check:
        if not self.count:
            return Check(name, "ok", "no value")
        constant = int((self.high == self.low).sum())
        notes = [f"{constant} of {len(self.low)} features never change"] if constant else []
        seconds = self.longest / fps
        if seconds > _FROZEN_SECONDS:
            first = self.longest_end - self.longest
            notes.append(
                f"the same features for {seconds:.1f} s, frames {first} to {self.longest_end}"
            )
        if not notes:
            return Check(name, "ok", f"every feature changes; longest standstill {seconds:.1f} s")
        level: Level = "fail" if constant == len(self.low) else "warn"
        advice = "a still picture in the film is no error; a constant feature is worth a look"
        return Check(name, level, "; ".join(notes), advice)


def _figures(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in figures.items())


def _weights_hash(path: Path, attributes: dict[str, Any]) -> Check:
    from rhas.extract.encoders.checkpoint import checkpoint_hash

    root = project_folder(path) or Path()
    folder = root / str(attributes.get("checkpoint", ""))
    if not (folder / "config.json").is_file():
        return Check("weights", "warn", f"{folder} is not here, its hash cannot be compared")
    now = checkpoint_hash(folder)
    if now == attributes.get("checkpoint_hash"):
        return Check("weights", "ok", f"{attributes['checkpoint']} is what made the features")
    return Check("weights", "warn", f"{attributes['checkpoint']} has changed since",
                 "run `dvc repro extract` for features of the present weights")  # fmt: skip


def _frames(path: Path) -> Iterator[Check]:
    with h5py.File(path) as file:
        size = (int(file.attrs["height"]), int(file.attrs["width"]), 3)
        yield _pictures("pictures", file, size)
        frames = len(file["offsets"]) - 1
        same = len(file["time"]) == frames
        yield Check(
            "times",
            "ok" if same else "fail",
            f"{len(file['time'])} for {frames} frames",
            "" if same else "run `dvc repro decode`",
        )
        yield _compared("counts", {"frames": frames}, stage_report(path), "decode")


def _tracks(path: Path) -> Iterator[Check]:
    facts = describe_film(path)
    with h5py.File(path) as file:
        side = int(file.attrs["size"])
        for person, group in enumerate(persons_of(file)):
            source, sizes = group["source"][:], np.diff(group["offsets"][:])
            boxes = np.isfinite(group["boxes"][:]).all(1)
            agree = np.array_equal(source != 0, sizes > 0) and np.array_equal(source != 0, boxes)
            yield Check(
                f"person {person}: crops where there is a box",
                "ok" if agree else "fail",
                f"{int((sizes > 0).sum())} crops, {int(boxes.sum())} boxes, "
                f"{int((source != 0).sum())} frames that are not missing",
                "" if agree else "run `dvc repro crop`",
            )
            yield _pictures(f"person {person}: crops", group, (side, side, 3))
    recorded = stage_report(path).get("persons")
    for person, row in enumerate(facts["persons"]):
        report = recorded[person] if recorded else {}
        now = {name: row["coverage"][name] for name in SOURCES}
        yield _compared(f"person {person}: coverage", now, report, "crop")


def _boxes(path: Path) -> Iterator[Check]:
    with h5py.File(path) as file:
        for person, group in enumerate(persons_of(file)):
            boxes, scores = group["boxes"][:], group["scores"][:]
            finite = np.isfinite(boxes).all() and np.isfinite(scores).all()
            inside = bool(((scores >= 0) & (scores <= 1)).all())
            area = bool((boxes[:, 2:] > boxes[:, :2]).all())
            whole = int(group["offsets"][-1]) == len(boxes) == len(scores)
            good = finite and inside and area and whole
            yield Check(
                f"person {person}: candidates",
                "ok" if good else "fail",
                f"{len(boxes)}: finite {finite}, scores in [0, 1] {inside}, with an area {area}, "
                f"as many as declared {whole}",
                "" if good else "run `dvc repro ground`",
            )


def _pictures(name: str, group: h5py.Group, shape: tuple[int, ...]) -> Check:
    reader = JpegReader(group)
    odd: list[str] = []
    empty = 0
    for frame in range(len(reader)):
        try:
            picture = reader[frame]
        except RhasError as error:
            odd.append(f"frame {frame}: {error.got}")
            continue
        empty += picture is None
        if picture is not None and picture.shape != shape:
            odd.append(f"frame {frame} is {picture.shape}")
    if odd:
        return Check(name, "fail", f"{len(odd)} of {len(reader)} cannot be used; {odd[0]}",
                     "delete the file and run `dvc repro`")  # fmt: skip
    return Check(name, "ok", f"{len(reader) - empty:,} decode, {empty:,} are empty")


def _compared(name: str, now: dict[str, int], report: dict[str, Any], stage: str) -> Check:
    if not all(key in report for key in now):
        return Check(name, "warn", f"{_told(now)}; no report.json beside the file to compare with")
    then = {key: report[key] for key in now}
    if then == now:
        return Check(name, "ok", f"as reported: {_told(now)}")
    return Check(name, "fail", f"{_told(now)}; reported: {_told(then)}", f"run `dvc repro {stage}`")


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in counts.items())


def _samples(path: Path) -> Iterator[Check]:
    from rhas.chunk import Samples
    from rhas.stores.manifest import SUBSETS

    facts = describe_samples(path)
    root = project_folder(path) or Path()
    features = root / facts["features"]
    problems: list[str] = []
    windows = 0
    for side in SUBSETS:
        for sample in Samples(path, side).samples:
            windows += 1
            store = features / f"{sample.movie}.zarr"
            try:
                own = FeatureStore(store).read_info(sample.person)
                widths = FeatureStore(store).read_widths(sample.person)
            except RhasError as error:
                problems.append(f"{sample.sample}: {error.what}")
                continue
            if sample.stop > own.frames or not 0 <= sample.start < sample.stop:
                problems.append(f"{sample.sample}: beyond its film of {own.frames} frames")
            if (*widths, own.fps) != (facts["D"], facts["D_text"], facts["fps"]):
                problems.append(f"{sample.sample}: features of another width or rate")
    yield Check(
        "windows and features",
        "fail" if problems else "ok",
        f"{len(problems)} problems, first: {problems[0]}" if problems else f"{windows} fit",
        "run `dvc repro chunk`" if problems else "",
    )


def _scores(path: Path) -> Iterator[Check]:
    facts = describe_scores(path)
    lengths = {group["scores"].shape[0] for group in score_groups(path)}
    for person, row in enumerate(facts["persons"]):
        bad = ", ".join(row["flags"])
        yield Check(f"person {person}: scores", "fail" if bad else "ok",
                    bad or f"finite, in [0, 1], {facts['frames']:,} frames",
                    "run `rhas segment` again" if bad else "")  # fmt: skip
    if len(lengths) > 1:
        yield Check("lengths", "fail", f"persons of {sorted(lengths)} frames",
                    "run `rhas segment` again")  # fmt: skip


def _checkpoint(path: Path) -> Iterator[Check]:
    from safetensors import safe_open

    facts = describe_checkpoint(path)
    bad: list[str] = []
    constant: list[str] = []
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  (it has no __iter__)
                tensor = tensors.get_tensor(name)
                if not tensor.isfinite().all():
                    bad.append(name)
                elif (
                    tensor.ndim > 1 and tensor.numel() > 1 and (tensor == tensor.flatten()[0]).all()
                ):
                    constant.append(name)
    yield Check("finite", "fail" if bad else "ok",
                f"{len(bad)} tensors are not, first {bad[0]}" if bad
                else f"{facts['parameters'] or 0:,} values",
                "train or download it again" if bad else "")  # fmt: skip
    if constant:
        yield Check("matrices of one value", "warn", f"{len(constant)}, first {constant[0]}",
                    "was the training stopped before it began?")  # fmt: skip
    if facts["kind"] == "model":
        from rhas.train import load_method

        try:
            load_method(path)
        except RhasError as error:
            yield Check("loads", "fail", str(error), error.do)
        else:
            yield Check("loads", "ok", f"as {facts['method']}, every weight fits the configuration")


def _md5(path: Path) -> Check:
    name = "checksums (MD5, dvc.lock)"
    recorded = recorded_md5(path)
    if recorded is None:
        return Check(name, "ok", "not a recorded output of a DVC project: nothing to compare with")
    changed = [
        inside
        for inside, md5 in recorded.items()
        if not (file := path / inside if inside else path).is_file() or _md5_of(file) != md5
    ]
    if path.is_dir():
        there = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
        changed += sorted(there - set(recorded))
    if changed:
        first = changed[0] or path.name
        return Check(
            name,
            "fail",
            f"{len(changed)} of {len(recorded)} files differ, first {first}",
            "run `dvc repro`; after an edit of the hard-linked file by hand remove DVC's copy, too",
        )
    return Check(name, "ok", f"{len(recorded)} file(s) as recorded")


def _md5_of(path: Path) -> str:
    state = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            state.update(block)
    return state.hexdigest()


_VERIFIERS: dict[Kind, Callable[[Path], Iterator[Check]]] = {
    "feature store": _feature_store,
    "feature stores": _each("*.zarr"),
    "frames": _frames,
    "boxes": _boxes,
    "tracks": _tracks,
    "film stores": _each("*.h5"),
    "samples": _samples,
    "model": _checkpoint,
    "weights": _checkpoint,
    "scores": _scores,
}
