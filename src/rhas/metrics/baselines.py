"""What costs nothing to reach: one class everywhere, and chance. Printed beside every result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rhas.metrics.published import as_published, constant_scores
from rhas.metrics.segmentation import Prediction, clean_metrics


def figures_of_top_class(
    truths: Sequence[NDArray], scores: Sequence[NDArray[np.floating]]
) -> dict[str, object]:
    """Clean figures where exactly the class with the highest score is predicted, everywhere, and
    ``as_published`` of the scores.

    Args:
        truths: per sample (T, C), non-zero where labelled.
        scores: per sample (T, C).
    """
    predictions = []
    for score in scores:
        top = score.argmax(axis=1)
        active = np.zeros(score.shape, bool)
        active[np.arange(len(top)), top] = True
        predictions.append(Prediction(score, active, top))
    return {
        **clean_metrics(truths, predictions).figures,
        "as_published": as_published(truths, scores),
    }


def constant_class(truths: Sequence[NDArray]) -> tuple[int, dict[str, object]]:
    """The class with most true frames everywhere: its id and its figures. It is chosen on the
    truth it is measured on, so no honest constant prediction does better in ACC."""
    label, scores = constant_scores(truths)
    return label, figures_of_top_class(truths, scores)


def chance(truths: Sequence[NDArray]) -> dict[str, object]:
    """Figures of uniform random scores, drawn anew for each frame and class, from a fixed seed."""
    noise = np.random.default_rng(0)
    scores = [noise.random(truth.shape, np.float32) for truth in truths]
    return figures_of_top_class(truths, scores)
