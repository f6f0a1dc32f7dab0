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
from rhas.methods.hopadiff.neighbours import full_attention, neighbour_attention


class CrossGate(nn.Module):
    """One direction of BCA with ``neighbours``: a stream's gates attend to the other's.

    ``gates + w (attended - gates)`` with a learned weight w, 0.1 at the start, so that training
    begins with nearly independent streams. A frame attends to t, t±1, t±2, t±4, ..., t±2^reach.
    """

    def __init__(self, heads: int, width: int, reach: int) -> None:
        super().__init__()
        distances = [2**i for i in range(reach + 1)]
        self.offsets = tuple(sorted([0, *distances, *(-d for d in distances)]))
        self.query = nn.Linear(heads, width)
        self.key = nn.Linear(heads, width)
        self.weight = nn.Parameter(torch.tensor(0.1))

    def forward(self, gates: Tensor, other: Tensor, mask: Tensor) -> Tensor:
        """Input-gate pre-activations (B, L, H) of both streams to this stream's new ones."""
        attended = neighbour_attention(
            self.query(gates), self.key(other), other, self.offsets, mask
        )
        return gates + self.weight * (attended - gates)


class SharedCrossGate(nn.Module):
    """Both directions of BCA with ``full`` attention and one similarity.

    Holistic queries and partial keys make the similarity of two frames; one direction reads its
    rows, the other its columns. The result is mixed as in `CrossGate`.
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

    def __init__(
        self, width: int, heads: int, chunk: int, forget_gate: str, norm: str = "head"
    ) -> None:
        super().__init__()
        self.heads, self.chunk = heads, chunk
        self.exponential = forget_gate == "exp"
        self.enter = nn.LayerNorm(width)
        self.project = nn.Linear(width, 4 * width)  # q, k, v, output gate
        self.input_gate = nn.Linear(width, heads)
        self.forget_gate = nn.Linear(width, heads)
        self.leave = nn.LayerNorm(width) if norm == "output" else None
        self.scale = nn.Parameter(torch.ones(width)) if norm == "head" else None
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
        if self.scale is not None:
            h = F.layer_norm(h, h.shape[-1:])
        h = h.transpose(1, 2).flatten(2)  # (B, L, W)
        h = torch.sigmoid(o) * (h if self.scale is None else h * self.scale)
        return (z + self.back(h if self.leave is None else self.leave(h))) * mask[..., None]


class MLSTMBlock(nn.Module):
    """An mLSTM cell per stream; with ``bca`` their input gates exchange."""

    def __init__(self, config: HopaDiffConfig, streams: int) -> None:
        super().__init__()
        self.cells = nn.ModuleList(
            MLSTMCell(
                config.condition_width, config.xlstm_heads, config.xlstm_chunk,
                config.forget_gate, config.xlstm_norm,
            )
            for _ in range(streams)
        )  # fmt: skip
        crossed, heads, width = config.bca and streams == 2, config.xlstm_heads, config.bca_width
        full = config.bca_attention == "full"
        self.shared = SharedCrossGate(heads, width) if crossed and full else None
        self.cross = nn.ModuleList(
            CrossGate(heads, width, config.bca_reach)
            for _ in range(2 if crossed and not full else 0)
        )

    def forward(self, streams: list[Tensor], mask: Tensor) -> list[Tensor]:
        """z of each stream (B, L, W) to ẑ of each."""
        cells: list[MLSTMCell] = list(self.cells)  # type: ignore[arg-type]
        gates = [cell.input_gates(z) for cell, z in zip(cells, streams, strict=True)]
        if self.shared is not None:
            gates = self.shared(gates[0], gates[1], mask)
        elif self.cross:
            holistic, partial = gates
            gates = [self.cross[0](holistic, partial, mask), self.cross[1](partial, holistic, mask)]
        return [cell(z, gate, mask) for cell, z, gate in zip(cells, streams, gates, strict=True)]
