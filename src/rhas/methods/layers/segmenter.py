"""Everything of a method but its network, its losses and how scores are read out.

B rows, L frames, N pooled frames, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rhas.base.batch import Batch, move_batch
from rhas.methods.base import Dims, Method
from rhas.methods.layers.config import InputConfig
from rhas.methods.layers.features import StreamReader

RAREST = 1e-4  # share of frames that classes without a training frame start at


@runtime_checkable
class PooledInput(Protocol):
    """What every network reads: a record with the pooled frames that are real, (B, N) bool."""

    @property
    def mask(self) -> Tensor: ...


FeaturesT = TypeVar("FeaturesT", bound=PooledInput)


class Segmenter(Method, Generic[FeaturesT]):
    """A method on pooled frames. It adds its network and the functions at the end.

    Args:
        config: how features are read.
        dims: sizes that come from the data.
        reader: from a batch to what the network reads, a record with ``mask`` (B, N); or only the
            streams, where ``read_features`` is replaced.
    """

    config: InputConfig
    compiled_losses = "network_losses"
    """The function that `compile_losses` compiles."""

    def __init__(self, config: InputConfig, dims: Dims, reader: StreamReader) -> None:
        super().__init__()
        self.config, self.dims, self.reader = config, dims, reader

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Feature statistics and class frequencies (see ``InputConfig``)."""
        frames = torch.zeros((), dtype=torch.float64)
        present = torch.zeros(self.dims.C, dtype=torch.float64)

        def counted() -> Iterator[Batch]:
            for sample in samples:
                frames.add_(sample["mask"].sum())
                present.add_(sample["labels"][sample["mask"]].sum(0))
                self.count_sample(sample)
                yield sample

        self.reader.fit_statistics(counted())
        if self.config.prior_bias:
            self.set_priors((present / frames.clamp_min(1)).clamp(RAREST, 1 - RAREST))

    def compute_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The network's losses at the model's rate."""
        batch = move_batch(batch, self.reader.mean.device)
        features = self.read_features(batch)
        length = features.mask.shape[1]
        boundary = self.reader.pool(batch["boundary"][..., None], batch["mask"])[:, :length, 0]
        return self.network_losses(features, self.pool_labels(batch, length), boundary)

    @torch.no_grad()
    def compute_scores(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The network's probabilities, interpolated to frames; float32 (B, L, C), 0 on padding."""
        batch = move_batch(batch, self.reader.mean.device)
        with evaluation_mode(self):
            features = self.read_features(batch)
            pooled = self.network_scores(features, generator).float()
        length = batch["mask"].shape[1]
        frames = interpolate_scores(pooled, features.mask, self.config.stride)[:, :length]
        frames = F.pad(frames, (0, 0, 0, length - frames.shape[1]))
        return torch.where(batch["mask"][..., None], frames, 0)

    def pool_labels(self, batch: Batch, length: int) -> Tensor:
        """The share of each pooled frame's frames that have a label, (B, length, C)."""
        return self.reader.pool(batch["labels"], batch["mask"])[:, :length]

    def set_priors(self, share: Tensor) -> None:
        """Sets ``output_biases`` to the classes' shares of the training frames, float64 (C,)."""
        for bias in self.output_biases():
            bias.data[-self.dims.C :] = torch.logit(share).float()

    def compile_losses(self, mode: str | None = None) -> None:
        """Pooling and losses; HopaDIFF's losses are one graph, other methods' may be several."""
        parts = (self.reader, "read_stream"), (self.reader, "pool"), (self, self.compiled_losses)
        for owner, name in parts:
            setattr(owner, name, torch.compile(getattr(owner, name), mode=mode))

    def count_sample(self, sample: Batch) -> None:
        """Takes further statistics of a training sample."""

    def output_biases(self) -> Iterable[Tensor]:
        """Parameters whose last C entries are added to frame logits."""
        raise NotImplementedError

    def read_features(self, batch: Batch) -> FeaturesT:
        """What the network reads of a batch; ``reader``'s result unless a method says otherwise."""
        return self.reader(batch)

    def network_losses(
        self, features: FeaturesT, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        """Named loss terms.

        Args:
            features: what ``read_features`` returned.
            labels: (B, N, C), the share of each pooled frame's frames that have the label.
            boundary: (B, N), label-set changes, in [0, 1].
        """
        raise NotImplementedError

    def network_scores(self, features: FeaturesT, generator: torch.Generator) -> Tensor:
        """Probabilities (B, N, C); the values on padding are ignored.

        Args:
            features: what ``read_features`` returned.
            generator: for noise, if the method draws any.
        """
        raise NotImplementedError


def interpolate_scores(
    pooled: Float[Tensor, "B N C"], mask: Bool[Tensor, "B N"], stride: int
) -> Float[Tensor, "B N*{stride} C"]:
    """Scores of frames, linear between the centres of pooled frames and constant beyond the ends.

    Args:
        pooled: of pooled frames; those on padding are not read.
        mask: real pooled frames, the first ones of each row.
        stride: frames of a pooled frame.
    """
    if stride == 1:
        return pooled
    last = (mask.sum(1, keepdim=True) - 1).clamp_min(0)
    places = torch.minimum(torch.arange(mask.shape[1], device=mask.device)[None], last)
    held = pooled.gather(1, places[..., None].expand_as(pooled))
    return F.interpolate(held.transpose(1, 2), scale_factor=stride, mode="linear").transpose(1, 2)


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """The module without dropout for the duration of the block."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
