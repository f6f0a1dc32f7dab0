"""The clean figures: what the project reports first. docs/METRICS.md is the reader's version.

T frames, C classes. Truth is the multi-hot label array (T, C) of each sample, real frames only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.segments import (
    BACKGROUND,
    Counts,
    count_matches,
    edit_distance,
    edit_score,
    intervals_of,
    runs,
    segments_of,
)

OVERLAPS = (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Prediction:
    """What was predicted for one sample; ``rhas.metrics.readout.read_out`` makes it from scores.

    Args:
        scores: (T, C) finite, as the method gave them; rank the frames of a class for the mAP.
        active: bool (T, C), the predicted label set of each frame.
        top: int (T,), the first class of the predicted set, BACKGROUND where it is empty.
    """

    scores: NDArray[np.floating]
    active: NDArray[np.bool_]
    top: NDArray[np.int64]

    def __post_init__(self) -> None:
        frames, classes = self.active.shape
        if self.scores.shape != (frames, classes) or self.top.shape != (frames,):
            raise RhasError(
                "a prediction's arrays do not fit each other",
                expected=f"scores {(frames, classes)}, top {(frames,)}",
                got=f"scores {self.scores.shape}, top {self.top.shape}",
            )
        named = self.active[np.arange(frames), np.maximum(self.top, 0)]
        if not np.array_equal(named, self.top != BACKGROUND) or np.any(
            (self.top == BACKGROUND) & self.active.any(axis=1)
        ):
            raise RhasError(
                "the top class is not in the predicted label set",
                expected="a class of the set, BACKGROUND exactly where the set is empty",
            )


@dataclass(frozen=True)
class CleanMetrics:
    """Figures of a set of samples, all 0-100.

    Args:
        figures: ``acc``, ``edit``, ``f1_10/25/50``, ``map``, ``interval_f1_10/25/50``,
            ``label_set_iou``: those shown.
        other_means: the same under the other mean: ``edit_pooled``, ``f1_K_sample_mean``,
            ``interval_f1_K_class_mean``.
        ap: (C,) average precision, NaN for classes without a true frame.
        interval_f1: (3, C) interval F1 at each of OVERLAPS; 100 for classes neither true nor said.
        support: int (C,), true frames.
        instances: int (C,), true intervals.
    """

    figures: dict[str, float]
    other_means: dict[str, float]
    ap: NDArray[np.float64]
    interval_f1: NDArray[np.float64]
    support: NDArray[np.int64]
    instances: NDArray[np.int64]


def clean_metrics(truths: Sequence[NDArray], predictions: Sequence[Prediction]) -> CleanMetrics:
    """All clean figures over a set of samples; their order changes nothing.

    Args:
        truths: per sample (T, C), non-zero where labelled.

    Raises:
        RhasError: no sample, or a truth and a prediction of different shapes.
    """
    _check(truths, predictions)
    classes = truths[0].shape[1]
    correct = frames = distance = longest = 0
    set_iou: list[float] = []
    edits: list[float] = []
    sample_f1: list[NDArray[np.float64]] = []
    nothing = np.zeros((len(OVERLAPS), classes), np.int64)
    segment_counts = interval_counts = Counts(nothing, nothing, nothing)
    support, instances = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for truth_labels, said in zip(truths, predictions, strict=True):
        truth = truth_labels != 0
        correct += int(top_is_right(truth, said.top).sum())
        frames += len(truth)
        set_iou.append(_set_iou(truth, said.active))

        true_segments = segments_of(single_label(truth, said.top))
        segments = segments_of(said.top)
        edit = edit_distance(segments.label[:, None] == true_segments.label)
        longer = max(len(segments), len(true_segments))
        edits.append(edit_score(edit, longer))
        distance, longest = distance + edit, longest + longer
        counts = count_matches(segments, true_segments, OVERLAPS, classes)
        segment_counts += counts
        sample_f1.append(counts.pooled())

        true_intervals = intervals_of(truth)
        interval_counts += count_matches(
            intervals_of(said.active), true_intervals, OVERLAPS, classes
        )
        support += truth.sum(axis=0)
        instances += np.bincount(true_intervals.label, minlength=classes)

    ap = average_precision(truths, [said.scores for said in predictions])
    interval_f1 = interval_counts.by_class()
    present = support > 0
    figures = {
        "acc": 100 * correct / frames,
        "edit": _mean(edits),
        **_by_overlap("f1_{}", segment_counts.pooled()),
        "map": float(np.mean(ap[present])) if present.any() else math.nan,
        **_by_overlap("interval_f1_{}", interval_counts.pooled()),
        "label_set_iou": 100 * math.fsum(set_iou) / frames,
    }
    other_means = {
        "edit_pooled": edit_score(distance, longest),
        **_by_overlap(
            "f1_{}_sample_mean", [_mean(column) for column in zip(*sample_f1, strict=True)]
        ),
        **_by_overlap(
            "interval_f1_{}_class_mean",
            [float(np.mean(row[present])) if present.any() else math.nan for row in interval_f1],
        ),
    }
    return CleanMetrics(figures, other_means, ap, interval_f1, support, instances)


def top_is_right(truth: NDArray[np.bool_], top: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Per frame (T,): the top class is in the label set, or both are background."""
    inside = truth[np.arange(len(top)), np.maximum(top, 0)]
    return np.where(top == BACKGROUND, ~truth.any(axis=1), inside)


