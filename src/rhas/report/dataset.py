"""Statistics of a data set, as the paper gives them of RHAS133: its size (Table 1), frames per
class and words of the references (Figure 2), persons per film (Figure 4); and what is done at once.

Legend: T frames of a film, C classes.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.base.files import read_json
from rhas.base.units import seconds_to_frame
from rhas.data.annotations import TimedAction, read_annotations
from rhas.stores.classes import find_classes
from rhas.stores.manifest import Manifest

_NO_CONTENT = frozenset(
    (
        "a", "an", "and", "at", "by", "for", "from", "has", "have", "he", "her", "him", "his", "in",
        "is", "it", "its", "of", "on", "or", "she", "that", "the", "their", "them", "they", "this",
        "to", "was", "wearing", "wears", "which", "who", "whose", "with",
    )
)  # fmt: skip

_LONGEST_S = 1e9  # of a film, in reason


@dataclass(frozen=True)
class ClassCount:
    """A class: frames of all persons, annotated intervals, persons, and the intervals' lengths."""

    name: str
    frames: int
    intervals: int
    persons: int
    median_s: float


@dataclass(frozen=True)
class Statistics:
    """What there is in a data set. Frames are counted once per person.

    Args:
        dataset: its name.
        fps: frames per second that seconds were turned into frames with.
        persons: references by movie.
        annotated: persons with an annotation.
        seconds: length by movie, None where nobody knows it.
        frames: of the annotated persons, to the film's end, or the last annotation where that is
            not known.
        classes: those that occur, most frames first.
        names: of all C classes.
        together: int (C, C), frames in which a person does both; on the diagonal one class.
        labels_per_frame: frames by the number of labels, from 0.
        lengths_s: of the intervals.
        words: of the references, without those of no content, most frequent first.
    """

    dataset: str
    fps: float
    persons: Mapping[str, int]
    annotated: int
    seconds: Mapping[str, float | None]
    frames: int
    classes: Sequence[ClassCount]
    names: ClassList
    together: NDArray[np.int64]
    labels_per_frame: Sequence[int]
    lengths_s: Sequence[float]
    words: Sequence[tuple[str, int]]

    @property
    def known_seconds(self) -> float:
        """Length of all films of which it is known."""
        return sum(seconds for seconds in self.seconds.values() if seconds is not None)

    @property
    def unknown_lengths(self) -> int:
        """Films whose length nobody knows."""
        return sum(seconds is None for seconds in self.seconds.values())

    def pairs(self) -> list[tuple[str, str, int]]:
        """Two classes and the frames in which a person does both, most first; none without one."""
        ids = [self.names.ids[item.name] for item in self.classes]
        names = self.names.names
        found = [(names[a], names[b], int(self.together[a, b])) for a, b in combinations(ids, 2)]
        return sorted((f for f in found if f[2]), key=lambda f: (-f[2], f[0], f[1]))

    def to_json(self) -> dict[str, object]:
        """As JSON-able values."""
        return {
            "dataset": self.dataset,
            "fps": self.fps,
            "films": len(self.persons),
            "persons": sum(self.persons.values()),
            "annotated_persons": self.annotated,
            "seconds": self.known_seconds,
            "films_of_unknown_length": self.unknown_lengths,
            "frames": self.frames,
            "intervals": len(self.lengths_s),
            "classes": [vars(item) for item in self.classes],
            "persons_per_film": dict(self.persons),
            "labels_per_frame": list(self.labels_per_frame),
            "together": [list(pair) for pair in self.pairs()],
            "words": [list(word) for word in self.words],
        }


