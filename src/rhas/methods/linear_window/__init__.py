"""Logistic regressions on two seconds of features: the floor for whatever looks at time.

Convex, so the result has no seed; seconds to train. A method that is not above it has not earned
its parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from rhas.base.batch import Batch
from rhas.methods.base import Dims, MethodSpec
from rhas.methods.layers.config import MINI_INPUTS, STREAMS, Inputs, check_field
from rhas.methods.layers.features import PooledFeatures, StreamReader
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.window_regression import WindowRegression
from rhas.methods.layers.windows import WindowConfig

__all__ = ["METHOD"]


@dataclass(frozen=True)
class LinearWindowConfig(WindowConfig):
    """What is measured (``WindowConfig``), and how the weights are fitted.

    Args:
        inputs: ``both`` streams side by side, ``holistic`` or ``partial``.
        l2: weight of the squared norm of the weights beside the mean binary cross-entropy.
    """

    inputs: Inputs = "both"
    l2: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self, "l2", self.l2 > 0, "above 0")


class LinearWindow(Segmenter[PooledFeatures]):
    """Fitted when statistics are taken; nothing is left for updates."""

    config: LinearWindowConfig

    def __init__(self, config: LinearWindowConfig, dims: Dims) -> None:
        super().__init__(config, dims, StreamReader(config, dims.D, STREAMS[config.inputs]))
        self.regression = WindowRegression(config, dims, len(self.reader.names))

    def read_features(self, batch: Batch) -> PooledFeatures:
        return self.regression.read(self.reader, batch)

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Feature statistics, then the weights."""
        super().fit_statistics(samples)
        self.regression.fit_samples(self.reader, samples, self.config.l2)

    def output_biases(self) -> Iterable[Tensor]:
        return []

    def network_losses(
        self, features: PooledFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        return {"frame": frame_loss(self.regression(features.x), labels, features.mask)}

    def network_scores(self, features: PooledFeatures, generator: torch.Generator) -> Tensor:
        return self.regression(features.x).sigmoid()


METHOD = MethodSpec(
    config=LinearWindowConfig,
    presets={
        "paper": LinearWindowConfig(standardise=True),
        "mini": LinearWindowConfig(**MINI_INPUTS),
    },
    build=LinearWindow,
)
