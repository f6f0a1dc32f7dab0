"""Losses of per-frame multi-label logits: frames, boundaries, smoothness. Means over real frames.

B rows, L frames, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALL = 1e-6


def frame_loss(
    logits: Tensor, labels: Tensor, mask: Tensor, pos_weight: Tensor, gamma: float = 0.0
) -> Tensor:
    """Binary cross-entropy, or focal loss, the mean over real frames and classes.

    Args:
        logits: (B, L, C).
        labels: (B, L, C) in [0, 1].
        mask: (B, L) bool.
        pos_weight: (C,), how much a present label weighs.
        gamma: each entry weighs ``(1 - p)^γ``, p the probability that it gives the truth; labels
            between 0 and 1 mix both sides.
    """
    loss = F.binary_cross_entropy_with_logits(
        logits, labels, pos_weight=pos_weight, reduction="none"
    )
    if gamma > 0:
        p = torch.sigmoid(logits)
        loss = loss * (labels * (1 - p) + (1 - labels) * p).clamp_min(_SMALL).pow(gamma)
    return _mean(loss.mean(-1), mask)


def change_probability(logits: Tensor) -> Tensor:
    """How probable a change of the label set is from each frame to the next.

    A class that is present with probability p, then p', must change with probability |p - p'| at
    least; the classes are taken as independent: ``1 - Π_c (1 - |p_c - p'_c|)``. So a constant
    doubt is no change. (DiffAct's ``1 - Σ_c p_c p'_c``, for one label per frame, calls it one, and
    with many labels leaves [0, 1].)

    Args:
        logits: (B, L, C).

    Returns:
        (B, L - 1) in [0, 1].
    """
    step = torch.sigmoid(logits).diff(dim=1).abs()
    return -torch.expm1(torch.log1p(-step.clamp_max(1 - _SMALL)).sum(-1))


def boundary_loss(logits: Tensor, boundary: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy between predicted changes of the label set and the true ones.

    The prediction is drawn towards 1/2 by a hundredth, which bounds the gradient.

    Args:
        logits: (B, L, C).
        boundary: (B, L) in [0, 1], 1 beside a change; between two frames their mean counts.
        mask: (B, L) bool.
    """
    changes = change_probability(logits) * 0.98 + 0.01
    target = (boundary[:, :-1] + boundary[:, 1:]) / 2
    loss = -(target * changes.log() + (1 - target) * (-changes).log1p())
    return _mean(loss, mask[:, :-1] & mask[:, 1:])


def smoothing_loss(logits: Tensor, mask: Tensor, cap: float = 4.0) -> Tensor:
    """Squared difference of log-probabilities between neighbouring frames, clipped (MS-TCN).

    The earlier frame is the target: no gradient flows into it.
    """
    log_p = F.logsigmoid(logits)
    step = (log_p[:, 1:] - log_p[:, :-1].detach()).abs().clamp(max=cap)
    return _mean(step.square().mean(-1), mask[:, :-1] & mask[:, 1:])


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp_min(1)
