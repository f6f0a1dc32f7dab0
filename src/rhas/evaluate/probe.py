"""Linear probe: how much of the frame's actions a linear function reads out of features.

Legend: n frames, D feature width, C action classes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from rhas.base.errors import RhasError
from rhas.metrics.segmentation import mean_average_precision


class Probe:
    """Scores (n, C) = standardised features (n, D) times weights (D, C) plus bias (C,)."""

    def __init__(
        self, mean: np.ndarray, std: np.ndarray, weight: np.ndarray, bias: np.ndarray
    ) -> None:
        self._mean, self._std, self._weight, self._bias = mean, std, weight, bias

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return ((features - self._mean) / self._std) @ self._weight + self._bias


def fit_probe(
    features: np.ndarray, labels: np.ndarray, l2: float = 1e-4, steps: int = 100
) -> Probe:
    """One logistic regression per class on standardised features, by L-BFGS; deterministic.

    Args:
        features: float (n, D).
        labels: multi-hot (n, C).
        l2: weight of the squared norm of the weights beside the mean binary cross-entropy.
        steps: iterations of L-BFGS at most.

    Raises:
        RhasError: features and labels of different length.
    """
    if features.ndim != 2 or labels.ndim != 2 or len(features) != len(labels):
        raise RhasError(
            "features and labels do not fit",
            where="linear probe",
            expected="(n, D) and (n, C)",
            got=f"{features.shape} and {labels.shape}",
        )
    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-6
    x = torch.from_numpy(((features - mean) / std).astype(np.float32))
    y = torch.from_numpy(labels.astype(np.float32))
    weight = torch.zeros(x.shape[1], y.shape[1], requires_grad=True)
    bias = torch.zeros(y.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=steps, line_search_fn="strong_wolfe", tolerance_change=1e-7
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        per_class = F.binary_cross_entropy_with_logits(x @ weight + bias, y) * y.shape[1]
        value = per_class + l2 * weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return Probe(mean, std, weight.detach().numpy(), bias.detach().numpy())


def frame_map(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean average precision over the classes that occur, 0-100.

    Args:
        scores: float (n, C), higher is more likely.
        labels: multi-hot (n, C).

    Raises:
        RhasError: shapes differ, or no class occurs.
    """
    if scores.shape != labels.shape:
        raise RhasError("scores and labels do not fit", got=f"{scores.shape} and {labels.shape}")
    if not labels.any():
        raise RhasError("no class occurs in the labels", where="frame mAP")
    return mean_average_precision([labels], [scores])
