"""Losses of per-frame logits, in multi-label (sigmoid) and single-label (softmax) form.

Means over real frames. B rows, N pooled frames, C classes. Logits of several outputs may be stacked
in leading dimensions; each has its loss then.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def class_probabilities(logits: Tensor, activation: str) -> Tensor:
    """Probabilities along the last dimension: ``sigmoid`` or ``softmax``."""
    return logits.softmax(-1) if activation == "softmax" else logits.sigmoid()


def log_probabilities(logits: Tensor, activation: str) -> Tensor:
    """Logarithms of :func:`class_probabilities`."""
    return logits.log_softmax(-1) if activation == "softmax" else F.logsigmoid(logits)


def frame_loss(
    logits: Float[Tensor, "*outputs B N C"], labels: Float[Tensor, "B N C"],
    mask: Bool[Tensor, "B N"], activation: str = "sigmoid",
) -> Float[Tensor, "*outputs"]:  # fmt: skip
    """Binary cross-entropy, the mean over classes; or cross-entropy over frames with a label.

    With ``softmax`` a frame of several labels has them as equally probable targets.
    """
    if activation == "sigmoid":
        targets = labels.expand_as(logits)
        loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return masked_mean(loss.mean(-1), mask)
    total = labels.sum(-1)
    loss = -(labels * logits.log_softmax(-1)).sum(-1) / total.clamp_min(1e-6)
    return masked_mean(loss, mask & (total > 0))


def smoothing_loss(
    logits: Float[Tensor, "*outputs B N C"], mask: Bool[Tensor, "B N"],
    activation: str = "sigmoid", cap: float = 4.0,
) -> Float[Tensor, "*outputs"]:  # fmt: skip
    """Squared difference of log-probabilities between neighbouring frames, clipped (MS-TCN).

    The earlier frame is the target: no gradient flows into it.
    """
    log_p = log_probabilities(logits, activation)
    change = (log_p[..., 1:, :] - log_p[..., :-1, :].detach()).abs().clamp(max=cap)
    return masked_mean(change.square().mean(-1), mask[:, :-1] & mask[:, 1:])


def masked_mean(values: Float[Tensor, "..."], mask: Bool[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Mean where ``mask`` holds, 0 where it never does; one for each entry of the dimensions that
    ``values`` has before those of the mask."""
    flat = torch.where(mask, values, 0).flatten(-mask.ndim)
    return flat.sum(-1) / mask.sum().clamp_min(1)
