"""What HopaDIFF reads of a batch: standardised features of both streams, per step of the model.

A step is ``stride`` frames (1 in the paper). B rows, L frames, N steps, D features, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.base.errors import RhasError
from rhas.methods.hopadiff.config import Config
from rhas.methods.layers.inputs import centred

Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Steps:
    """A batch at the model's rate, cut behind the last real step of its longest row.

    Args:
        streams: features per branch, holistic first, each (B, N, D), 0 on padding.
        mask: (B, N) bool, a step with a real frame.
        total: steps of a whole sample, padding included.
    """

    streams: list[Tensor]
    mask: Tensor
    total: int


class Inputs(nn.Module):
    """Features to model input, with statistics of the training samples in its buffers.

    Args:
        config: ``stride``, ``missing``, ``standardise``, ``centre``.
        D: feature width.
        names: of the streams, holistic, partial or both.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, config: Config, D: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.stride, self.names = config.stride, names
        self.register_buffer("mean", torch.zeros(len(self.names), D))
        self.register_buffer("spread", torch.ones(len(self.names), D))
        learned = "partial" in names and config.missing == "learned"
        self.missing = nn.Parameter(torch.zeros(D)) if learned else None
        self.standardise, self.centre = config.standardise, config.centre

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Takes mean and standard deviation per channel, over frames where the stream exists.

        Raises:
            RhasError: features that are not finite; names the sample's number.
        """
        count = torch.zeros(len(self.names), 1, dtype=torch.float64)
        first, second = torch.zeros(2, *self.mean.shape, dtype=torch.float64)
        for number, sample in enumerate(samples):
            for row, name in enumerate(self.names):
                exists = sample["mask"] if name == "holistic" else _seen(sample)
                values = sample[name][exists].double()
                if not values.isfinite().all():
                    raise RhasError(
                        f"{name} features are not finite",
                        where=f"training sample {number}",
                        do="run `dvc repro -f extract`",
                    )
                count[row] += len(values)
                first[row] += values.sum(0)
                second[row] += values.square().sum(0)
        if self.standardise:
            mean = first / count.clamp_min(1)
            spread = (second / count.clamp_min(1) - mean.square()).clamp_min(0).sqrt()
            self.mean.copy_(mean)
            self.spread.copy_(torch.where(spread > 1e-6, spread, 1))

    def forward(self, batch: Batch) -> Steps:
        """Features averaged over each step's frames where they exist.

        A step without any crop is the learned vector in the partial stream, or 0.
        """
        real = batch["mask"]
        mask = self.pooled(real.float()[..., None], real)[..., 0] > 0
        reach = int(mask.any(0).nonzero().amax()) + 1 if mask.any() else 1
        streams = []
        for row, name in enumerate(self.names):
            exists = real if name == "holistic" else _seen(batch)
            x = torch.where(exists[..., None], batch[name], 0)
            x = (x - self.mean[row]) / self.spread[row]
            if self.centre:
                x = centred(x, exists)
            x = self.pooled(x, exists)
            if name == "partial" and self.missing is not None:
                absent = self.pooled(exists.float()[..., None], exists) == 0
                x = torch.where(absent & mask[..., None], self.missing, x)
            streams.append(x[:, :reach])
        return Steps(streams, mask[:, :reach], mask.shape[1])

    def pooled(self, x: Tensor, exists: Tensor) -> Tensor:
        """Mean over those frames of each step that exist, 0 where none does.

        Args:
            x: (B, L, W).
            exists: (B, L) bool.

        Returns:
            (B, ⌈L / stride⌉, W)
        """
        weights = exists[..., None].float()
        x = torch.where(exists[..., None], x, 0)
        if self.stride == 1:
            return x
        end = -x.shape[1] % self.stride
        sums, count = (
            F.pad(y, (0, 0, 0, end)).unflatten(1, (-1, self.stride)).sum(2) for y in (x, weights)
        )
        return sums / count.clamp_min(1)


def _seen(batch: Batch) -> Tensor:
    return batch["present"] & batch["mask"]
