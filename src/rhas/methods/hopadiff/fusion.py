"""One score out of several: of the branches and of the linear path.

n frames, C classes, E experts (the scores that are fused).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor, nn

from rhas.methods.layers.segmenter import RAREST


class ScoreFusion(nn.Module):
    """The mean of the experts' probabilities, or a weighted sum of their log-odds.

    A sum of log-odds lets the expert decide that is sure, and its weights correct scores that are
    too sure or not sure enough.

    Args:
        experts: E.
        kind: ``mean`` or ``fitted``; until it is fitted it is the mean of the log-odds.
    """

    weights: Tensor
    bias: Tensor

    def __init__(self, experts: int, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("weights", torch.full((experts,), 1 / experts))
        self.register_buffer("bias", torch.zeros(()))

    def forward(self, scores: Float[Tensor, "*shape E"]) -> Float[Tensor, "*shape"]:
        """Probabilities of the experts to one."""
        with torch.autocast(scores.device.type, enabled=False):  # bfloat16 would give equal scores
            scores = scores.to(self.weights.dtype)
            if self.kind == "mean":
                return scores.mean(-1)
            return torch.sigmoid(log_odds(scores) @ self.weights + self.bias)

    def fit(self, scores: list[Tensor], labels: list[Tensor]) -> None:
        """Takes the weights (0 or more) and the bias of the lowest binary cross-entropy.

        Args:
            scores: of each val sample, (n, C, E).
            labels: in [0, 1], (n, C).
        """
        x = torch.cat([log_odds(one).flatten(0, 1) for one in scores]).double().cpu().numpy()
        y = torch.cat([one.flatten() for one in labels]).double().cpu().numpy()

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            logits = x @ parameters[:-1] + parameters[-1]
            error = expit(logits) - y
            value = np.mean(np.logaddexp(0, logits) - y * logits)
            return float(value), np.append(x.T @ error, error.sum()) / len(y)

        experts = len(self.weights)
        start = np.append(np.full(experts, 1 / experts), 0.0)
        bounds = [(0, None)] * experts + [(None, None)]
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        self.weights.copy_(torch.from_numpy(found[:-1]))
        self.bias.copy_(torch.tensor(found[-1]))


def log_odds(scores: Tensor) -> Tensor:
    """Of probabilities; 0 and 1 are as the rarest class and its opposite."""
    return torch.logit(scores.clamp(RAREST, 1 - RAREST))
