"""Layers of encoders and decoders: dilated convolution and attention over dilated neighbours.

ASFormer's combination as DiffAct uses it: both read the same ``kernel`` frames around each frame,
2^i apart in layer i. With ``norm="instance"`` it computes what DiffAct's layer computes.

B rows, L frames, W channels.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rhas.methods.hopadiff.neighbours import dilated_offsets, neighbour_attention

_EPSILON = 1e-5


class DilatedLayer(nn.Module):
    """``x + FFN(norm(conv(x) + attention(x)))``.

    Args:
        width: W.
        kernel: taps of convolution and attention, odd.
        dilation: frames between the taps.
        dropout: on the layer's input; the residual path has none.
        norm: ``channel`` (over a frame's channels) or ``instance`` (over a row's real frames).
    """

    def __init__(
        self, width: int, kernel: int, dilation: int, dropout: float, norm: str = "channel"
    ) -> None:
        super().__init__()
        self.offsets = dilated_offsets(kernel, dilation)
        self.dropout = nn.Dropout(dropout)
        self.conv = nn.Conv1d(
            width, width, kernel, dilation=dilation, padding=dilation * (kernel // 2)
        )
        self.project = nn.Linear(width, 3 * width)
        self.norm = {"channel": ChannelNorm, "instance": InstanceNorm}[norm](width)
        self.ffn = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """One layer.

        Args:
            x: (B, L, W), 0 on padding.
            mask: (B, L) bool, real frames.
            condition: added to queries, keys and values, (B, L, 3 W).

        Returns:
            (B, L, W), 0 on padding.
        """
        inner = self.dropout(x)
        projected = self.project(inner)
        if condition is not None:
            projected = projected + condition
        q, k, v = projected.chunk(3, -1)
        seen = neighbour_attention(q, k, v, self.offsets, mask)
        near = self.conv(inner.transpose(1, 2)).transpose(1, 2)
        return x + self.ffn(self.norm(near + seen, mask)) * mask[..., None]


class ChannelNorm(nn.LayerNorm):
    """Layer norm of each frame over its channels; padding and length of a sample have no effect."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """(B, L, W) to (B, L, W)."""
        return super().forward(x)


class InstanceNorm(nn.Module):
    """Each channel of a row by its mean and spread over the row's real frames (DiffAct's)."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(
        self, x: Float[Tensor, "B L W"], mask: Bool[Tensor, "B L"]
    ) -> Float[Tensor, "B L W"]:
        """(B, L, W) to float32 or float64 (B, L, W), 0 on padding."""
        return _InstanceNorm.apply(upcast(x), mask)


class _InstanceNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor) -> Tensor:
        real = mask[..., None].to(x.dtype)
        count = real.sum(1, keepdim=True).clamp_min(1)
        normed = (x - (x * real).sum(1, keepdim=True) / count).mul_(real)
        spread = normed.square().sum(1, keepdim=True).div_(count).add_(_EPSILON).rsqrt_()
        normed.mul_(spread)
        ctx.save_for_backward(normed, spread, mask, count)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        normed, spread, mask, count = ctx.saved_tensors
        grad = grads[0] * mask[..., None]
        along = (grad * normed).sum(1, keepdim=True) / count
        grad.sub_(grad.sum(1, keepdim=True) / count).addcmul_(normed, along, value=-1)
        return grad.mul_(mask[..., None]).mul_(spread), None


def upcast(x: Tensor) -> Tensor:
    """At least float32, for what autocast must not reduce: residual paths and sums over time."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def drop_entries(x: Tensor, rate: float, dims: tuple[int, ...], training: bool) -> Tensor:
    """Dropout of whole slices: one draw per entry of ``dims``, shared along the others.

    Example: with ``dims = (0, 2)`` and x (B, L, W), whole channels of a row become 0.
    """
    if not training or rate == 0:
        return x
    shape = [size if dim in dims else 1 for dim, size in enumerate(x.shape)]
    retained = torch.rand(shape, device=x.device) >= rate
    return x * (retained / (1 - rate))
