"""From scores to label sets: smoothed over time, a threshold per class, a minimum duration.

T frames, C classes. Thresholds are fitted on val and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from rhas.config.evaluate import ReadoutConfig
from rhas.metrics.prediction import Prediction
from rhas.metrics.segments import BACKGROUND, find_intervals

_ABOVE_ALL = 1 + 2**-10
"""Passed by no score. Not 1: float16 rounds a score above 0.9998 to 1, and 1 passes 1."""

TIE_DECIMALS = 3
"""Scores that round to the same thousandth are equal when the top class is chosen (the lowest id
wins): noise far below what a probability can mean must not cut a segment."""


def smooth_scores(scores: NDArray[np.floating], frames: int) -> NDArray[np.floating]:
    """Median over ``frames`` frames (odd) of each class, (T, C); the end scores repeat."""
    if frames == 1:
        return scores
    frames = min(frames, 2 * len(scores) + 1)  # a longer window has the same median, and is slow
    smoothed = np.empty_like(scores, order="F")
    for label in range(scores.shape[1]):  # SciPy's fast path is the one for 1-D input
        smoothed[:, label] = median_filter(scores[:, label], size=frames, mode="nearest")
    return np.ascontiguousarray(smoothed)


def fit_thresholds(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]], config: ReadoutConfig
) -> NDArray[np.float64]:
    """The threshold of each class that maximises ``config.objective`` on val, (C,) in [0, 1.001].

    Args:
        truths: per val sample (T, C), non-zero where labelled; at least one sample.
        scores: per val sample (T, C) in [0, 1], not smoothed yet.

    A threshold lies halfway between the lowest score that passes (just above 1 where none should)
    and the highest that does not. Classes without a true frame get ``config.default_threshold``.
    """
    smoothed = [smooth_scores(score, config.median) for score in scores]
    curves = {}
    for label in range(truths[0].shape[1]):
        true = np.concatenate([truth[:, label] != 0 for truth in truths])
        if true.any():
            curves[label] = _trace_curve(
                true, np.concatenate([score[:, label] for score in smoothed])
            )
    thresholds = np.full(truths[0].shape[1], config.default_threshold)
    chosen = _choose_each(curves) if config.objective == "class" else _choose_together(curves)
    for label, position in chosen.items():
        edges = curves[label].edge
        thresholds[label] = (edges[position] + edges[position + 1]) / 2
    return thresholds


def make_prediction(
    scores: NDArray[np.floating], thresholds: NDArray[np.floating], config: ReadoutConfig
) -> Prediction:
    """Label sets and top classes of one sample.

    A class is predicted where its smoothed score reaches its threshold, for at least
    ``min_frames`` frames in a row. The top class is the predicted one with the highest smoothed
    score; a frame without any is background.

    Args:
        scores: (T, C) in [0, 1].
        thresholds: (C,).

    Returns:
        The prediction. Its ``scores`` are the ones given: the average precision depends on neither
        thresholds nor smoothing.
    """
    smoothed = smooth_scores(scores, config.median)
    active = smoothed >= thresholds
    intervals = find_intervals(active)
    for i in np.flatnonzero(intervals.stop - intervals.start < config.min_frames):
        active[intervals.start[i] : intervals.stop[i], intervals.label[i]] = False
    return Prediction(scores, active, find_top_class(smoothed, active))


def find_top_class(scores: NDArray[np.floating], active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The active class with the highest score, (T,); BACKGROUND where none is active.

    Args:
        scores: (T, C); equal ones (TIE_DECIMALS) leave it to the lowest id.
        active: bool (T, C).
    """
    top = np.where(active, np.round(scores, TIE_DECIMALS), -np.inf).argmax(axis=1)
    return np.where(active.any(axis=1), top, BACKGROUND)


@dataclass(frozen=True)
class _Curve:
    """What each number of passing frames gives: position 0 passes none, the last passes all.

    passed, found: int (N + 1,), frames that pass, true frames among them. edge: (N + 2,), the
    distinct scores in falling order, between _ABOVE_ALL and 0. positives: true frames in all.
    """

    passed: NDArray[np.int64]
    found: NDArray[np.int64]
    edge: NDArray[np.float64]
    positives: int


def _trace_curve(true: NDArray[np.bool_], score: NDArray[np.floating]) -> _Curve:
    order = np.argsort(-score)
    ranked = score[order].astype(np.float64)
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    passed = np.concatenate(([0], last + 1))
    found = np.concatenate(([0], np.cumsum(true[order])[last]))
    return _Curve(
        passed, found, np.concatenate(([_ABOVE_ALL], ranked[last], [0.0])), int(true.sum())
    )


def _choose_each(curves: dict[int, _Curve]) -> dict[int, int]:
    return {
        label: int((c.found / (c.passed + c.positives)).argmax()) for label, c in curves.items()
    }


def _choose_together(curves: dict[int, _Curve]) -> dict[int, int]:
    """Dinkelbach's method: for a guessed F1, each class alone maximises found - F1/2 · passed; the
    F1 of these choices is the next guess. It rises until it is the maximum over all choices."""
    positives = sum(c.positives for c in curves.values())
    f1, chosen = 0.0, {}
    while True:
        chosen = {label: int((c.found - f1 / 2 * c.passed).argmax()) for label, c in curves.items()}
        found = sum(int(curves[label].found[at]) for label, at in chosen.items())
        passed = sum(int(curves[label].passed[at]) for label, at in chosen.items())
        better = 2 * found / (passed + positives) if curves else 0.0
        if better <= f1:
            return chosen
        f1 = better
