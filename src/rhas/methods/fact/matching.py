"""Instances of a window, and the tokens matched with them.

N pooled frames, S instances, M tokens, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor


@dataclass(frozen=True)
class TokenMatch:
    """Tokens and the instances that they are matched with.

    Args:
        classes: (B, M) int, C where a token has none.
        spans: (B, M, N), 1 where a token's instance is; 0 for tokens without one.
    """

    classes: Tensor
    spans: Tensor


def find_instances(
    labels: Bool[Tensor, "N C"],
) -> tuple[Int[Tensor, " S"], Bool[Tensor, "S N"]]:
    """Class and covered pooled frames of each run of a class, by class, then by time."""
    change = torch.nn.functional.pad(labels.T.int(), (1, 1)).diff(dim=1)  # (C, N + 1)
    starts, stops = (change == 1).nonzero(), (change == -1).nonzero()
    steps = torch.arange(len(labels), device=labels.device)
    return starts[:, 0], (steps >= starts[:, 1:]) & (steps < stops[:, 1:])


def soft_iou(attention: Float[Tensor, "N M"], spans: Float[Tensor, "S N"]) -> Float[Tensor, "M S"]:
    """``Σ_t a_tk g_st / Σ_t min(a_tk + g_st, 1)`` for g of 0 and 1 and a in [0, 1].

    The union is ``Σ a + Σ g - Σ a g`` then: sums and one matrix product, no N×M×S array.
    """
    overlap = (spans @ attention).T
    union = attention.sum(0)[:, None] + spans.sum(1) - overlap
    return overlap / union.clamp_min(1e-6)


def match_tokens(
    probabilities: Float[Tensor, "M K"], attention: Float[Tensor, "N M"],
    classes: Int[Tensor, " S"], spans: Float[Tensor, "S N"], by_class: float, by_overlap: float,
) -> tuple[Int[Tensor, " P"], Int[Tensor, " P"]]:  # fmt: skip
    """The P = min(M, S) pairs of least total ``-by_class p - by_overlap IoU``.

    Costs that are not finite count as 0: their loss is not finite either, which training reports.

    Returns:
        The pairs' tokens and their instances.
    """
    cost = -by_class * probabilities[:, classes] - by_overlap * soft_iou(attention, spans)
    finite = torch.nan_to_num(cost, nan=0.0, posinf=0.0, neginf=0.0)
    tokens, chosen = linear_sum_assignment(finite.cpu().double().numpy())
    device = classes.device
    return torch.as_tensor(tokens, device=device), torch.as_tensor(chosen, device=device)
