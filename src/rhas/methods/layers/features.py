"""Streams of features out of a batch: holistic, partial, or both.

``stride`` frames are averaged into one pooled frame. B rows of the batch, L frames, N pooled
frames, D features, W channels of the stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.base.batch import Batch, StreamName
from rhas.base.errors import RhasError
from rhas.methods.base import Dims
from rhas.methods.layers.config import STREAMS, InputConfig, StreamConfig


@dataclass(frozen=True)
class PooledFeatures:
    """A batch at the model's rate, cut behind the last real pooled frame of its longest row.

    Args:
        x: (B, N, W), 0 on padding.
        mask: (B, N) bool, a pooled frame with a real frame.
    """

    x: Tensor
    mask: Tensor


class StreamReader(nn.Module):
    """Reads the named streams, with statistics of the training samples in its buffers.

    Args:
        config: how features are read.
        D: feature width.
        names: of the streams.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, config: InputConfig, D: int, names: tuple[StreamName, ...]) -> None:
        super().__init__()
        self.names, self.stride = names, config.stride
        self.standardise, self.centre = config.standardise, config.centre
        self.register_buffer("mean", torch.zeros(len(names), D))
        self.register_buffer("spread", torch.ones(len(names), D))

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Takes mean and standard deviation per channel, over frames where the stream exists.

        Raises:
            RhasError: features that are not finite; names the sample's number.
        """
        count = torch.zeros(len(self.names), 1, dtype=torch.float64)
        first, second = torch.zeros(2, *self.mean.shape, dtype=torch.float64)
        for number, sample in enumerate(samples):
            for row, name in enumerate(self.names):
                values = self.select_frames(sample, name).double()
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

    def select_frames(self, sample: Batch, name: StreamName) -> Tensor:
        """The features (n, D) of a sample's frames in which the stream exists."""
        return sample[name][find_existing(name, sample)]

    def read_frames(self, batch: Batch, row: int) -> tuple[Tensor, Tensor]:
        """One stream, standardised, at the frame rate.

        Returns:
            x (B, L, D), and where it exists, bool (B, L); values elsewhere mean nothing.
        """
        name = self.names[row]
        exists = find_existing(name, batch)
        x = (torch.where(exists[..., None], batch[name], 0) - self.mean[row]) / self.spread[row]
        return (centre_features(x, exists) if self.centre else x), exists

    def read_stream(self, batch: Batch, row: int) -> Tensor:
        """One stream, standardised and pooled; (B, N, D), 0 where it does not exist."""
        return self.pool(*self.read_frames(batch, row))

    def pool_mask(self, frames: Tensor) -> Tensor:
        """Pooled frames (B, N) with at least one of these frames (B, L)."""
        end = -frames.shape[1] % self.stride
        return F.pad(frames, (0, end)).unflatten(1, (-1, self.stride)).any(2)

    def pool(self, x: Tensor, exists: Tensor) -> Tensor:
        """Mean over the existing frames of each pooled frame, 0 where there is none.

        Args:
            x: (B, L, ·).
            exists: (B, L) bool.

        Returns:
            (B, ⌈L / stride⌉, ·)
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


class FeatureStream(StreamReader):
    """One stream: holistic, partial, or both side by side, modulated by the text if asked for.

    A pooled frame without any crop is 0 in the partial stream.

    Args:
        config: which streams, and how they are read.
        dims: D and D_text.
    """

    def __init__(self, config: StreamConfig, dims: Dims) -> None:
        super().__init__(config, dims.D, STREAMS[config.inputs])
        self.width = len(self.names) * dims.D
        self.modulation = nn.Linear(dims.D_text, 2 * self.width) if config.modulation else None
        if self.modulation is not None:
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

    def forward(self, batch: Batch) -> PooledFeatures:
        """Features averaged over the existing frames of each pooled frame, side by side."""
        mask = self.pool_mask(batch["mask"])
        length = count_used(mask)
        x = torch.cat([self.read_stream(batch, row) for row in range(len(self.names))], -1)
        if self.modulation is not None:
            scale, shift = self.modulation(batch["text"])[:, None].chunk(2, -1)  # (B, 1, W)
            x = (x * (1 + scale) + shift) * mask[..., None]
        return PooledFeatures(x[:, :length], mask[:, :length])


def count_used(mask: Tensor) -> int:
    """Pooled frames up to the last real one of any row, at least 1."""
    used = mask.any(0).nonzero()
    return int(used.amax()) + 1 if len(used) else 1


def centre_features(x: Tensor, exists: Tensor) -> Tensor:
    """Channels without their mean over each row's existing frames; frames that do not exist are 0.

    Args:
        x: (B, L, W).
        exists: (B, L) bool.
    """
    weights = exists[..., None].to(x.dtype)
    mean = (x * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp_min(1)
    return (x - mean) * weights


def find_existing(name: StreamName, batch: Batch) -> Tensor:
    """The frames in which a stream exists, bool (B, L)."""
    return batch["mask"] if name == "holistic" else batch["present"] & batch["mask"]
