"""Boundary loss of per-frame multi-label logits. S outputs, B rows, L frames, C classes."""

from __future__ import annotations

import torch
from torch import Tensor

from rhas.methods.layers.losses import masked_mean

_SMALL = 1e-6


def change_probability(logits: Tensor) -> Tensor:
    """The probability that the label set changes from each frame to the next.

    A class of probability p, then p', changes with probability |p - p'| at least. With independent
    classes that is ``1 - Π_c (1 - |p_c - p'_c|)``, and 0 for a constant uncertain prediction.
    DiffAct's ``1 - Σ_c p_c p'_c`` is for one label per frame; with many it leaves [0, 1].

    Args:
        logits: (..., L, C).

    Returns:
        (..., L - 1) in [0, 1].
    """
    step = torch.sigmoid(logits).diff(dim=-2).abs()
    return -torch.expm1(torch.log1p(-step.clamp_max(1 - _SMALL)).sum(-1))


def boundary_loss(logits: Tensor, boundary: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy between predicted changes of the label set and the true ones.

    The prediction is moved towards 1/2 by a hundredth, which bounds the gradient.

    Args:
        logits: (S, B, L, C), or (B, L, C).
        boundary: (B, L) in [0, 1], 1 beside a change; between two frames their mean counts.
        mask: (B, L) bool.

    Returns:
        The loss of each output (S,), or a scalar.
    """
    changes = change_probability(logits) * 0.98 + 0.01
    target = (boundary[:, :-1] + boundary[:, 1:]) / 2
    loss = -(target * changes.log() + (1 - target) * (-changes).log1p())
    return masked_mean(loss, mask[:, :-1] & mask[:, 1:])
