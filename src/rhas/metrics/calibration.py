"""What a score is worth: how often a class is true, by its score.

T frames, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from rhas.base.errors import RhasError
from rhas.metrics.readout import smooth_scores

_BINS = 1024


@dataclass(frozen=True)
class ScoreBins:
    """Scores of all frames and classes in equal bins of [0, 1]; empty bins are left out.

    Args:
        count: (B,), scores in the bin, above 0.
        total: (B,), their sum.
        true: (B,), how many of them are of a true class.
    """

    count: NDArray[np.float64]
    total: NDArray[np.float64]
    true: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean score of each bin, (B,)."""
        return self.total / self.count

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of each bin's scores that is of a true class, (B,)."""
        return self.true / self.count


def bin_scores(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]], bins: int
) -> ScoreBins:
    """Counts the scores of all samples.

    Args:
        truths: per sample (T, C), non-zero where labelled.
        scores: per sample (T, C) in [0, 1].
        bins: of equal width, from 0 to 1.
    """
    count, total, true = np.zeros((3, bins))
    for truth, score in zip(truths, scores, strict=True):
        flat = score.ravel().astype(np.float64)
        number = np.minimum((flat * bins).astype(int), bins - 1)
        count += np.bincount(number, minlength=bins)
        total += np.bincount(number, flat, bins)
        true += np.bincount(number, truth.ravel() != 0, bins)
    filled = count > 0
    return ScoreBins(count[filled], total[filled], true[filled])


@dataclass(frozen=True)
class Calibration:
    """How often a class is true in a frame, by its smoothed score; all classes together.

    Args:
        score: ascending, in [0, 1].
        true: not falling, in [0, 1]; linear between, constant outside.
    """

    score: tuple[float, ...]
    true: tuple[float, ...]

    def __post_init__(self) -> None:
        values = np.asarray(self.score), np.asarray(self.true)
        if (
            len(self.score) != len(self.true)
            or not self.score
            or any((np.diff(v) < 0).any() or v[0] < 0 or v[-1] > 1 for v in values)
        ):
            raise RhasError(
                "not a calibration",
                where="calibration",
                expected="score and true of one length, ascending in [0, 1]",
            )

    def __call__(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The share of val's frames with such a score in which the class was true."""
        return np.interp(scores, self.score, self.true)


def fit_calibration(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]], median: int
) -> Calibration:
    """Isotonic regression of the truth on the smoothed scores of val, by bins of 1/1024.

    Args:
        truths: per sample (T, C), non-zero where labelled; at least one sample.
        scores: per sample (T, C) in [0, 1], not smoothed yet.
        median: frames of the median filter.
    """
    bins = bin_scores(truths, [smooth_scores(score, median) for score in scores], _BINS)
    fitted = isotonic_regression(bins.share, weights=bins.count)
    first = fitted.blocks[:-1]  # of each block of equal values
    mean = np.add.reduceat(bins.total, first) / np.add.reduceat(bins.count, first)
    value = np.clip(fitted.x[first], 0, 1)
    return Calibration(tuple(mean.tolist()), tuple(value.tolist()))


def calibration_error(points: Sequence[tuple[float, float, int]], above: float = 0.0) -> float:
    """The expected calibration error (ECE), 0-1: the mean distance of mean score and share of true
    classes, weighted by the bins' counts. NaN without a score.

    Args:
        points: mean score, share of true classes and number of scores of each bin.
        above: bins of a lower mean score are left out.
    """
    counted = [(score, share, count) for score, share, count in points if score >= above]
    total = sum(count for *_, count in counted)
    if not total:
        return math.nan
    return sum(abs(score - share) * count for score, share, count in counted) / total
