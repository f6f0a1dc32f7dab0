"""Logistic regressions on statistics of a few seconds of features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from rhas.base.batch import Batch, add_batch_dimension, move_batch
from rhas.base.errors import RhasError
from rhas.methods.base import Dims
from rhas.methods.layers.features import PooledFeatures, StreamReader, count_used
from rhas.methods.layers.logistic import LogisticRegression, Rows
from rhas.methods.layers.windows import WindowConfig, window_statistics


class WindowRegression(LogisticRegression):
    """Window statistics of all streams, and which of the streams exist, to logits.

    Args:
        config: what is measured.
        dims: D and C.
        streams: how many the reader has.
    """

    def __init__(self, config: WindowConfig, dims: Dims, streams: int) -> None:
        super().__init__(streams * (config.window_channels * dims.D + 1), dims.C)
        self.config = config

    def read(self, reader: StreamReader, batch: Batch) -> PooledFeatures:
        """The regressions' inputs, (B, N, K)."""
        mask = reader.pool_mask(batch["mask"])
        length = count_used(mask)
        parts = []
        for row in range(len(reader.names)):
            x, exists = reader.read_frames(batch, row)
            statistics = window_statistics(x, exists, self.config)
            parts += [statistics, reader.pool_mask(exists)[..., None]]
        x = torch.cat(parts, -1) * mask[..., None]
        return PooledFeatures(x[:, :length], mask[:, :length])

    def fit_samples(self, reader: StreamReader, samples: Iterable[Batch], l2: float) -> None:
        """Fits the weights to the labels of the pooled frames.

        Args:
            reader: with its statistics fitted.
            samples: without batch dimension; at least one real frame.
            l2: as in :meth:`fit`.

        Raises:
            RhasError: statistics that are not finite; names the sample's number.
        """

        def rows() -> Iterator[Rows]:
            for number, sample in enumerate(samples):
                batch = move_batch(add_batch_dimension(sample), self.mean.device)
                features = self.read(reader, batch)
                if not features.x.isfinite().all():
                    raise RhasError(
                        "window statistics of the features overflow float32",
                        where=f"training sample {number}",
                        do="look at that sample's features: `rhas features`",
                    )
                real = features.mask
                labels = reader.pool(batch["labels"], batch["mask"])[:, : real.shape[1]]
                yield features.x[real], labels[real]

        self.fit(rows, l2)
