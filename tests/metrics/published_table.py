"""The synthetic truth and the four predictions on which docs/METRICS.md compares evaluators.

Run as a script to print that table: ``python tests/metrics/published_table.py``.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from rhas.metrics.published import evaluate_as_published, make_constant_scores
from rhas.metrics.readout import find_top_class
from rhas.metrics.segmentation import Prediction, evaluate_predictions

VIDEOS, FRAMES, CLASSES = 20, 300, 137
TWO_LABELS = 0.6  # share of segments with two draws of a class
SEEDS = 2
SHOWN = ("acc", "edit", "f1_10", "f1_50")


def synthetic_truth(rng: np.random.Generator) -> list[NDArray]:
    """Per video multi-hot (300, 137): 5-15 segments at random cuts, one or two classes each, the
    n-th class with a frequency in proportion to 1 / n."""
    share = 1 / np.arange(1, CLASSES + 1)
    share /= share.sum()
    truths = []
    for _ in range(VIDEOS):
        truth = np.zeros((FRAMES, CLASSES))
        cuts = np.sort(rng.choice(np.arange(1, FRAMES), rng.integers(4, 15), replace=False))
        for frames in np.split(np.arange(FRAMES), cuts):
            labels = rng.choice(CLASSES, 1 + (rng.random() < TWO_LABELS), False, share)
            truth[frames[:, None], labels] = 1
        truths.append(truth)
    return truths


def noisy(rng: np.random.Generator, score: NDArray) -> NDArray:
    return score + 1e-6 * rng.random(score.shape)


def partly_right(rng: np.random.Generator, truth: NDArray, right: float = 0.6) -> NDArray:
    """Each segment as in the truth with probability ``right``, else one random class."""
    score = truth.copy()
    cuts = np.flatnonzero((truth[1:] != truth[:-1]).any(axis=1)) + 1
    for frames in np.split(np.arange(len(truth)), cuts):
        if rng.random() >= right:
            score[frames] = np.eye(CLASSES)[rng.integers(CLASSES)]
    return noisy(rng, score)


def predictions(rng: np.random.Generator, truths: list[NDArray]) -> dict[str, list[NDArray]]:
    return {
        "perfect + 1e-6 noise": [noisy(rng, truth) for truth in truths],
        "uniform random": [rng.random(truth.shape) for truth in truths],
        "most frequent class everywhere + 1e-6 noise": make_constant_scores(truths, np.float64)[1],
        "60 % of segments right + 1e-6 noise": [partly_right(rng, truth) for truth in truths],
    }


def figures(truths: list[NDArray], scores: list[NDArray]) -> tuple[NDArray, NDArray]:
    """SHOWN of the published and of the clean evaluator, the top class predicted everywhere."""
    published = asdict(evaluate_as_published(truths, scores))
    said = []
    for score in scores:
        top = find_top_class(score, np.ones(score.shape, bool))
        said.append(Prediction(score, np.eye(CLASSES, dtype=bool)[top], top))
    clean = asdict(evaluate_predictions(truths, said).metrics)
    return np.array([published[k] for k in SHOWN]), np.array([clean[k] for k in SHOWN])


def table() -> dict[str, NDArray]:
    """Mean over SEEDS by prediction, (2, 4): published, clean × SHOWN."""
    sums: dict[str, list[NDArray]] = {}
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        truths = synthetic_truth(rng)
        for name, scores in predictions(rng, truths).items():
            sums.setdefault(name, []).append(np.stack(figures(truths, scores)))
    return {name: np.mean(values, axis=0) for name, values in sums.items()}


def cells(rows: NDArray) -> list[str]:
    """The two cells of a prediction as the page shows them."""
    return [" / ".join(f"{value:.1f}" for value in row) for row in rows]


if __name__ == "__main__":
    for name, rows in table().items():
        print(f"| {name} | {' | '.join(cells(rows))} |")
