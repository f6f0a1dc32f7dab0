"""Answers that know no film: nothing, one class everywhere, chance. Shown beside every result.

T frames, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rhas.metrics.evaluation import MethodMetrics
from rhas.metrics.prediction import Prediction
from rhas.metrics.published import evaluate_as_published, make_constant_scores
from rhas.metrics.segmentation import SegmentationMetrics, evaluate_predictions
from rhas.metrics.segments import BACKGROUND


def evaluate_top_class(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]]
) -> MethodMetrics:
    """Metrics where exactly the class with the highest score is predicted, in every frame.

    Args:
        truths: per sample (T, C), non-zero where labelled.
        scores: per sample (T, C).
    """
    predictions = [Prediction.from_top_class(score) for score in scores]
    found = evaluate_predictions(truths, predictions)
    return MethodMetrics.combine(found.metrics, evaluate_as_published(truths, scores))


def evaluate_constant_class(truths: Sequence[NDArray]) -> tuple[int, MethodMetrics]:
    """The class with most true frames everywhere: its id and metrics.

    It is chosen on the truth it is measured on, so no constant prediction has a higher ACC.
    """
    label, scores = make_constant_scores(truths)
    return label, evaluate_top_class(truths, scores)


def evaluate_chance(truths: Sequence[NDArray]) -> MethodMetrics:
    """Metrics of uniform random scores, drawn for each frame and class, from a fixed seed."""
    noise = np.random.default_rng(0)
    scores = [noise.random(truth.shape, np.float32) for truth in truths]
    return evaluate_top_class(truths, scores)


def evaluate_nothing(truths: Sequence[NDArray]) -> SegmentationMetrics:
    """Metrics where no class is predicted in any frame; every frame has the same score."""
    predictions = [
        Prediction(
            np.zeros(truth.shape, np.float32),
            np.zeros(truth.shape, bool),
            np.full(len(truth), BACKGROUND),
        )
        for truth in truths
    ]
    return evaluate_predictions(truths, predictions).metrics
