"""FACT's losses. B rows, M tokens, S units (pooled frames or segments), C classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from rhas.methods.layers.losses import frame_loss, masked_mean

_NEVER = -1e30


def class_loss(logits: Tensor, labels: Tensor, mask: Tensor, activation: str) -> Tensor:
    """Per frame in nats, as the other terms: binary cross-entropy is summed over classes."""
    scale = logits.shape[-1] if activation == "sigmoid" else 1
    return scale * frame_loss(logits, labels, mask, activation)


def token_loss(
    logits: Float[Tensor, "B M K"], classes: Tensor, null_weight: Tensor, activation: str,
    real: Tensor,
) -> Float[Tensor, ""]:  # fmt: skip
    """Cross-entropy with the matched classes; ``null_weight`` for tokens without an instance.

    Args:
        logits: K = C + 1.
        classes: (B, M), C where a token has no instance.
        null_weight: scalar.
        activation: ``sigmoid``: a binary one per class, summed.
        real: (B,) bool, rows with a real frame.
    """
    if activation == "sigmoid":
        target = F.one_hot(classes, logits.shape[-1]).to(logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)
    else:
        loss = F.cross_entropy(logits.transpose(1, 2), classes, reduction="none")
    weight = torch.where(classes == logits.shape[-1] - 1, null_weight, 1.0) * real[:, None]
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def to_frames_loss(
    logits: Float[Tensor, "B M S"], spans: Float[Tensor, "B M S"]
) -> Float[Tensor, ""]:
    """Cross-entropy of each matched token's attention with the units of its instance."""
    return -(logits.log_softmax(-1) * spans).sum() / spans.sum().clamp_min(1)


def to_tokens_loss(
    logits: Float[Tensor, "B S M"], spans: Float[Tensor, "B M S"], assigned: Tensor, mask: Tensor,
    activation: str,
) -> Float[Tensor, ""]:  # fmt: skip
    """Each unit's attention to the tokens with an instance, against their spans.

    Args:
        logits: of attention.
        spans: how much of a unit a token's instance covers.
        assigned: (B, M) bool.
        mask: (B, S) bool, real units.
        activation: ``sigmoid``: binary cross-entropy, summed over a unit's tokens; ``softmax``:
            cross-entropy over them.
    """
    target = spans.transpose(1, 2)
    if activation == "sigmoid":
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return masked_mean((loss * assigned[:, None]).sum(-1), mask)
    log_p = logits.masked_fill(~assigned[:, None], _NEVER).log_softmax(-1)
    return -(log_p * target).sum() / spans.sum().clamp_min(1)
