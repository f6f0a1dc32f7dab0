"""Logistic regressions on two seconds of features: the floor for whatever looks at time.

Convex, so the result has no seed; seconds to train. A method that is not above it has not earned
its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rhas.base.batch import Batch, add_batch_dimension, move_batch
from rhas.methods.base import Dims, MethodSpec
from rhas.methods.layers.config import MINI_INPUTS, STREAMS, check_field
from rhas.methods.layers.features import PooledFeatures, StreamReader, count_used
from rhas.methods.layers.logistic import LogisticRegression, Rows
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.windows import WindowConfig, window_statistics

__all__ = ["METHOD"]


@dataclass(frozen=True)
class LinearWindowConfig(WindowConfig):
    """What is measured (``WindowConfig``), and how the weights are fitted.

    Args:
        l2: weight of the squared norm of the weights beside the mean binary cross-entropy.
    """

    l2: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self, "l2", self.l2 > 0, "above 0")


class WindowReader(StreamReader):
    """Window statistics of the streams side by side, and which of them exist."""

    def __init__(self, config: LinearWindowConfig, dims: Dims) -> None:
        super().__init__(config, dims.D, STREAMS[config.inputs])
        self.config = config
        self.width = len(self.names) * (config.window_channels * dims.D + 1)

    def forward(self, batch: Batch) -> PooledFeatures:
        mask = self.pool_mask(batch["mask"])
        length = count_used(mask)
        parts = []
        for row in range(len(self.names)):
            x, exists = self.read_frames(batch, row)
            parts += [window_statistics(x, exists, self.config), self.pool_mask(exists)[..., None]]
        x = torch.cat(parts, -1) * mask[..., None]
        return PooledFeatures(x[:, :length], mask[:, :length])


class LinearWindow(Segmenter[PooledFeatures]):
    """Fitted when statistics are taken; nothing is left for updates."""

    config: LinearWindowConfig

    def __init__(self, config: LinearWindowConfig, dims: Dims) -> None:
        reader = WindowReader(config, dims)
        super().__init__(config, dims, reader)
        self.regression = LogisticRegression(reader.width, dims.C)

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Feature statistics, then the weights."""
        super().fit_statistics(samples)

        def rows() -> Iterator[Rows]:
            for sample in samples:
                batch = move_batch(add_batch_dimension(sample), self.reader.mean.device)
                features = self.reader(batch)
                real = features.mask
                yield features.x[real], self.pool_labels(batch, real.shape[1])[real]

        self.regression.fit(rows, self.config.l2)

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
