"""HP-xLSTM: mLSTM blocks on both streams whose input gates exchange (Eq. 4, 5).

B rows, L frames, W channels of z, H heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.methods.hopadiff.config import HopaDiffConfig
from rhas.methods.hopadiff.layers import upcast
from rhas.methods.hopadiff.mlstm import mlstm_chunkwise
from rhas.methods.hopadiff.neighbours import full_attention


class CrossGate(nn.Module):
    """BCA: the input gates of each stream attend to the other's in all frames, one similarity.

    Holistic queries and partial keys make the similarity of two frames; one direction reads its
    rows, the other its columns. ``gates + w (attended - gates)`` with a learned weight w per
    direction, 0.1 at the start, so that training begins with nearly independent streams.
    """

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(heads, width)
        self.key = nn.Linear(heads, width)
        self.weight = nn.Parameter(torch.full((2,), 0.1))

    def forward(self, holistic: Tensor, partial: Tensor, mask: Tensor) -> list[Tensor]:
        """Input-gate pre-activations (B, L, H) of both streams to the new ones."""
        holistic, partial = upcast(holistic), upcast(partial)
        with torch.autocast(holistic.device.type, enabled=False):
            q, k = self.query(holistic), self.key(partial)
            attended = full_attention(q, k, partial, mask), full_attention(k, q, holistic, mask)
            pairs = zip((holistic, partial), attended, self.weight, strict=True)
            return [gates + weight * (seen - gates) for gates, seen, weight in pairs]


class MLSTMCell(nn.Module):
    """One stream of an mLSTM block: projections, gates, memory (Eq. 5), output projection."""

    def __init__(self, width: int, heads: int, chunk: int, forget_gate: str) -> None:
        super().__init__()
        self.heads, self.chunk = heads, chunk
        self.exponential = forget_gate == "exp"
        self.enter = nn.LayerNorm(width)
        self.project = nn.Linear(width, 4 * width)  # q, k, v, output gate
        self.input_gate = nn.Linear(width, heads)
        self.forget_gate = nn.Linear(width, heads)
        self.scale = nn.Parameter(torch.ones(width))
        self.back = nn.Linear(width, width)
        # Memories of about 20 to 400 frames at the start; an exp gate above 1 would grow.
        span = torch.linspace(3, 6, heads)
        with torch.no_grad():
            self.forget_gate.weight.mul_(0.1)
            self.forget_gate.bias.copy_(F.logsigmoid(span) if self.exponential else span)
            self.input_gate.weight.mul_(0.1)

    def input_gates(self, z: Tensor) -> Tensor:
        """ĩ before BCA; (B, L, W) to (B, L, H)."""
        return self.input_gate(self.enter(z))

    def forward(self, z: Tensor, gate: Tensor, mask: Tensor) -> Tensor:
        """ẑ.

        Args:
            z: (B, L, W).
            gate: ĩ, (B, L, H).
            mask: (B, L) bool, real frames.

        Returns:
            (B, L, W), 0 on padding.
        """
        inner = self.enter(z)
        q, k, v, o = self.project(inner).chunk(4, -1)
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        k = k * q.shape[-1] ** -0.5  # (B, H, L, d)
        forget = self.forget_gate(inner)
        log_forget = forget if self.exponential else F.logsigmoid(forget)
        gates = (gate.transpose(1, 2), log_forget.transpose(1, 2))  # (B, H, L)
        q, k, v, write, keep = (upcast(x) for x in (q, k, v, *gates))
        with torch.autocast(z.device.type, enabled=False):
            h = mlstm_chunkwise(q, k, v, write, keep, self.chunk)
        h = F.layer_norm(h, h.shape[-1:]).transpose(1, 2).flatten(2)  # (B, L, W)
        h = torch.sigmoid(o) * h * self.scale
        return (z + self.back(h)) * mask[..., None]


class MLSTMBlock(nn.Module):
    """An mLSTM cell per stream; with ``bca`` their input gates exchange."""

    def __init__(self, config: HopaDiffConfig, streams: int) -> None:
        super().__init__()
        heads, width = config.xlstm_heads, config.condition_width
        self.cells = nn.ModuleList(
            MLSTMCell(width, heads, config.xlstm_chunk, config.forget_gate) for _ in range(streams)
        )
        crossed = config.bca and streams == 2
        self.cross = CrossGate(heads, config.bca_width) if crossed else None

    def forward(self, streams: list[Tensor], mask: Tensor) -> list[Tensor]:
        """z of each stream (B, L, W) to ẑ of each."""
        cells: list[MLSTMCell] = list(self.cells)  # type: ignore[arg-type]
        gates = [cell.input_gates(z) for cell, z in zip(cells, streams, strict=True)]
        if self.cross is not None:
            gates = self.cross(gates[0], gates[1], mask)
        return [cell(z, gate, mask) for cell, z, gate in zip(cells, streams, gates, strict=True)]
