"""Losses of per-frame multi-label logits: frames, boundaries, smoothness. Means over real frames.

B rows, L frames, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALL = 1e-6


def frame_loss(logits: Tensor, labels: Tensor, mask: Tensor, pos_weight: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over real frames and classes.

    Args:
        logits: (B, L, C).
        labels: (B, L, C) in [0, 1].
        mask: (B, L) bool.
        pos_weight: (C,), how much a present label weighs.
    """
    loss = F.binary_cross_entropy_with_logits(
        logits, labels, pos_weight=pos_weight, reduction="none"
    )
    return _mean(loss.mean(-1), mask)


def change_log_probability(logits: Tensor) -> Tensor:
    """Logarithm of the probability that the label set stays the same from each frame to the next.

    The classes are taken as independent: ``Π_c p_c p'_c + (1 - p_c)(1 - p'_c)``. (DiffAct's
    ``Σ_c p_c p'_c`` is its counterpart for one label per frame.)

    Args:
        logits: (B, L, C).

    Returns:
        (B, L - 1), at most 0.
    """
    p = torch.sigmoid(logits)
    here, there = p[:, :-1], p[:, 1:]
    both = here * there
    same = 1 - here - there + 2 * both
    return same.clamp_min(_SMALL).log().sum(-1)


def boundary_loss(logits: Tensor, boundary: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy between predicted changes of the label set and the true ones.

    Args:
        logits: (B, L, C).
        boundary: (B, L) in [0, 1], 1 beside a change; between two frames their mean counts.
        mask: (B, L) bool.
    """
    stays = change_log_probability(logits)
    changes = torch.log((-torch.expm1(stays)).clamp_min(_SMALL))
    target = (boundary[:, :-1] + boundary[:, 1:]) / 2
    return _mean(-(target * changes + (1 - target) * stays), mask[:, :-1] & mask[:, 1:])


def smoothing_loss(logits: Tensor, mask: Tensor, cap: float = 4.0) -> Tensor:
    """Squared difference of log-probabilities between neighbouring frames, clipped (MS-TCN).

    The earlier frame is the target: no gradient flows into it.
    """
    log_p = F.logsigmoid(logits)
    step = (log_p[:, 1:] - log_p[:, :-1].detach()).abs().clamp(max=cap)
    return _mean(step.square().mean(-1), mask[:, :-1] & mask[:, 1:])


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp_min(1)
