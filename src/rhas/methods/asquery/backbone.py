"""An ActionFormer-style backbone and its feature pyramid.

B rows, N frames of a level, W channels. Level 0 is at the model's rate, each further one at half.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rhas.methods.asquery.config import ASQueryConfig
from rhas.methods.layers.attention import banded_attention

Level = tuple[Tensor, Tensor]  # features (B, N, W), 0 on padding, and mask (B, N)


class Backbone(nn.Module):
    """Convolutions, blocks at the model's rate, blocks that halve it, a pyramid top down.

    Args:
        config: the method's.
        width_in: channels of the stream.
    """

    def __init__(self, config: ASQueryConfig, width_in: int) -> None:
        super().__init__()
        width = config.width
        widths = [width_in, *[width] * len(config.embed_dilations)]
        self.embed = nn.ModuleList(
            nn.Conv1d(before, after, 3, padding=d, dilation=d, bias=False)
            for before, after, d in zip(widths, widths[1:], config.embed_dilations, strict=False)
        )
        self.embed_norms = nn.ModuleList(nn.LayerNorm(width) for _ in config.embed_dilations)
        self.stem = nn.ModuleList(PyramidBlock(config, d, 1) for d in config.stem_dilations)
        self.branch = nn.ModuleList(PyramidBlock(config, d, 2) for d in config.branch_dilations)
        self.lateral = nn.ModuleList(
            nn.Linear(width, width, bias=False) for _ in range(len(self.branch) + 1)
        )
        self.smooth = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=1, groups=width, bias=False)
            for _ in range(config.decoder_levels)
        )
        self.smooth_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.decoder_levels))

    def forward(self, x: Tensor, mask: Tensor) -> list[Level]:
        """The finest levels of the pyramid.

        Args:
            x: (B, N, width_in), 0 on padding.
            mask: (B, N) bool.
        """
        end = -x.shape[1] % 2 ** len(self.branch)
        x, mask = F.pad(x, (0, 0, 0, end)), F.pad(mask, (0, end))
        for conv, norm in zip(self.embed, self.embed_norms, strict=True):
            x = F.relu(norm(convolve_frames(conv, x))) * mask[..., None]
        x = x + sinusoidal_embedding(x.shape[1], x.shape[2]).to(x.device) * mask[..., None]
        for block in self.stem:
            x, mask = block(x, mask)
        levels = [(x, mask)]
        for block in self.branch:
            x, mask = block(x, mask)
            levels.append((x, mask))
        return self.build_pyramid(levels)

    def build_pyramid(self, levels: list[Level]) -> list[Level]:
        """Each level with all coarser ones added to it (top down)."""
        above: Tensor | None = None
        found = []
        for number in reversed(range(len(levels))):
            x, mask = levels[number]
            x = self.lateral[number](x)
            if above is not None:
                x = (x + above.repeat_interleave(2, 1)) * mask[..., None]
            above = x
            if number < len(self.smooth):
                y = self.smooth_norms[number](convolve_frames(self.smooth[number], x))
                found.append((y * mask[..., None], mask))
        return found[::-1]


class PyramidBlock(nn.Module):
    """``h = skip(x) + attention(norm(x)); h + ffn(norm(h))``.

    Args:
        config: the method's.
        dilation: of the depthwise convolutions before the attention.
        stride: 1, or 2: every second frame stays; the skip takes its neighbourhood's maximum.
    """

    def __init__(self, config: ASQueryConfig, dilation: int, stride: int) -> None:
        super().__init__()
        width = config.width
        self.stride = stride
        self.norm = nn.LayerNorm(width)
        self.attention = LocalAttention(config, dilation, stride)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(config.dropout),
            nn.Linear(4 * width, width), nn.Dropout(config.dropout),
        )  # fmt: skip

    def forward(self, x: Tensor, mask: Tensor) -> Level:
        """(B, N, W) to (B, N / stride, W), 0 on padding, and the new mask."""
        reduced = mask[:, :: self.stride]
        seen = self.attention(self.norm(x) * mask[..., None], reduced)
        x = x if self.stride == 1 else halve_rate(x, mask)
        x = (x + seen) * reduced[..., None]
        return x + self.ffn(self.ffn_norm(x)) * reduced[..., None], reduced


class LocalAttention(nn.Module):
    """Heads over the frames of a window, with a learned bias per distance.

    Queries, keys and values come from a depthwise convolution each, which sets their rate.

    Args:
        config, dilation, stride: see :class:`PyramidBlock`.
    """

    def __init__(self, config: ASQueryConfig, dilation: int, stride: int) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.convs = nn.ModuleList(
            nn.Conv1d(
                width, width, 3, stride, padding=dilation, dilation=dilation, groups=width,
                bias=False,
            )
            for _ in range(3)
        )  # fmt: skip
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.projections = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.bias = nn.Parameter(torch.empty(config.heads, config.window))
        nn.init.trunc_normal_(self.bias, std=math.sqrt(2 / width))
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, N · stride, W), 0 on padding, to (B, N, W); ``mask`` (B, N) is the new rate's."""
        q, k, v = (
            project(norm(convolve_frames(conv, x))).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for conv, norm, project in zip(self.convs, self.norms, self.projections, strict=True)
        )  # (B, H, N, W / H)
        seen = banded_attention(q, k, v, mask, self.bias)
        return self.dropout(self.out(seen.transpose(1, 2).flatten(2)))


def convolve_frames(conv: nn.Module, x: Tensor) -> Tensor:
    """A convolution along the frames of (B, N, W)."""
    return conv(x.transpose(1, 2)).transpose(1, 2)


def halve_rate(x: Float[Tensor, "B N W"], mask: Bool[Tensor, "B N"]) -> Float[Tensor, "B M W"]:
    """The maximum over the real frames 2i - 1, 2i, 2i + 1; -inf where there is none."""
    x = x.masked_fill(~mask[..., None], -torch.inf).transpose(1, 2)
    found = F.max_pool1d(x, 3, 2, padding=1).transpose(1, 2)
    return torch.where(mask[:, ::2, None], found, 0)


def sinusoidal_embedding(length: int, width: int) -> Float[Tensor, "N W"]:
    """Sines and cosines of the frame number, wavelengths 2π to 2π·10,000, over √width."""
    rates = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1) / math.sqrt(width)