def single_label(truth: NDArray[np.bool_], top: NDArray[np.integer]) -> NDArray[np.int64]:
    """The single-label truth that arg-max segments are compared with, int (T,).

    Within a run of frames with the same label set, the truth is one class for the whole run: the
    member that the prediction names in most of its frames; of equally often (or never) named ones
    the lowest id. BACKGROUND where the set is empty. So a prediction is free to name either of two
    simultaneous actions, but not to flicker between them. A single-label truth comes back as it
    is, whatever the prediction.

    Example: labels {walk} × 4, {walk, wave} × 4, {wave} × 2 and the prediction
    walk × 4, wave × 6 give walk × 4, wave × 6; the prediction walk × 10 gives walk × 8, wave × 2.

    Args:
        truth: bool (T, C).
        top: (T,) predicted class or BACKGROUND.
    """
    single = np.full(len(top), BACKGROUND, np.int64)
    for start, stop in zip(*runs(truth), strict=True):
        members = np.flatnonzero(truth[start])
        if len(members):
            named = (top[start:stop, None] == members).sum(axis=0)
            single[start:stop] = members[named.argmax()]
    return single


def average_precision(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]]
) -> NDArray[np.float64]:
    """Average precision of each class over all frames of all samples, (C,), 0-100.

    The area under the precision-recall steps, Σ (R_n - R_{n-1}) P_n over the distinct scores in
    falling order (frames of equal score count together), without interpolation. NaN where a
    class has no true frame.
    """
    classes = truths[0].shape[1]
    ap = np.full(classes, np.nan)
    for label in range(classes):
        true = np.concatenate([truth[:, label] != 0 for truth in truths])
        if true.any():
            ap[label] = _average_precision(
                true, np.concatenate([score[:, label] for score in scores])
            )
    return ap


def _average_precision(true: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    order = np.argsort(-score)
    ranked = score[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of equal scores
    found = np.cumsum(true[order])[last]
    precision = found / (last + 1)
    return float(100 * np.sum(np.diff(found, prepend=0) * precision) / found[-1])


def _set_iou(truth: NDArray[np.bool_], active: NDArray[np.bool_]) -> float:
    """Sum over frames of |predicted ∩ true| / |predicted ∪ true|, 1 where both are empty."""
    shared = (truth & active).sum(axis=1)
    either = (truth | active).sum(axis=1)
    return math.fsum(np.where(either == 0, 1.0, shared / np.maximum(either, 1)))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)  # fsum: exact, so the order of samples cannot matter


def _by_overlap(name: str, values: Iterable[float]) -> dict[str, float]:
    return {
        name.format(round(100 * overlap)): float(value)
        for overlap, value in zip(OVERLAPS, values, strict=True)
    }


def _check(truths: Sequence[NDArray], predictions: Sequence[Prediction]) -> None:
    if not truths or len(truths) != len(predictions):
        raise RhasError(
            "the metrics need one prediction per sample, and a sample",
            expected=f"{len(truths)} (at least 1)",
            got=str(len(predictions)),
        )
    for number, (truth, said) in enumerate(zip(truths, predictions, strict=True)):
        if truth.shape != said.active.shape or len(truth) == 0:
            raise RhasError(
                "truth and prediction do not fit",
                where=f"sample {number}",
                expected=f"truth (T, C) = {said.active.shape}, T at least 1",
                got=str(truth.shape),
            )
