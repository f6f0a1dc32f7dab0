"""What HopaDIFF's branches read of a batch. B rows, L frames, N pooled frames, D features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rhas.base.batch import Batch, StreamName
from rhas.methods.hopadiff.config import HopaDiffConfig
from rhas.methods.layers.features import StreamReader, count_used


@dataclass(frozen=True)
class BranchFeatures:
    """A batch at the model's rate, cut behind the last real pooled frame of its longest row.

    Args:
        streams: features per branch, holistic first, each (B, N, D), 0 on padding.
        mask: (B, N) bool, a pooled frame with a real frame.
        total: pooled frames of a whole sample, padding included.
        windows: what the linear path reads, (B, N, K); None in training, or without it.
    """

    streams: list[Tensor]
    mask: Tensor
    total: int
    windows: Tensor | None = None


class BranchReader(StreamReader):
    """One stream per branch; pooled frames without a crop are a learned vector, or 0.

    Args:
        config: also ``missing``.
        D: feature width.
        names: of the streams, holistic, partial or both.
    """

    def __init__(self, config: HopaDiffConfig, D: int, names: tuple[StreamName, ...]) -> None:
        super().__init__(config, D, names)
        learned = "partial" in names and config.missing == "learned"
        self.missing = nn.Parameter(torch.zeros(D)) if learned else None

    def forward(self, batch: Batch) -> BranchFeatures:
        mask = self.pool_mask(batch["mask"])
        length = count_used(mask)
        streams = [self.read_stream(batch, row)[:, :length] for row in range(len(self.names))]
        return BranchFeatures(streams, mask[:, :length], mask.shape[1])

    def read_stream(self, batch: Batch, row: int) -> Tensor:
        x = super().read_stream(batch, row)
        if self.missing is None or self.names[row] == "holistic":
            return x
        absent = ~self.pool_mask(batch["present"] & batch["mask"])
        return torch.where((absent & self.pool_mask(batch["mask"]))[..., None], self.missing, x)
