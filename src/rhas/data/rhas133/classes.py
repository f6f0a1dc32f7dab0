"""Class numbers of RHAS133's samples, frame by frame, as intervals of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.base.units import frame_to_seconds
from rhas.data.annotations import TimedAction
from rhas.data.audit import Audit
from rhas.data.labels import LabelMap, class_range_error
from rhas.data.rhas133.sources import PublishedSample

_MAX_FRAMES = 1_000_000


def find_classes(
    samples: Sequence[PublishedSample], labels: LabelMap, base: int, audit: Audit
) -> dict[int, str]:
    """The class of every number that occurs, "" where the label map leaves it out.

    Args:
        base: number of the first class.

    Raises:
        RhasError: a frame that is not a list of whole numbers, or a number of no class.
    """
    numbers = _collect_numbers(samples)
    _check_range(numbers, base, samples)
    audit.add("class numbers", f"the first class has number {base}")
    return {n: _map_class(CLASSES[n - base], labels, audit) for n in sorted(numbers)}


def _collect_numbers(samples: Sequence[PublishedSample]) -> set[int]:
    found: set[int] = set()
    for sample in samples:
        if not isinstance(sample.frames, list | tuple | np.ndarray):
            raise _labels_error(sample, type(sample.frames).__name__)
        if len(sample.frames) > _MAX_FRAMES:
            raise _labels_error(sample, f"{len(sample.frames)} frames")
        for frame in range(len(sample.frames)):
            found.update(_read_frame(sample, frame))
    if not found:
        raise RhasError("no label in any sample", where=samples[0].place)
    return found


def _check_range(numbers: set[int], base: int, samples: Sequence[PublishedSample]) -> None:
    """Raises RhasError, with the first place, where a number is none of the list's."""
    last = len(CLASSES)
    outside = {n for n in numbers if not base <= n < base + last}
    if not outside:
        return
    other = 1 - base
    fits = all(other <= n < other + last for n in numbers)
    raise class_range_error(
        _find_place(outside, samples),
        f"{min(numbers)} to {max(numbers)} with --id-base {base}",
        f"give --id-base {other}, which all of them fit"
        if fits
        else "look at that frame: no --id-base fits, so this is no list of RHAS133's classes",
    )


def _find_place(numbers: set[int], samples: Sequence[PublishedSample]) -> str:
    for sample in samples:
        for frame in range(len(sample.frames)):
            if found := numbers.intersection(_read_frame(sample, frame)):
                return f"{sample.place}, frame {frame}: class {min(found)}"
    raise AssertionError("the numbers come from these samples")


def _read_frame(sample: PublishedSample, frame: int) -> list[int]:
    """Class numbers of one frame."""
    given: Any = sample.frames[frame]
    values = given.tolist() if isinstance(given, np.ndarray) else given
    values = [values] if isinstance(values, int) and not isinstance(values, bool) else values
    if not isinstance(values, list | tuple) or not all(type(v) is int for v in values):
        raise _labels_error(sample, f"frame {frame} is {str(given)[:40]!r}")
    if len(values) > 2 and set(values) <= {0, 1}:
        got = f"frame {frame} holds {len(values)} numbers, each 0 or 1"
        raise _labels_error(sample, got, "this looks multi-hot, a 0 or 1 per class: give instead "
                            "the numbers of the classes that are 1")  # fmt: skip
    return list(values)


def _labels_error(sample: PublishedSample, got: str, do: str = "") -> RhasError:
    return RhasError(
        "not the labels of a sample",
        where=sample.place,
        expected="a list per frame of class numbers",
        got=got,
        do=do,
    )


def _map_class(name: str, labels: LabelMap, audit: Audit) -> str:
    mapped = labels.renamed.get(name, name)
    if mapped != name:
        finding = "renamed by the label map" if mapped else "left out by the label map"
        audit.add(finding, f"{name} -> {mapped or 'nothing'}")
    return mapped


def find_intervals(
    sample: PublishedSample, frames: int, classes: Mapping[int, str], fps: float
) -> list[TimedAction]:
    """Runs of frames with one class, in seconds; for example frames 0-2 and 4 are two intervals.

    Args:
        frames: the first so many of the sample count.
        classes: see `find_classes`.
        fps: frames per second.
    """
    starts: dict[str, int] = {}
    found = []
    for frame in range(frames + 1):
        numbers = _read_frame(sample, frame) if frame < frames else []
        active = {classes[number] for number in numbers} - {""}
        for name in [name for name in starts if name not in active]:
            start, end = frame_to_seconds(starts.pop(name), fps), frame_to_seconds(frame, fps)
            found.append(TimedAction(sample.name, 0, name, start, end))
        for name in active:
            starts.setdefault(name, frame)
    return sorted(found, key=lambda a: (a.start_s, a.end_s, a.action))
