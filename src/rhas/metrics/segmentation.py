"""Metrics of multi-label segmentation: what the project reports first (docs/METRICS.md).

T frames, C classes. Truth is the multi-hot label array (T, C) of each sample, real frames only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.prediction import Prediction
from rhas.metrics.segments import (
    BACKGROUND,
    Counts,
    count_matches,
    edit_distance,
    edit_score,
    find_intervals,
    find_runs,
    find_segments,
)

OVERLAPS = (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class SegmentationMetrics:
    """Metrics of a set of samples, 0-100; docs/METRICS.md defines them.

    Args:
        acc: share of frames whose top class is right.
        edit: edit score of the top-class segments, mean over samples.
        f1_10, f1_25, f1_50: F1 of the top-class segments at these overlaps, counts pooled.
        map: mean average precision over frames; NaN where no class is true.
        interval_f1_10, interval_f1_25, interval_f1_50: F1 of the intervals of every class.
        label_set_iou: intersection over union of label sets, mean over frames.
    """

    acc: float
    edit: float
    f1_10: float
    f1_25: float
    f1_50: float
    map: float
    interval_f1_10: float
    interval_f1_25: float
    interval_f1_50: float
    label_set_iou: float


@dataclass(frozen=True)
class OtherMeans:
    """Metrics under the other mean, 0-100: pooled instead of over samples, and the reverse.

    Args:
        edit_pooled: edit distances and lengths summed over samples.
        f1_10_sample_mean, ...: mean over samples.
        interval_f1_10_class_mean, ...: mean over the classes with a true frame; NaN without one.
    """

    edit_pooled: float
    f1_10_sample_mean: float
    f1_25_sample_mean: float
    f1_50_sample_mean: float
    interval_f1_10_class_mean: float
    interval_f1_25_class_mean: float
    interval_f1_50_class_mean: float


@dataclass(frozen=True)
class Evaluation:
    """How good the predictions of a set of samples are.

    Args:
        metrics: those that are reported.
        other_means: the same under the other mean.
        ap: (C,) average precision, 0-100, NaN for classes without a true frame.
        interval_f1: (3, C) interval F1 at each of OVERLAPS, 0-100; 100 for classes that are
            neither true nor predicted.
        support: int (C,), true frames.
        instances: int (C,), true intervals.
    """

    metrics: SegmentationMetrics
    other_means: OtherMeans
    ap: NDArray[np.float64]
    interval_f1: NDArray[np.float64]
    support: NDArray[np.int64]
    instances: NDArray[np.int64]


def evaluate_predictions(
    truths: Sequence[NDArray], predictions: Sequence[Prediction]
) -> Evaluation:
    """All segmentation metrics over a set of samples; their order changes nothing.

    Args:
        truths: per sample (T, C), non-zero where labelled.
        predictions: of the same samples.

    Raises:
        RhasError: no sample, or a truth and a prediction of different shapes.
    """
    _check_shapes(truths, predictions)
    classes = truths[0].shape[1]
    correct = frames = distance = longest = 0
    set_iou: list[float] = []
    edits: list[float] = []
    sample_f1: list[NDArray[np.float64]] = []
    nothing = np.zeros((len(OVERLAPS), classes), np.int64)
    segment_counts = interval_counts = Counts(nothing, nothing, nothing)
    support, instances = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for labels, prediction in zip(truths, predictions, strict=True):
        truth = labels != 0
        correct += int(mark_correct_frames(truth, prediction.top).sum())
        frames += len(truth)
        set_iou.append(math.fsum(label_set_iou(truth, prediction.active)))

        true_segments = find_segments(choose_single_labels(truth, prediction.top))
        segments = find_segments(prediction.top)
        edit = edit_distance(segments.label[:, None] == true_segments.label)
        longer = max(len(segments), len(true_segments))
        edits.append(edit_score(edit, longer))
        distance, longest = distance + edit, longest + longer
        counts = count_matches(segments, true_segments, OVERLAPS, classes)
        segment_counts += counts
        sample_f1.append(counts.pooled())

        true_intervals = find_intervals(truth)
        interval_counts += count_matches(
            find_intervals(prediction.active), true_intervals, OVERLAPS, classes
        )
        support += truth.sum(axis=0)
        instances += np.bincount(true_intervals.label, minlength=classes)

    ap = average_precision(truths, [prediction.scores for prediction in predictions])
    interval_f1 = interval_counts.by_class()
    known = support > 0
    metrics = SegmentationMetrics(
        acc=100 * correct / frames,
        edit=_exact_mean(edits),
        map=_class_mean(ap, known),
        label_set_iou=100 * math.fsum(set_iou) / frames,
        **_name_by_overlap("f1_{}", segment_counts.pooled()),
        **_name_by_overlap("interval_f1_{}", interval_counts.pooled()),
    )
    other_means = OtherMeans(
        edit_pooled=edit_score(distance, longest),
        **_name_by_overlap(
            "f1_{}_sample_mean", [_exact_mean(column) for column in zip(*sample_f1, strict=True)]
        ),
        **_name_by_overlap(
            "interval_f1_{}_class_mean", [_class_mean(row, known) for row in interval_f1]
        ),
    )
    return Evaluation(metrics, other_means, ap, interval_f1, support, instances)


def mark_correct_frames(truth: NDArray[np.bool_], top: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Per frame (T,): the top class is in the label set, or both are background."""
    inside = truth[np.arange(len(top)), np.maximum(top, 0)]
    return np.where(top == BACKGROUND, ~truth.any(axis=1), inside)


