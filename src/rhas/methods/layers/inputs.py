"""One stream of features out of a batch: holistic, partial, or both side by side.

A step is ``stride`` frames. B rows, L frames, N steps, D features, W channels of the stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.base.errors import RhasError
from rhas.methods import Batch, Dims

STREAMS = {"both": ("holistic", "partial"), "holistic": ("holistic",), "partial": ("partial",)}


@dataclass(frozen=True)
class StreamConfig:
    """What every method on one stream of features shares.

    Args:
        inputs: ``both`` streams side by side, ``holistic`` (the whole frame alone) or ``partial``
            (the crop alone).
        film: scale and shift every input channel by the pooled text embedding.
        stride: frames averaged into one step of the model; scores are repeated back to L frames.
        standardise: shift and scale every feature channel by statistics of the training samples.
        centre: take from every feature channel its mean over the sample's own frames: what stays
            the same about a person and a place is not what the person does.
        prior_bias: start the outputs at the classes' frequencies in the training samples.
    """

    inputs: Literal["both", "holistic", "partial"] = "both"
    film: bool = False
    stride: int = 1
    standardise: bool = False
    centre: bool = False
    prior_bias: bool = False

    def __post_init__(self) -> None:
        require(self, "stride", self.stride >= 1, "at least 1")


def require(config: StreamConfig, name: str, holds: bool, expected: str) -> None:
    """Raises a RhasError that names a config's field where ``holds`` is false."""
    if not holds:
        method = type(config).__module__.removeprefix("rhas.methods.").split(".")[0]
        raise RhasError(
            "parameter out of range",
            where=f"method {method}, {name}",
            expected=expected,
            got=str(getattr(config, name)),
        )


@dataclass(frozen=True)
class Steps:
    """A batch at the model's rate, cut behind the last real step of its longest row.

    Args:
        x: (B, N, W), 0 on padding.
        mask: (B, N) bool, a step with a real frame.
    """

    x: Tensor
    mask: Tensor


class Stream(nn.Module):
    """Features to model input, with statistics of the training samples in its buffers.

    A step without any crop is 0 in the partial stream.

    Args:
        config: which streams, and how they are read.
        dims: D and D_text.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, config: StreamConfig, dims: Dims) -> None:
        super().__init__()
        self.names = STREAMS[config.inputs]
        self.stride = config.stride
        self.standardise, self.centre = config.standardise, config.centre
        self.width = len(self.names) * dims.D
        self.register_buffer("mean", torch.zeros(len(self.names), dims.D))
        self.register_buffer("spread", torch.ones(len(self.names), dims.D))
        self.film = nn.Linear(dims.D_text, 2 * self.width) if config.film else None
        if self.film is not None:
            nn.init.zeros_(self.film.weight)
            nn.init.zeros_(self.film.bias)

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Takes mean and standard deviation per channel, over frames where the stream exists.

        Raises:
            RhasError: features that are not finite; names the sample's number.
        """
        count = torch.zeros(len(self.names), 1, dtype=torch.float64)
        first, second = torch.zeros(2, *self.mean.shape, dtype=torch.float64)
        for number, sample in enumerate(samples):
            for row, name in enumerate(self.names):
                values = sample[name][exists(name, sample)].double()
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
        """Features averaged over each step's frames where they exist, streams side by side."""
        mask, reach = self.steps(batch["mask"])
        parts = []
        for row, name in enumerate(self.names):
            there = exists(name, batch)
            x = (torch.where(there[..., None], batch[name], 0) - self.mean[row]) / self.spread[row]
            if self.centre:
                x = centred(x, there)
            parts.append(self.pooled(x, there))
        x = torch.cat(parts, -1)  # (B, N, W)
        if self.film is not None:
            scale, shift = self.film(batch["text"])[:, None].chunk(2, -1)  # (B, 1, W)
            x = (x * (1 + scale) + shift) * mask[..., None]
        return Steps(x[:, :reach], mask[:, :reach])

    def steps(self, frames: Tensor) -> tuple[Tensor, int]:
        """Steps (B, N) bool with one of these frames (B, L) bool, and how many hold all of them."""
        found = self.pooled(frames.float()[..., None], frames)[..., 0] > 0
        return found, int(found.any(0).nonzero().amax()) + 1 if found.any() else 1

    def pooled(self, x: Tensor, exists: Tensor) -> Tensor:
        """Mean over those frames of each step that exist, 0 where none does.

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


def centred(x: Tensor, exists: Tensor) -> Tensor:
    """Channels without their mean over each row's existing frames; frames that do not exist are 0.

    Args:
        x: (B, L, W).
        exists: (B, L) bool.
    """
    weights = exists[..., None].to(x.dtype)
    mean = (x * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp_min(1)
    return (x - mean) * weights


def exists(name: str, batch: Batch) -> Tensor:
    """Frames in which a stream exists."""
    return batch["mask"] if name == "holistic" else batch["present"] & batch["mask"]
