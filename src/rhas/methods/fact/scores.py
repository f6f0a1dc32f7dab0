"""From FACT's tokens to scores per pooled frame. B rows, N pooled frames, M tokens, C classes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from rhas.methods.layers.segments import expand_segments

_AT_ONCE = 128  # pooled frames whose N×M×C products are held


def any_token(
    attention: Float[Tensor, "B N M"], tokens: Float[Tensor, "B M C"]
) -> Float[Tensor, "B N C"]:
    """``1 - Π_k (1 - a_tk p_kc)``: some token of class c covers frame t."""
    parts = []
    for some in attention.split(_AT_ONCE, 1):
        none = torch.log1p(-(some[..., None] * tokens[:, None]).clamp(max=1 - 1e-6)).sum(2)
        parts.append(-torch.expm1(none))
    return torch.cat(parts, 1)


def one_token_each(
    attention: Float[Tensor, "B N M"], logits: Float[Tensor, "B M K"],
    frames: Float[Tensor, "B N C"],
) -> Float[Tensor, "B N C"]:  # fmt: skip
    """Each frame has the classes of the token it attends to most, of those with an instance.

    Rows whose tokens all have none keep the scores of the frame branch.
    """
    assigned = logits.argmax(-1) < logits.shape[-1] - 1  # (B, M)
    chosen = attention.masked_fill(~assigned[:, None], -1).argmax(-1)  # (B, N)
    found = expand_segments(logits[..., :-1].softmax(-1), chosen)
    return torch.where(assigned.any(1)[:, None, None], found, frames)
