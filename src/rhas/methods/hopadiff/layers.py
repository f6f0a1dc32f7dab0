"""Layers of encoders and decoders: dilated convolution beside attention over dilated neighbours.

ASFormer's mix as ActDiff uses it: both look at the same ``kernel`` frames around each frame,
2^i apart in layer i. Normalisation is over a frame's channels, not over time, so that neither
padding nor the length of a sample changes a frame's result.

B rows, L frames, W channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rhas.methods.hopadiff.neighbours import dilated_offsets, neighbour_attention


class DilatedLayer(nn.Module):
    """``x + FFN(norm(conv(x) + attention(x)))``.

    Args:
        width: W.
        kernel: taps of convolution and attention, odd.
        dilation: frames between the taps.
        dropout: on the layer's input; the residual path is left whole.
    """

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.offsets = dilated_offsets(kernel, dilation)
        self.dropout = nn.Dropout(dropout)
        self.conv = nn.Conv1d(
            width, width, kernel, dilation=dilation, padding=dilation * (kernel // 2)
        )
        self.project = nn.Linear(width, 3 * width)
        self.norm = nn.LayerNorm(width)
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
        return x + self.ffn(self.norm(near + seen)) * mask[..., None]


def drop_entries(x: Tensor, rate: float, dims: tuple[int, ...], training: bool) -> Tensor:
    """Dropout of whole slices: one draw per entry of ``dims``, shared along the others.

    Example: with ``dims = (0, 2)`` and x (B, L, W), whole channels of a row vanish.
    """
    if not training or rate == 0:
        return x
    shape = [size if dim in dims else 1 for dim, size in enumerate(x.shape)]
    kept = torch.rand(shape, device=x.device) >= rate
    return x * (kept / (1 - rate))
