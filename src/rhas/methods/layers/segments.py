"""Pooling over segments of a row and back. B rows, N pooled frames, S segments, W channels."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor


def pool_segments(
    x: Float[Tensor, "B N W"], index: Int[Tensor, "B N"], mask: Bool[Tensor, "B N"], segments: int
) -> Float[Tensor, "B S W"]:
    """The mean of each segment's real frames, 0 for segments that a row does not have.

    Args:
        x: per pooled frame.
        index: segment of each pooled frame, from 0.
        mask: real pooled frames.
        segments: S.
    """
    real = mask[..., None].to(x.dtype)
    index = index[..., None]
    sums = x.new_zeros(len(x), segments, x.shape[2]).scatter_add(1, index.expand_as(x), x * real)
    count = x.new_zeros(len(x), segments, 1).scatter_add(1, index, real)
    return sums / count.clamp_min(1)


def expand_segments(x: Float[Tensor, "B S W"], index: Int[Tensor, "B N"]) -> Float[Tensor, "B N W"]:
    """To each pooled frame the values of its segment."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))
