"""RHAS133 as its authors' code reads it: pickles of labels, features as .npy files.

What that code shows: per side (train, val, test) ``actions_<side>_rhas.pkl`` holds per sample a
list per frame of class numbers, counted from 0; features of sample i are ``<i>_blip_feat.npy``,
(T, Q, D) of BLIP-2's Q query tokens or (T, D), holistic and partial in two folders; where there
are no partial ones it takes the holistic ones. The random split lists feature files in
``<side>_files.pkl`` beside ``<side>_anno.pkl``.

What it does not show, and what is assumed here, strictly: ``person_ref_<side>_rhas.pkl`` holds per
sample one sentence, or one sentence repeated for every frame; ``frame_ids_<side>_rhas.pkl`` is
loaded there and never used, and is not read here. Which samples are of one movie is not said, so
every sample becomes a movie of its own with one person. The rate is not said either: 3,000 frames
last 3.3 minutes, 15 a second. A partial row of zeros is taken as a missing crop.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.base.units import frame_to_seconds
from rhas.data.annotations import TimedAction
from rhas.data.audit import Audit
from rhas.data.labels import LabelMap
from rhas.data.pickles import load_pickle
from rhas.stores.featurestore import Features, FeatureStoreWriter
from rhas.stores.manifest import SUBSETS, Film

Vlm = Literal["blip2", "clip"]
Protocol = Literal["cross_movie", "random"]

HOLISTIC: dict[Vlm, tuple[str, ...]] = {
    "blip2": ("RHAS_feature_blipv2", "RHAS_feature_blipv2_val", "RHAS_feature_blipv2_test"),
    "clip": tuple(f"RHAS_1_feature_clip_{s}/RHAS_feature_clip_{s}" for s in SUBSETS),
}
PARTIAL: dict[Vlm, tuple[str, ...]] = {
    "blip2": tuple(f"RHAS_feature_blipv2_{side}_grounding_dino" for side in SUBSETS),
    "clip": tuple(f"RHAS_feature_clip_{side}_grounding_dino" for side in SUBSETS),
}
_ENDING: dict[Vlm, str] = {"blip2": "blip_feat.npy", "clip": "clip_feat.npy"}
_LISTED = re.compile(r"(\d+)_blip_feat\.npy")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character, which no file can hold
_BLOCK = 256
_MOST_FRAMES = 1_000_000
D_TEXT = 1  # the published files hold no embedding of the reference; a store needs one value


@dataclass(frozen=True)
class Source:
    """One sample before anything of it is read.

    Args:
        name: of the movie it becomes.
        side: train, val or test.
        place: file of its labels, and where they stand in it.
        frames: class numbers by frame, as published.
        sentence: the reference; empty where there is none.
        holistic, partial: files, which may be absent.
    """

    name: str
    side: str
    place: str
    frames: Sequence[Any]
    sentence: str
    holistic: Path
    partial: Path


def find_sources(
    pickles: Path, features: Path, vlm: Vlm, protocol: Protocol, audit: Audit
) -> list[Source]:
    """The samples of all sides that are there.

    Args:
        pickles: folder of the pickles.
        features: folder that holds the folders of features under their published names.

    Raises:
        RhasError: no side at all, a refused pickle, one whose lists do not belong together.
    """
    make = _cross_movie if protocol == "cross_movie" else _random
    sources = [s for side in SUBSETS for s in make(pickles, features, vlm, side, audit)]
    if not sources:
        raise _no_sample(pickles, features, vlm, protocol, audit)
    _check_once(sources, pickles)
    return sources


def _no_sample(
    pickles: Path, features: Path, vlm: Vlm, protocol: Protocol, audit: Audit
) -> RhasError:
    """Samples without features, or no samples either."""
    if lacking := audit.found.get("sample without features"):
        return RhasError(
            "no features of any sample",
            where=str(features),
            expected=f"{' or '.join(HOLISTIC[vlm])} in it, with <number>_{_ENDING[vlm]}",
            got=f"{len(lacking)} samples in {pickles}, the first {lacking[0]}",
            do="name the folder that holds these",
        )
    pattern = "actions_<side>_rhas.pkl" if protocol == "cross_movie" else "<side>_anno.pkl"
    return RhasError("no sample", where=str(pickles), expected=f"{pattern} for train, val or test")


def _check_once(sources: Sequence[Source], pickles: Path) -> None:
    """Raises RhasError where lists name a sample twice, as those of the random split may."""
    counts = Counter(source.name for source in sources)
    twice = [name for name, count in counts.items() if count > 1]
    if not twice:
        return
    first, second = [source for source in sources if source.name == twice[0]][:2]
    raise RhasError(
        "a sample is listed twice",
        where=f"{pickles}: {first.side}_files.pkl, {second.side}_files.pkl",
        got=f"{first.holistic.name} of {first.holistic.parent.name}: labels in {first.place} and "
        f"{second.place}" + (f"; and {len(twice) - 1} others" if len(twice) > 1 else ""),
        do="leave it in one of the lists, and its labels in the pickle beside that one",
    )


def _cross_movie(
    pickles: Path, features: Path, vlm: Vlm, side: str, audit: Audit
) -> Iterator[Source]:
    file = pickles / f"actions_{side}_rhas.pkl"
    if not file.is_file():
        return
    actions = _list(load_pickle(file), file)
    sentences = _sentences(pickles / f"person_ref_{side}_rhas.pkl", len(actions))
    if not sentences:
        audit.add("no sentence", f"{side}: {pickles / f'person_ref_{side}_rhas.pkl'} is absent")
    number = SUBSETS.index(side)
    folders = features / HOLISTIC[vlm][number], features / PARTIAL[vlm][number]
    known = set(range(len(actions)))
    for index in sorted(known & _indices(folders[0], vlm)):
        whole, crop = (folder / f"{index}_{_ENDING[vlm]}" for folder in folders)
        sentence = sentences[index] if sentences else ""
        if sentences and not sentence.strip():
            audit.add("no sentence", f"{_name(side, index)}: an empty one")
            sentence = ""
        place = f"{file}, sample {index}"
        yield Source(_name(side, index), side, place, actions[index], sentence, whole, crop)
    for index in sorted(_indices(folders[0], vlm) - known):
        audit.add("sample without labels", f"{folders[0] / f'{index}_{_ENDING[vlm]}'}")
    for index in sorted(known - _indices(folders[0], vlm)):
        lacking = folders[0] / f"{index}_{_ENDING[vlm]}"
        audit.add("sample without features", f"{side} {index}: no {lacking}")


def _random(pickles: Path, features: Path, vlm: Vlm, side: str, audit: Audit) -> Iterator[Source]:
    file, listing = pickles / f"{side}_anno.pkl", pickles / f"{side}_files.pkl"
    if not file.is_file():
        return
    actions, names = _list(load_pickle(file), file), _list(load_pickle(listing), listing)
    if len(actions) != len(names):
        raise RhasError(
            "the lists do not belong together",
            where=f"{file}, {listing}",
            got=f"{len(actions)} and {len(names)} samples",
        )
    audit.add("no sentence", f"{side}: the random split lists none")
    for index, (frames, name) in enumerate(zip(actions, names, strict=True)):
        parts = PurePosixPath(str(name)).parts[-2:]
        found = _LISTED.fullmatch(parts[-1]) if len(parts) == 2 else None
        if not isinstance(name, str) or not found or parts[0] not in HOLISTIC["blip2"]:
            raise RhasError(
                "not the path of a feature file",
                where=str(listing),
                expected=f".../{HOLISTIC['blip2'][0]}/<number>_blip_feat.npy",
                got=repr(name),
            )
        number = HOLISTIC["blip2"].index(parts[0])  # the side it had in the cross-movie split
        inside = f"{int(found[1])}_{_ENDING[vlm]}"
        whole = features / HOLISTIC[vlm][number] / inside
        crop = features / PARTIAL[vlm][number] / inside
        if whole.is_file():
            own = _name(SUBSETS[number], int(found[1]))
            yield Source(own, side, f"{file}, sample {index}", frames, "", whole, crop)
        else:
            audit.add("sample without features", f"{side}: no {whole}")


def _name(side: str, index: int) -> str:
    return f"rhas133_{side}_{index:05d}"


def _indices(folder: Path, vlm: Vlm) -> set[int]:
    found = (re.fullmatch(rf"(\d+)_{_ENDING[vlm]}", p.name) for p in folder.glob("*.npy"))
    return {int(match[1]) for match in found if match}


def _list(value: Any, where: Path) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise RhasError(
            "not a list of samples", where=str(where), got=type(value).__name__,
            expected="a list with one entry per sample",
        )  # fmt: skip
    return list(value)


def _sentences(path: Path, samples: int) -> list[str]:
    if not path.is_file():
        return []
    found = []
    for index, value in enumerate(_list(load_pickle(path), path)):
        texts = {value} if isinstance(value, str) else (
            set(value) if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
            else set(value.tolist()) if isinstance(value, np.ndarray) and value.dtype.kind == "U"
            else set()
        )  # fmt: skip
        if len(texts) != 1:
            raise RhasError(
                "not a sentence",
                where=f"{path}, sample {index}",
                expected="a sentence, or one sentence repeated for every frame",
                got=f"{len(texts)} different ones" if texts else type(value).__name__,
            )
        found.append(texts.pop().strip())
        if _SURROGATE.search(found[-1]):
            raise RhasError(
                "not a sentence",
                where=f"{path}, sample {index}",
                expected="text of whole Unicode characters",
                got=ascii(found[-1][:60]),
            )
    if len(found) != samples:
        raise RhasError(
            "the lists do not belong together",
            where=str(path),
            expected=f"{samples} sentences, one per sample of the actions",
            got=str(len(found)),
        )
    return found


def write_samples(
    sources: Sequence[Source],
    labels: LabelMap,
    base: int | None,
    fps: float,
    vlm: Vlm,
    out: Path,
    audit: Audit,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[list[Film], list[TimedAction]]:
    """Writes a feature store per sample into the folder ``out``; a broken one becomes a finding.

    Returns:
        The films of the manifest (without a film's file) and their annotations.
    """
    base = 0 if base is None else base
    numbers = _numbers(sources)
    _check_range(numbers, base, sources)
    audit.add("class numbers", f"the first class has number {base}")
    classes = {n: _class(n - base, labels, audit) for n in sorted(numbers)}
    films: list[Film] = []
    annotations: list[TimedAction] = []
    reports: dict[str, Any] = {}
    widths: Counter[int] = Counter()
    for done, source in enumerate(sources):
        try:
            features = _features(source, audit)
        except (RhasError, ValueError, OSError, EOFError) as error:
            audit.add("unreadable features", f"{source.holistic}: {_one_line(error)}")
            continue
        frames = len(features.present)
        widths[features.holistic.shape[1]] += 1
        sentence = source.sentence or f"the person of sample {source.name}"
        attributes = {
            "movie": source.name, "fps": float(fps), "frames": frames, "encoder": vlm,
            "checkpoint": "imported", "checkpoint_hash": "", "dtype": "float16", "truth": False,
            "person": 0, "reference": sentence, "statistics": _statistics(features),
        }  # fmt: skip
        FeatureStoreWriter(out / f"{source.name}.zarr").write_person(0, features, attributes)
        films.append(Film(source.name, f"films/{source.name}", "", (sentence,), source.side))
        annotations += _intervals(source, frames, classes, fps)
        missing = int((~features.present).sum())
        reports[source.name] = {"frames": frames, "persons": 1, "missing": [missing]}
        progress(done + 1, len(sources))
    if len(widths) > 1:
        raise RhasError("features of different widths", where=str(sources[0].holistic.parent),
                        got=", ".join(f"{n} of width {w}" for w, n in widths.items()))  # fmt: skip
    audit.add("no embedding of the reference", f"all {len(films)} samples")
    write_json(out / "report.json", reports)
    audit.counts = {
        "samples": len(films),
        "annotations": len(annotations),
        "classes": len({a.action for a in annotations}),
        "D": next(iter(widths), 0),
    }
    return films, annotations


def _numbers(sources: Sequence[Source]) -> set[int]:
    """All class numbers of all frames.

    Raises:
        RhasError: a frame that is no list of whole numbers.
    """
    found: set[int] = set()
    for source in sources:
        if not isinstance(source.frames, list | tuple | np.ndarray):
            raise _not_labels(source, type(source.frames).__name__)
        if len(source.frames) > _MOST_FRAMES:
            raise _not_labels(source, f"{len(source.frames)} frames")
        for number, frame in enumerate(source.frames):
            found.update(_frame(source, number, frame))
    if not found:
        raise RhasError("no label in any sample", where=sources[0].place)
    return found


def _check_range(numbers: set[int], base: int, sources: Sequence[Source]) -> None:
    """Raises RhasError, with the first place, where a number is none of the list's."""
    last = len(CLASSES)
    outside = {n for n in numbers if not base <= n < base + last}
    if not outside:
        return
    other = 1 - base
    fits = all(other <= n < other + last for n in numbers)
    raise RhasError(
        "class numbers outside the list of RHAS133",
        where=_first_place(outside, sources),
        expected=f"0 to {last - 1} with --id-base 0, 1 to {last} with --id-base 1",
        got=f"{min(numbers)} to {max(numbers)} with --id-base {base}",
        do=f"give --id-base {other}, which all of them fit"
        if fits
        else "look at that frame: no --id-base fits, so this is no list of RHAS133's classes",
    )


def _first_place(numbers: set[int], sources: Sequence[Source]) -> str:
    for source in sources:
        for index, frame in enumerate(source.frames):
            if found := numbers.intersection(_frame(source, index, frame)):
                return f"{source.place}, frame {index}: class {min(found)}"
    raise AssertionError("the numbers come from these sources")


def _frame(source: Source, number: int, frame: Any) -> list[int]:
    values = frame.tolist() if isinstance(frame, np.ndarray) else frame
    values = [values] if isinstance(values, int) and not isinstance(values, bool) else values
    if not isinstance(values, list | tuple) or not all(type(v) is int for v in values):
        raise _not_labels(source, f"frame {number} is {str(frame)[:40]!r}")
    if len(values) > 2 and set(values) <= {0, 1}:
        told = f"frame {number} holds {len(values)} numbers, each 0 or 1"
        raise _not_labels(source, told, "this looks multi-hot, a 0 or 1 per class: give instead "
                          "the numbers of the classes that are 1")  # fmt: skip
    return list(values)


def _not_labels(source: Source, got: str, do: str = "") -> RhasError:
    return RhasError(
        "not the labels of a sample",
        where=source.place,
        expected="a list per frame of class numbers",
        got=got,
        do=do,
    )


def _class(index: int, labels: LabelMap, audit: Audit) -> str:
    """The class of a number from 0 on, "" where the map leaves it out."""
    name = CLASSES[index]
    mapped = labels.renamed.get(name, name)
    if mapped != name:
        finding = "renamed by the label map" if mapped else "left out by the label map"
        audit.add(finding, f"{name} -> {mapped or 'nothing'}")
    return mapped


def _features(source: Source, audit: Audit) -> Features:
    holistic = _open(source.holistic)
    lengths = {"labels": len(source.frames), "holistic": len(holistic)}
    partial = None
    if source.partial.is_file():
        partial = _open(source.partial)
        lengths["partial"] = len(partial)
        if partial.shape[-1] != holistic.shape[-1]:
            raise RhasError("partial features of another width", got=str(partial.shape))
    else:
        audit.add("no partial features", f"{source.name}: no {source.partial}")
    frames = min(lengths.values())
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {count}" for name, count in lengths.items())
        audit.add("features of another length than labels", f"{source.name}: {shown}")
    if not frames:
        raise RhasError("no frame", got=str(lengths))
    whole = _averaged(holistic, frames)
    crops = np.zeros_like(whole) if partial is None else _averaged(partial, frames)
    if holistic.ndim == 3:
        audit.add("averaged over query tokens", f"{source.name}: {holistic.shape}")
    present = (crops != 0).any(1)
    missing = int((~present).sum())
    if missing and partial is not None:
        audit.add("missing crop", f"{source.name}: {missing} of {frames} frames")
    return Features(whole, crops, present, np.zeros(D_TEXT, np.float32))


def _open(path: Path) -> np.ndarray:
    """An array in its file, (T, D) or (T, Q, D) of floating-point numbers."""
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise RhasError("not a .npy file", where=str(path))
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim not in (2, 3) or array.dtype.kind != "f" or array.shape[-1] == 0:
        raise RhasError(
            "not features", where=str(path), expected="floats (T, D) or (T, Q, D)",
            got=f"{array.dtype} {array.shape}",
        )  # fmt: skip
    return array


def _averaged(array: np.ndarray, frames: int) -> np.ndarray:
    """The first frames, query tokens averaged, float16 (frames, D)."""
    made = np.empty((frames, array.shape[-1]), np.float16)
    for start in range(0, frames, _BLOCK):
        block = np.asarray(array[start : min(start + _BLOCK, frames)], np.float32)
        with np.errstate(over="ignore"):
            made[start : start + len(block)] = block.mean(1) if block.ndim == 3 else block
    if not np.isfinite(made).all():
        first = int((~np.isfinite(made).all(1)).argmax())
        raise RhasError("features that are not finite in float16", got=f"frame {first}")
    return made


def _statistics(features: Features) -> dict[str, dict[str, float]]:
    """As extract's: of all frames, and of those with a crop."""
    rows = {"holistic": features.holistic, "partial": features.partial[features.present]}
    return {
        stream: {
            "mean": float(values.mean(dtype=np.float64)),
            "std": float(values.std(dtype=np.float64)),
            "abs_max": float(np.abs(values).max()),
        }
        for stream, values in rows.items()
        if values.size
    }


def _intervals(
    source: Source, frames: int, classes: Mapping[int, str], fps: float
) -> list[TimedAction]:
    """Runs of frames with one class, seconds; for example frames 0-2 and 4 are two intervals."""
    open_since: dict[str, int] = {}
    found = []
    for number in range(frames + 1):
        names = (
            {classes[n] for n in _frame(source, number, source.frames[number])} - {""}
            if number < frames
            else set()
        )
        for name in [name for name in open_since if name not in names]:
            start, end = (frame_to_seconds(n, fps) for n in (open_since.pop(name), number))
            found.append(TimedAction(source.name, 0, name, start, end))
        for name in names:
            open_since.setdefault(name, number)
    return sorted(found, key=lambda a: (a.start_s, a.end_s, a.action))


def _one_line(error: BaseException) -> str:
    return str(error).replace("\n", ";")
