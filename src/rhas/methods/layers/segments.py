"""Pooling over segments of a row and back. B rows, N steps, S segments, W channels."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor


def pooled(
    x: Float[Tensor, "B N W"], of: Int[Tensor, "B N"], mask: Bool[Tensor, "B N"], segments: int
) -> Float[Tensor, "B S W"]:
    """The mean of each segment's real steps, 0 for segments that a row has not.

    Args:
        x: per step.
        of: segment of each step, from 0.
        mask: real steps.
        segments: S.
    """
    real = mask[..., None].to(x.dtype)
    index = of[..., None]
    sums = x.new_zeros(len(x), segments, x.shape[2]).scatter_add(1, index.expand_as(x), x * real)
    count = x.new_zeros(len(x), segments, 1).scatter_add(1, index, real)
    return sums / count.clamp_min(1)


def spread(x: Float[Tensor, "B S W"], of: Int[Tensor, "B N"]) -> Float[Tensor, "B N W"]:
    """To each step what its segment has."""
    return x.gather(1, of[..., None].expand(-1, -1, x.shape[2]))