def read_statistics(folder: Path, fps: float) -> Statistics:
    """The statistics of a prepared or imported data set.

    Args:
        folder: ``data/raw``, or the folder ``data`` around it.
        fps: frames per second, above 0.

    Raises:
        RhasError: no manifest, a malformed table, or a rate that is none.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise RhasError("a rate must be above 0", where="--fps", got=str(fps))
    raw = folder if (folder / "manifest.json").is_file() else folder / "raw"
    manifest = Manifest.read(raw)
    references = {film.movie: film.references for film in manifest.films}
    seconds = {film.movie: find_film_seconds(raw, film.movie, film.file) for film in manifest.films}
    return count_statistics(
        manifest.dataset, references, read_annotations(raw), seconds, fps, find_classes(raw)
    )


def count_statistics(
    dataset: str,
    references: Mapping[str, Sequence[str]],
    annotations: Sequence[TimedAction],
    seconds: Mapping[str, float | None],
    fps: float,
    classes: ClassList = RHAS133,
) -> Statistics:
    """The statistics of a data set from its tables; see `Statistics`.

    Raises:
        RhasError: an annotation of a person without reference.
    """
    by_person: dict[tuple[str, int], list[TimedAction]] = defaultdict(list)
    for row in annotations:
        if not 0 <= row.person < len(references.get(row.movie, ())):
            raise RhasError("an annotation of a person without reference", where="annotations.csv",
                            got=f"movie {row.movie}, person {row.person}",
                            do="add it to references.csv")  # fmt: skip
        by_person[row.movie, row.person].append(row)
    together = np.zeros((len(classes), len(classes)), np.int64)
    at_once = np.zeros(len(classes) + 1, np.int64)
    frames = 0
    for (movie, _), rows in by_person.items():
        labels = _label_frames(rows, seconds.get(movie), fps, classes)
        frames += len(labels)
        used = np.flatnonzero(labels.any(axis=0))
        counted = labels[:, used].astype(np.int64)
        together[np.ix_(used, used)] += counted.T @ counted
        at_once += np.bincount(labels.sum(axis=1), minlength=len(at_once))
    last = int(np.flatnonzero(at_once).max(initial=0))
    return Statistics(
        dataset, fps, {movie: len(texts) for movie, texts in references.items()}, len(by_person),
        seconds, frames, _count_classes(annotations, together, classes), classes, together,
        at_once[: last + 1].tolist(), [row.end_s - row.start_s for row in annotations],
        count_words(text for texts in references.values() for text in texts),
    )  # fmt: skip


def find_film_seconds(raw: Path, movie: str, file: str) -> float | None:
    """A film's length: as decode has reported it, or else as its container says; None where there
    is no film that can be read.

    Raises:
        RhasError: a report that is none of decode's.
    """
    from rhas.decode.container import inspect_once

    report = raw.parent / "frames" / "report.json"
    if report.is_file():
        known = _read_reported(report, movie)
        if known is not None:
            return known
    if not (raw / file).is_file():
        return None
    try:
        return inspect_once(raw / file).seconds
    except RhasError:
        return None


def _read_reported(report: Path, movie: str) -> float | None:
    """Seconds of a film in decode's report."""
    films = read_json(report)
    facts = films.get(movie, {}) if isinstance(films, dict) else None
    if isinstance(facts, dict):
        seconds = facts.get("seconds")
        if seconds is None:
            return None
        if type(seconds) in (int, float) and 0 <= seconds < _LONGEST_S:
            return float(seconds)
    raise RhasError(
        "not a report of decode", where=f"{report}, {movie}",
        expected='{movie: {"seconds": 8.0, ...}}', do="run `dvc repro decode`",
    )  # fmt: skip


def count_words(references: Iterable[str]) -> list[tuple[str, int]]:
    """Words in lower case with how often they occur, most frequent first; words without content
    (a, the, with, wearing) are left out."""
    counted = Counter(
        word
        for reference in references
        for word in re.findall(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", reference.lower())
        if word not in _NO_CONTENT
    )
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _label_frames(
    rows: Sequence[TimedAction], seconds: float | None, fps: float, classes: ClassList
) -> NDArray[np.bool_]:
    """bool (T, C) of one person."""
    ends = [_frame_span(row, fps)[1] for row in rows]
    length = max(ends) if seconds is None else seconds_to_frame(seconds, fps)
    labels = np.zeros((length, len(classes)), bool)
    for row in rows:
        start, stop = _frame_span(row, fps)
        labels[start:stop, classes.ids[row.action]] = True
    return labels


def _frame_span(row: TimedAction, fps: float) -> tuple[int, int]:
    start = seconds_to_frame(row.start_s, fps)
    return start, max(seconds_to_frame(row.end_s, fps), start + 1)


def _count_classes(
    annotations: Sequence[TimedAction], together: NDArray[np.int64], classes: ClassList
) -> list[ClassCount]:
    rows = defaultdict(list)
    for row in annotations:
        rows[row.action].append(row)
    counts = [
        ClassCount(
            name,
            int(together[classes.ids[name], classes.ids[name]]),
            len(members),
            len({(row.movie, row.person) for row in members}),
            float(np.median([row.end_s - row.start_s for row in members])),
        )
        for name, members in rows.items()
    ]
    return sorted(counts, key=lambda item: (-item.frames, item.name))
