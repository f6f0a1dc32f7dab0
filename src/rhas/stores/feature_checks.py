"""What a feature store holds, from its metadata, and whether every value is as recorded.

Metadata are read as JSON, not through zarr: a folder of hundreds of stores opens in a moment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rhas.base.checks import Check, Level
from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.stores.checking import REPAIR, Facts, guard_reading
from rhas.stores.features import ARRAYS, CHUNK_FRAMES, FeatureStore
from rhas.stores.tracks import FilmTracks

_PLAIN = {"bytes", "crc32c", "sharding_indexed", "transpose"}
_FLOAT16_NEARLY_FULL = 30_000.0
_TOLERANCE = 1e-6  # of figures summed in another order, relative
_FROZEN_SECONDS = 2.0
_DO = "run `dvc repro extract`"


def describe_features(path: Path, tracks: FilmTracks | None) -> Facts:
    """Facts for `rhas inspect`, JSON-able: those of `describe_metadata`, size, coverage by person.

    Args:
        path: the store.
        tracks: of the same film, where known: it says which boxes are interpolated.

    Raises:
        RhasError: metadata that cannot be read.
    """
    facts = describe_metadata(path)
    for number, person in enumerate(facts["persons"]):
        person["coverage"] = _measure_coverage(FeatureStore(path), number, tracks)
        person["flags"] += _flag_coverage(person["coverage"])
    files = [p for p in path.rglob("*") if p.is_file()]
    return {"bytes": sum(p.stat().st_size for p in files), "files": len(files), **facts}


def describe_metadata(path: Path) -> Facts:
    """Attributes, arrays, flags, and reference, statistics and flags of each person, from the
    metadata alone."""
    FeatureStore(path).check_version()
    attributes = _read_json(path / "zarr.json").get("attributes", {})
    arrays = {
        child.name: _describe_array(child)
        for child in sorted(path.iterdir())
        if (child / "zarr.json").is_file()
    }
    lacking = [name for name in ARRAYS if name not in arrays]
    if lacking:
        raise RhasError(
            f"the feature store lacks {', '.join(map(repr, lacking))}",
            where=str(path),
            do=REPAIR,
        )
    persons, frames, _ = _read_dimensions(path, arrays)
    return {
        "persons": [_describe_person(attributes, number) for number in range(persons)],
        "frames": frames,
        "arrays": arrays,
        "attributes": attributes,
        "flags": _find_flags(attributes, persons, frames),
    }


def _read_dimensions(path: Path, arrays: Facts) -> list[int]:
    """The shape of ``holistic``: P, T, D."""
    shape: list[int] = arrays["holistic"]["shape"]
    if len(shape) != 3 or not all(isinstance(size, int) for size in shape):
        raise RhasError(
            "the feature store is damaged",
            where=f"{path}, holistic",
            expected="persons, frames, width",
            got=str(shape),
            do=REPAIR,
        )
    return shape


def _describe_person(attributes: Facts, number: int) -> Facts:
    references, statistics = attributes.get("references", ()), attributes.get("statistics", ())
    figures = statistics[number] if number < len(statistics) else {}
    return {
        "reference": references[number] if number < len(references) else "",
        "statistics": figures,
        "flags": _flag_statistics(figures),
    }


def _read_json(path: Path) -> Facts:
    with guard_reading(path, what="the feature store is damaged"):
        check_regular_file(path)
        return json.loads(path.read_text("utf-8"))


def _describe_array(folder: Path) -> Facts:
    metadata = _read_json(folder / "zarr.json")
    shape, dtype = metadata["shape"], np.dtype(metadata["data_type"])
    chunk = shard = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    codecs = metadata["codecs"]
    sharded = next((c for c in codecs if c["name"] == "sharding_indexed"), None)
    if sharded:
        chunk = sharded["configuration"]["chunk_shape"]
        codecs = sharded["configuration"]["codecs"]
    files = [p for p in folder.rglob("*") if p.is_file()]
    data = [p for p in files if p.name != "zarr.json"]
    return {
        "shape": shape,
        "dtype": str(dtype),
        "chunk": chunk,
        "shard": shard if sharded else None,
        "files": len(data),
        "bytes": math.prod(shape) * dtype.itemsize,
        "stored_bytes": sum(p.stat().st_size for p in files),
        "compression": [c["name"] for c in codecs if c["name"] not in _PLAIN],
    }


def _flag_statistics(statistics: Facts) -> list[str]:
    flags = []
    for stream, figures in statistics.items():
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in figures.values()):
            flags.append(f"{stream} not finite")
        elif figures.get("std") == 0:
            flags.append(f"{stream} constant")
        elif figures.get("abs_max", 0) > _FLOAT16_NEARLY_FULL:
            flags.append(f"{stream} near the end of float16")
    return flags


def _find_flags(attributes: Facts, persons: int, frames: int) -> list[str]:
    flags = ["made from true boxes"] if attributes.get("truth") else []
    if attributes.get("frames", frames) != frames:
        flags.append("attribute 'frames' is not the arrays' length")
    if len(attributes.get("references", ())) != persons:
        flags.append("attribute 'references' is not one per person of the arrays")
    return flags


def _measure_coverage(
    store: FeatureStore, number: int, tracks: FilmTracks | None
) -> dict[str, int]:
    """Frames by source; ``present`` alone where the tracks are absent or of other frames."""
    present = store.read_stored(number, "present")
    if tracks is not None and number < len(tracks.persons):
        person = tracks.persons[number]
        if np.array_equal(person.present, present):
            return person.count_sources()
    return {"missing": int((~present).sum()), "present": int(present.sum())}


def _flag_coverage(coverage: dict[str, int]) -> list[str]:
    total = sum(coverage.values())
    if coverage["missing"] == total:
        return ["never found"]
    share = coverage["missing"] / total
    return [f"missing in {share:.0%} of the frames"] if share > 0.5 else []


def check_features(path: Path) -> Iterator[Check]:
    """Reads every value and compares it with the statistics that were recorded."""
    facts = describe_metadata(path)
    shapes = {name: facts["arrays"][name]["shape"] for name in ("holistic", "partial", "present")}
    if len({tuple(shape[:2]) for shape in shapes.values()}) > 1:
        yield Check("persons and frames", "fail", str(shapes), _DO)
        return
    for number in range(len(facts["persons"])):
        try:
            yield from _check_streams(FeatureStore(path), number, facts)
        except (ValueError, OSError, RhasError) as error:
            yield Check(f"person {number}, values", "fail", f"cannot be read: {error}",
                        "delete the store and run `dvc repro extract`")  # fmt: skip


def _check_streams(store: FeatureStore, number: int, facts: Facts) -> Iterator[Check]:
    frames = facts["frames"]
    present = store.read_stored(number, "present")
    recorded = facts["persons"][number]["statistics"]
    fps = float(facts["attributes"].get("fps", 15))
    for stream, rows in (("holistic", np.ones_like(present)), ("partial", present)):
        figures = StreamFigures(facts["arrays"][stream]["shape"][-1])
        stray = 0
        for start in range(0, frames, CHUNK_FRAMES):
            block = store.read_stored(number, stream, start, start + CHUNK_FRAMES)
            used = rows[start : start + CHUNK_FRAMES]
            stray += int((block[~used] != 0).any(1).sum())
            figures.add(block, used, start)
        name = f"person {number}, {stream}"
        yield figures.check_finite(f"{name}: finite")
        yield figures.check_statistics(f"{name}: statistics", recorded.get(stream))
        yield figures.check_variation(f"{name}: variation", fps)
        if stream == "partial":
            yield Check(
                f"{name}: zero where missing",
                "fail" if stray else "ok",
                f"{stray} frames are not" if stray else f"{int((~present).sum())} frames",
                _DO if stray else "",
            )


class StreamFigures:
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

    def check_finite(self, name: str) -> Check:
        if self.bad:
            found = f"{self.bad} frames hold NaN or infinity, the first is {self.first_bad}"
            return Check(name, "fail", found, "use another checkpoint and run `dvc repro extract`")
        return Check(name, "ok", f"{self.count:,} values")

    def check_statistics(self, name: str, recorded: dict[str, float] | None) -> Check:
        if not self.count:
            return Check(name, "ok", "no value")
        mean = self.sum / self.count
        std = math.sqrt(max(self.squares / self.count - mean**2, 0.0))
        now = {"mean": mean, "std": std, "abs_max": self.abs_max}
        if recorded is None:
            return Check(name, "warn", f"none recorded; {_join_figures(now)}")
        scale = max(std, self.abs_max, 1e-12)
        off = {k: v for k, v in now.items() if k not in recorded
               or not abs(v - recorded[k]) <= _TOLERANCE * scale}  # fmt: skip
        if off:
            found = f"now {_join_figures(now)}; recorded {_join_figures(recorded)}"
            return Check(name, "fail", found, "the store was changed: run `dvc repro extract`")
        return Check(name, "ok", f"as recorded: {_join_figures(now)}")

    def check_variation(self, name: str, fps: float) -> Check:
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


def _join_figures(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in figures.items())
