"""A person's windows put together in time order.

T frames from the person's first window to the last, C classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.evaluate.scoring import ScoredSample
from rhas.metrics.prediction import Prediction
from rhas.report.timeline import PersonTimeline


@dataclass(frozen=True)
class PersonResult:
    """One person's timeline and the stored scores.

    Args:
        movie: its name.
        person: the reference's index.
        timeline: truth and prediction, (T, C).
        scores: float32 (T, C) beside ``timeline``, 0 where not covered.
    """

    movie: str
    person: int
    timeline: PersonTimeline
    scores: NDArray[np.float32]


def join_windows(
    samples: Sequence[ScoredSample], predictions: Sequence[Prediction]
) -> list[PersonResult]:
    """The persons of the samples, by movie and number."""
    groups = defaultdict(list)
    for sample, prediction in zip(samples, predictions, strict=True):
        groups[sample.window.movie, sample.window.person].append((sample, prediction))
    return [
        PersonResult(movie, person, *_join_person(windows))
        for (movie, person), windows in sorted(groups.items())
    ]


def _join_person(
    windows: Sequence[tuple[ScoredSample, Prediction]],
) -> tuple[PersonTimeline, NDArray[np.float32]]:
    first = min(sample.window.start for sample, _ in windows)
    frames = max(sample.window.stop for sample, _ in windows) - first
    classes = windows[0][0].truth.shape[1]
    truth, predicted = np.zeros((2, frames, classes), bool)
    present, covered = np.zeros((2, frames), bool)
    scores = np.zeros((frames, classes), np.float32)
    for sample, prediction in windows:
        at = slice(sample.window.start - first, sample.window.stop - first)
        truth[at], predicted[at] = sample.truth, prediction.active
        present[at], covered[at], scores[at] = sample.present, True, prediction.scores
    return PersonTimeline(truth, predicted, present, covered, first), scores
