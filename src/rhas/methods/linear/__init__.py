"""A linear probe per frame, without temporal context: what the features alone predict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rhas.methods.base import Dims, MethodSpec
from rhas.methods.layers.config import MINI_INPUTS, StreamConfig
from rhas.methods.layers.features import FeatureStream, PooledFeatures
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter

__all__ = ["METHOD"]


@dataclass(frozen=True)
class LinearConfig(StreamConfig):
    """The linear probe has no parameter of its own, see ``StreamConfig``."""


class LinearProbe(Segmenter[PooledFeatures]):
    """One weight per feature and class."""

    def __init__(self, config: LinearConfig, dims: Dims) -> None:
        stream = FeatureStream(config, dims)
        super().__init__(config, dims, stream)
        self.head = nn.Linear(stream.width, dims.C)

    def output_biases(self) -> Iterable[Tensor]:
        return [self.head.bias]

    def network_losses(
        self, features: PooledFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        return {"frame": frame_loss(self.head(features.x), labels, features.mask)}

    def network_scores(self, features: PooledFeatures, generator: torch.Generator) -> Tensor:
        return self.head(features.x).sigmoid()


METHOD = MethodSpec(
    config=LinearConfig,
    presets={
        "paper": LinearConfig(standardise=True, prior_bias=True),
        "mini": LinearConfig(**MINI_INPUTS),
    },
    build=LinearProbe,
)
