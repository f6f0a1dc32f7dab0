"""Segments, and the two ways to compare them: edit distance and matching by overlap.

T frames, C classes, N segments. A segment is (class, start frame, end frame exclusive). The
arg-max segments of a sample never overlap; its label intervals overlap across classes, never
within one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError

BACKGROUND = -1
"""Stands for "no label" in a sequence of class ids."""


@dataclass(frozen=True)
class Segments:
    """Class ids, starts and ends (exclusive), each int64 (N,), in order of (class,) start."""

    label: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not self.label.shape == self.start.shape == self.stop.shape or self.label.ndim != 1:
            raise RhasError(
                "segments need one class, start and end each",
                expected="three arrays (N,)",
                got=f"{self.label.shape}, {self.start.shape}, {self.stop.shape}",
            )
        if np.any(self.stop <= self.start):
            raise RhasError("a segment must end after its start", got="an empty segment")

    def __len__(self) -> int:
        return len(self.label)


def find_runs(values: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends (exclusive) of the maximal runs of equal rows, int64 (R,) each.

    Args:
        values: (T,) or (T, C); rows are compared exactly.
    """
    if len(values) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    changed = values[1:] != values[:-1]
    if changed.ndim == 2:
        changed = changed.any(axis=1)
    cuts = np.flatnonzero(changed) + 1
    return np.concatenate(([0], cuts)), np.concatenate((cuts, [len(values)]))


def find_segments(labels: NDArray[np.integer]) -> Segments:
    """The segments of a single-label sequence (T,), those of BACKGROUND left out."""
    start, stop = find_runs(labels)
    labelled = labels[start] != BACKGROUND
    return Segments(labels[start][labelled].astype(np.int64), start[labelled], stop[labelled])


def find_intervals(active: NDArray[np.bool_]) -> Segments:
    """The intervals of a multi-label sequence (T, C) bool, ordered by class, then start."""
    edge = np.zeros((1, active.shape[1]), np.int8)
    steps = np.diff(np.concatenate((edge, active.astype(np.int8), edge)), axis=0).T  # (C, T+1)
    label, start = np.nonzero(steps == 1)
    return Segments(label, start, np.nonzero(steps == -1)[1])


def edit_distance(match: NDArray[np.bool_]) -> int:
    """Levenshtein distance of two sequences of M and N items.

    Args:
        match: bool (M, N): item m of one equals item n of the other.
    """
    if match.shape[0] > match.shape[1]:
        match = match.T  # the loop runs over the shorter sequence
    steps = np.arange(match.shape[1] + 1)
    row = steps
    for i, same in enumerate(match, start=1):
        cheapest = np.minimum(row[1:] + 1, row[:-1] + ~same)
        # cell n is the cheapest of all cells k <= n plus n - k insertions
        row = np.minimum.accumulate(np.concatenate(([i], cheapest)) - steps) + steps
    return int(row[-1])


def edit_score(distance: int, longest: int) -> float:
    """100 (1 - Levenshtein distance / length of the longer sequence), 0-100; two empty sequences
    agree: 100."""
    return 100 * (1 - distance / longest) if longest else 100.0


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives, int64 (K, C): threshold × class."""

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def pooled(self) -> NDArray[np.float64]:
        """F1 over all classes together, (K,), 0-100; 100 where nothing is true and
        nothing predicted."""
        return compute_f1(self.tp.sum(axis=1), self.fp.sum(axis=1), self.fn.sum(axis=1))

    def by_class(self) -> NDArray[np.float64]:
        """F1 of each class, (K, C), 0-100."""
        return compute_f1(self.tp, self.fp, self.fn)


def compute_f1(
    tp: NDArray[np.int64], fp: NDArray[np.int64], fn: NDArray[np.int64]
) -> NDArray[np.float64]:
    """2 tp / (2 tp + fp + fn) in percent; 100 where all three are 0."""
    counted = 2 * tp + fp + fn
    return np.where(counted == 0, 100.0, 200.0 * tp / np.maximum(counted, 1))


def count_matches(
    predicted: Segments, truth: Segments, thresholds: Sequence[float], classes: int
) -> Counts:
    """Matches predicted to true segments of the same class as MS-TCN's evaluator does.

    Each predicted segment takes the true segment of its class it overlaps best (intersection over
    union; the earlier of two equal ones). It is a true positive when that overlap reaches the
    threshold and no earlier predicted segment took the same one; else a false positive. True
    segments nobody took are false negatives.

    Args:
        predicted, truth: segments of one sample; those of one class do not overlap.
        thresholds: the K overlaps asked for, each in (0, 1].
        classes: C.
    """
    asked = np.asarray(thresholds)[:, None]
    tp = np.zeros((len(asked), classes), np.int64)
    predictions = np.bincount(predicted.label, minlength=classes)
    instances = np.bincount(truth.label, minlength=classes)
    for label in np.flatnonzero((predictions > 0) & (instances > 0)):
        p, t = predicted.label == label, truth.label == label
        first = np.maximum(predicted.start[p][:, None], truth.start[t][None, :])
        last = np.minimum(predicted.stop[p][:, None], truth.stop[t][None, :])
        shared = np.maximum(last - first, 0)  # (P, N)
        lengths = (predicted.stop - predicted.start)[p][:, None] + (truth.stop - truth.start)[t]
        overlap = shared / (lengths - shared)
        best = overlap.argmax(axis=1)
        reached = overlap.max(axis=1) >= asked  # (K, P)
        tp[:, label] = [len(np.unique(best[row])) for row in reached]
    return Counts(tp, predictions - tp, instances - tp)
