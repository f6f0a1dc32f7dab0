"""Attention over time: to a few frames at fixed distances (ASFormer, DiffAct), or to all.

B rows, L frames, n offsets, d width of queries and keys, e width of values. Keys and values are
never gathered n-fold: each offset is a shifted slice, and only (B, L, n) weights are kept for the
backward pass. Time and memory are linear in L, but for `full_attention`, whose time is L².
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_NEVER = -1e30  # finite: a row without any valid key must not become NaN
_FAR = 1e4  # below any logit by this much, a key has a weight of exactly 0


def neighbour_attention(
    q: Float[Tensor, "B L d"], k: Float[Tensor, "B L d"], v: Float[Tensor, "B L e"],
    offsets: Sequence[int], mask: Bool[Tensor, "B L"] | None = None,
) -> Float[Tensor, "B L e"]:  # fmt: skip
    """``out[t] = Σ_j a_tj v[t + o_j]`` with ``a_t = softmax_j(q[t] · k[t + o_j] / √d)``.

    Offsets that leave the sequence or point at padding have no weight; a frame without any valid
    neighbour gives 0.

    Args:
        q: (B, L, d).
        k: (B, L, d).
        v: (B, L, e).
        offsets: distances in frames, distinct.
        mask: (B, L) bool, True for real frames; None where all are.

    Returns:
        (B, L, e)
    """
    return _NeighbourAttention.apply(q, k, v, tuple(offsets), mask)


def full_attention(
    q: Float[Tensor, "B L d"], k: Float[Tensor, "B L d"], v: Float[Tensor, "B L e"],
    mask: Bool[Tensor, "B L"],
) -> Float[Tensor, "B L e"]:  # fmt: skip
    """``out[t] = Σ_s a_ts v[s]`` over all real frames, ``a_t = softmax_s(q[t] · k[s] / √d)``.

    Never holds an (L, L) matrix: padding is masked by one more channel of the keys, not by a mask,
    and all widths are equal, which is what torch's fused kernels need.

    Args:
        q, k: (B, L, d).
        v: (B, L, e).
        mask: (B, L) bool, real frames.
    """
    scale = q.shape[-1] ** -0.5
    hidden = torch.where(mask, 0.0, -_FAR / scale).to(k.dtype)[..., None]
    q, k = torch.cat([q, torch.ones_like(hidden)], -1), torch.cat([k, hidden], -1)
    width = max(q.shape[-1], v.shape[-1])
    q, k, padded = (F.pad(x, (0, width - x.shape[-1]))[:, None] for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, padded, scale=scale)[:, 0, :, : v.shape[-1]]


def dilated_offsets(kernel: int, dilation: int) -> tuple[int, ...]:
    """The taps of a centred dilated convolution: ``-r·dilation, ..., 0, ..., r·dilation``."""
    radius = kernel // 2
    return tuple(dilation * tap for tap in range(-radius, radius + 1))


def _slices(offsets: Sequence[int], length: int) -> Iterator[tuple[int, slice, slice]]:
    """(j, frames t, their neighbours t + o_j) for the offsets that reach into the sequence."""
    for j, offset in enumerate(offsets):
        if abs(offset) < length:
            first, last = max(0, -offset), min(length, length - offset)
            yield j, slice(first, last), slice(first + offset, last + offset)


def _reached(offsets: Sequence[int], mask: Tensor) -> Tensor:
    """Which neighbours t + o_j exist and are real frames, bool (n, B, L)."""
    length, far = mask.shape[1], max(map(abs, offsets))
    padded = F.pad(mask, (far, far))
    return torch.stack([padded[:, far + o : far + o + length] for o in offsets])


def _write_products(out: Tensor, x: Tensor, y: Tensor) -> None:
    """``out[b, t] = x[b, t] · y[b, t]``, without a copy where a compiler need not trace it."""
    if torch.compiler.is_compiling():
        out.copy_(torch.linalg.vecdot(x, y))
    else:
        torch.linalg.vecdot(x, y, out=out)


class _NeighbourAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, offsets: tuple[int, ...], mask: Tensor | None
    ) -> Tensor:
        length = q.shape[1]
        exact = torch.promote_types(q.dtype, torch.float32)
        scores = q.new_zeros((len(offsets), *q.shape[:2]))  # (n, B, L)
        for j, here, there in _slices(offsets, length):
            _write_products(scores[j, :, here], q[:, here], k[:, there])
        reached = _reached(
            offsets, q.new_ones(q.shape[:2], dtype=torch.bool) if mask is None else mask
        )
        scores = scores.to(exact).mul_(q.shape[2] ** -0.5).masked_fill_(~reached, _NEVER)
        weights = torch.softmax(scores, 0).mul_(reached).to(v.dtype)
        out = torch.zeros_like(v)
        for j, here, there in _slices(offsets, length):
            out[:, here].addcmul_(weights[j, :, here, None], v[:, there])
        ctx.save_for_backward(q, k, v, weights)
        ctx.offsets = offsets
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad = grads[0]
        q, k, v, weights = ctx.saved_tensors
        length = q.shape[1]
        exact = torch.promote_types(q.dtype, torch.float32)
        d_weights = torch.zeros_like(weights)
        d_v = torch.zeros_like(v)
        for j, here, there in _slices(ctx.offsets, length):
            _write_products(d_weights[j, :, here], grad[:, here], v[:, there])
            d_v[:, there].addcmul_(weights[j, :, here, None], grad[:, here])
        d_weights = d_weights.to(exact)
        d_scores = d_weights - (d_weights * weights).sum(0)
        d_scores = d_scores.mul_(weights).mul_(q.shape[2] ** -0.5).to(q.dtype)
        d_q, d_k = torch.zeros_like(q), torch.zeros_like(k)
        for j, here, there in _slices(ctx.offsets, length):
            d_q[:, here].addcmul_(d_scores[j, :, here, None], k[:, there])
            d_k[:, there].addcmul_(d_scores[j, :, here, None], q[:, here])
        return d_q, d_k, d_v, None, None