def choose_single_labels(truth: NDArray[np.bool_], top: NDArray[np.integer]) -> NDArray[np.int64]:
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
    for start, stop in zip(*find_runs(truth), strict=True):
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
            ap[label] = _rank_average_precision(
                true, np.concatenate([score[:, label] for score in scores])
            )
    return ap


def _rank_average_precision(true: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    order = np.argsort(-score)
    ranked = score[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of equal scores
    found = np.cumsum(true[order])[last]
    precision = found / (last + 1)
    return float(100 * np.sum(np.diff(found, prepend=0) * precision) / found[-1])


def label_set_iou(truth: NDArray[np.bool_], active: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Per frame (T,): |predicted ∩ true| / |predicted ∪ true|, 1 where both are empty."""
    shared = (truth & active).sum(axis=1)
    either = (truth | active).sum(axis=1)
    return np.where(either == 0, 1.0, shared / np.maximum(either, 1))


def frame_f1(truth: NDArray[np.bool_], active: NDArray[np.bool_]) -> float:
    """F1 over pairs of frame and class, 0-100; NaN where nothing is true and nothing predicted.

    Args:
        truth, active: bool (T, C).
    """
    pairs = int(truth.sum() + active.sum())
    return float(200 * (truth & active).sum() / pairs) if pairs else math.nan


def mean_average_precision(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]]
) -> float:
    """Mean of `average_precision` over the classes with a true frame, 0-100; NaN without one."""
    ap = average_precision(truths, scores)
    return _class_mean(ap, ~np.isnan(ap))


def _exact_mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)  # fsum: exact, so the order of samples cannot matter


def _class_mean(values: NDArray[np.float64], known: NDArray[np.bool_]) -> float:
    return float(np.mean(values[known])) if known.any() else math.nan


def _name_by_overlap(name: str, values: Iterable[float]) -> dict[str, float]:
    return {
        name.format(round(100 * overlap)): float(value)
        for overlap, value in zip(OVERLAPS, values, strict=True)
    }


def _check_shapes(truths: Sequence[NDArray], predictions: Sequence[Prediction]) -> None:
    if not truths or len(truths) != len(predictions):
        raise RhasError(
            "the metrics need one prediction per sample, and a sample",
            expected=f"{len(truths)} (at least 1)",
            got=str(len(predictions)),
        )
    for number, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
        if truth.shape != prediction.active.shape or len(truth) == 0:
            raise RhasError(
                "truth and prediction do not fit",
                where=f"sample {number}",
                expected=f"truth (T, C) = {prediction.active.shape}, T at least 1",
                got=str(truth.shape),
            )
