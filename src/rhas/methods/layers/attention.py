"""Attention within windows and along strides: cost linear in N, or N²/G.

B rows (or rows × heads), N pooled frames, d width of queries and keys, e width of values, W window,
G stride. Keys outside the sequence or on padding have no weight; a query without any valid key
gives 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

_NEVER = -1e30  # finite: a row without any valid key must not become NaN


def masked_attention(
    q: Float[Tensor, "*batch Q d"], k: Float[Tensor, "*batch K d"],
    v: Float[Tensor, "*batch K e"], valid: Bool[Tensor, "..."],
    bias: Float[Tensor, "..."] | None = None, dropout: float = 0.0,
) -> Float[Tensor, "*batch Q e"]:  # fmt: skip
    """``softmax(q kᵀ / √d + bias) v`` over the valid keys.

    Args:
        q: queries.
        k: keys.
        v: values.
        valid: broadcasts against (*batch, Q, K).
        bias: added to the scores, broadcasts likewise.
        dropout: of attention weights.
    """
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5  # (*batch, Q, K)
    if bias is not None:
        scores = scores + bias
    weights = scores.masked_fill(~valid, _NEVER).softmax(-1)
    weights = F.dropout(weights * valid, dropout, training=dropout > 0)
    return weights @ v


def windowed_attention(
    q: Float[Tensor, "B N d"], k: Float[Tensor, "B N d"], v: Float[Tensor, "B N e"],
    mask: Bool[Tensor, "B N"], window: int, dropout: float = 0.0,
) -> Float[Tensor, "B N e"]:  # fmt: skip
    """Frame t of window w = ⌊t / W⌋ attends to the 2W frames from ``wW - ⌊W/2⌋`` on (LTContext)."""
    length = q.shape[1]
    before = window // 2
    end = -length % window
    reach = (before, end + window - before)
    queries = F.pad(q, (0, 0, 0, end)).unflatten(1, (-1, window))  # (B, n, W, d)
    keys, values = (
        F.pad(x, (0, 0, *reach)).unfold(1, 2 * window, window).transpose(2, 3)  # (B, n, 2W, ·)
        for x in (k, v)
    )
    valid = F.pad(mask, reach).unfold(1, 2 * window, window)[:, :, None]  # (B, n, 1, 2W)
    out = masked_attention(queries, keys, values, valid, dropout=dropout)
    return out.flatten(1, 2)[:, :length]


def strided_attention(
    q: Float[Tensor, "B N d"], k: Float[Tensor, "B N d"], v: Float[Tensor, "B N e"],
    mask: Bool[Tensor, "B N"], stride: int, dropout: float = 0.0,
) -> Float[Tensor, "B N e"]:  # fmt: skip
    """Frame t attends to the frames ``t ± iG`` of the whole sequence (LTContext)."""
    length = q.shape[1]
    end = -length % stride
    queries, keys, values = (
        F.pad(x, (0, 0, 0, end)).unflatten(1, (-1, stride)).transpose(1, 2)  # (B, G, n, ·)
        for x in (q, k, v)
    )
    valid = F.pad(mask, (0, end)).unflatten(1, (-1, stride)).transpose(1, 2)[:, :, None]
    out = masked_attention(queries, keys, values, valid, dropout=dropout)
    return out.transpose(1, 2).flatten(1, 2)[:, :length]


def banded_attention(
    q: Float[Tensor, "B H N d"], k: Float[Tensor, "B H N d"], v: Float[Tensor, "B H N e"],
    mask: Bool[Tensor, "B N"], bias: Float[Tensor, "H taps"],
) -> Float[Tensor, "B H N e"]:  # fmt: skip
    """Frame t attends to ``t - r .. t + r``; head h adds ``bias[h, r + distance]`` to the scores.

    r is half the taps of ``bias``, whose number is odd. Queries go in blocks of 2r, each with its
    block's keys and r more on both sides.
    """
    length, radius = q.shape[2], bias.shape[1] // 2
    block = max(2 * radius, 1)
    end = -length % block
    reach = (radius, end + radius)
    size = block + 2 * radius
    queries = F.pad(q, (0, 0, 0, end)).unflatten(2, (-1, block))  # (B, H, n, 2r, d)
    keys, values = (
        F.pad(x, (0, 0, *reach)).unfold(2, size, block).transpose(3, 4)  # (B, H, n, 4r, ·)
        for x in (k, v)
    )
    tap = torch.arange(size, device=q.device) - torch.arange(block, device=q.device)[:, None]
    inside = (tap >= 0) & (tap <= 2 * radius)  # (2r, 4r)
    valid = F.pad(mask, reach).unfold(1, size, block)[:, None, :, None] & inside
    added = bias[:, tap.clamp(0, 2 * radius)][:, None]  # (H, 1, 2r, 4r)
    out = masked_attention(queries, keys, values, valid, added)
    return out.flatten(2, 3)[:, :, :length]


def open_empty_rows(mask: Bool[Tensor, "B N"]) -> Bool[Tensor, "B N"]:
    """A mask with at least one key per row: all keys where none is real."""
    return mask | ~mask.any(1, keepdim=True)
