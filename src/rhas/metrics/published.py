"""The evaluator of the paper's repository, reproduced: for comparison with the paper's tables only.

Written from what it computes (docs/METRICS.md lists it point by point), with the same bits, in
arrays instead of loops. What it measures differs from what its names say: show the score of a
constant class under it beside every value.

T frames, C classes, P and N segments of prediction and truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.segments import edit_distance, edit_score, find_runs

OVERLAPS = (0.1, 0.25, 0.5)
_BLOCK = 512  # predicted segments compared at once: bounds the memory of (block, N) arrays


@dataclass(frozen=True)
class PublishedMetrics:
    """ACC, EDIT and F1@{10,25,50} as the published code computes them.

    EDIT is summed over the samples and halved: it can exceed 100 from three samples on.
    """

    acc: float
    edit: float
    f1_10: float
    f1_25: float
    f1_50: float


def evaluate_as_published(truths: Sequence[NDArray], scores: Sequence[NDArray]) -> PublishedMetrics:
    """The metrics of the published evaluator; docs/METRICS.md says what they count.

    Args:
        truths: per sample (T, C), non-zero where a class is annotated.
        scores: per sample (T, C) finite scores, any scale; compared bit by bit, so their dtype
            matters.

    Raises:
        RhasError: no sample, an empty one, shapes that differ, or scores that are not finite.
    """
    if not truths or len(truths) != len(scores):
        raise RhasError(
            "the published evaluator needs one score array per truth array",
            expected=f"{len(truths)} (at least 1)",
            got=str(len(scores)),
        )
    correct = frames = 0
    edit = 0.0
    counts = np.zeros((3, len(OVERLAPS)))  # tp, fp, fn
    for number, (truth, score) in enumerate(zip(truths, scores, strict=True)):
        if truth.shape != score.shape or len(truth) == 0 or not np.isfinite(score).all():
            raise RhasError(
                "truth and scores do not fit",
                where=f"sample {number}",
                expected="equal shapes (T, C), T at least 1, finite scores",
                got=f"{truth.shape} and {score.shape}, finite: {np.isfinite(score).all()}",
            )
        top = _top(score)
        correct += int((truth[np.arange(len(top)), top] != 0).sum())
        frames += len(top)
        p_start, p_stop = find_runs(score)
        y_start, y_stop = find_runs(truth)
        named = truth[y_start][:, top[p_start]].T != 0  # (P, N): the top class is among the labels
        edit += edit_score(edit_distance(named), max(named.shape))
        counts += _counts(named, (p_start, p_stop), (y_start, y_stop))
    f1_10, f1_25, f1_50 = (_compute_f1(*map(float, column)) for column in counts.T)
    return PublishedMetrics(100 * float(correct) / frames, edit / 2, f1_10, f1_25, f1_50)


def make_constant_scores(
    truths: Sequence[NDArray], dtype: type[np.floating] = np.float32
) -> tuple[int, list[NDArray]]:
    """The most frequent class and scores (T, C) that name it everywhere: 1 there, else 0, plus
    uniform noise in [0, 1e-6), the same in every run."""
    label = int(np.sum([(truth != 0).sum(axis=0) for truth in truths], axis=0).argmax())
    noise = np.random.default_rng(0)
    scores = []
    for truth in truths:
        score = 1e-6 * noise.random(truth.shape)
        score[:, label] += 1
        scores.append(score.astype(dtype))
    return label, scores


def _top(score: NDArray) -> NDArray[np.int64]:
    # argpartition, not argmax: among equal scores it picks another class, and the original uses it
    return np.argpartition(score, -1, axis=1)[:, -1]


def _counts(
    named: NDArray[np.bool_],
    predicted: tuple[NDArray[np.int64], NDArray[np.int64]],
    truth: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.float64]:
    """tp, fp, fn at each overlap, (3, K); a true segment may be hit by many predicted ones."""
    p_count, y_count = named.shape
    tp = np.zeros(len(OVERLAPS))
    hit = np.zeros((len(OVERLAPS), y_count), bool)
    (y_start, y_stop), asked = truth, np.asarray(OVERLAPS)[:, None]
    for first in range(0, p_count, _BLOCK):
        block = slice(first, first + _BLOCK)
        start, stop = (edge[block, None] for edge in predicted)
        # the absolute value turns the gap between disjoint segments into an intersection
        shared = np.abs(np.minimum(stop, y_stop) - np.maximum(start, y_start))
        span = np.maximum(stop, y_stop) - np.minimum(start, y_start)
        overlap = shared / span * named[block]  # (block, N)
        best = overlap.argmax(axis=1)
        reached = overlap.max(axis=1) >= asked  # (K, block)
        tp += reached.sum(axis=1)
        for k, row in enumerate(reached):
            hit[k, best[row]] = True
    return np.stack((tp, p_count - tp, y_count - hit.sum(axis=1)))


def _compute_f1(tp: float, fp: float, fn: float) -> float:
    if tp == 0:
        return 0.0
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 2.0 * (precision * recall) / (precision + recall) * 100
