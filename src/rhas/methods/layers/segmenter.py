"""A method on one stream: everything but the network, its losses and its read-out.

B rows, L frames, N steps, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from rhas.methods import Batch, Dims, Method
from rhas.methods.layers.inputs import Steps, Stream, StreamConfig

_RAREST = 1e-4  # share of frames that classes without a training frame start at


class Segmenter(Method):
    """What a method on one stream shares; it adds its network and the three functions at the end.

    Args:
        config: which stream, and how it is read.
        dims: sizes that come from the data.
    """

    def __init__(self, config: StreamConfig, dims: Dims) -> None:
        super().__init__()
        self.config, self.dims = config, dims
        self.stream = Stream(config, dims)

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Feature statistics, class frequencies (see ``StreamConfig``)."""
        frames = torch.zeros((), dtype=torch.float64)
        present = torch.zeros(self.dims.C, dtype=torch.float64)

        def counted() -> Iterator[Batch]:
            for sample in samples:
                frames.add_(sample["mask"].sum())
                present.add_(sample["labels"][sample["mask"]].sum(0))
                self.note(sample)
                yield sample

        self.stream.adapt(counted())
        if self.config.prior_bias:
            share = (present / frames.clamp_min(1)).clamp(_RAREST, 1 - _RAREST)
            for bias in self.biases():
                bias.data[-self.dims.C :] = torch.logit(share).float()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The network's losses at the model's rate."""
        batch = self._here(batch)
        steps = self.stream(batch)
        reach = steps.mask.shape[1]
        labels = self.stream.pooled(batch["labels"], batch["mask"])[:, :reach]
        boundary = self.stream.pooled(batch["boundary"][..., None], batch["mask"])[:, :reach, 0]
        return self.step_losses(steps, labels, boundary)

    @torch.no_grad()
    def scores(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Probabilities of the network, repeated to frames; nothing is drawn.

        Args:
            batch: labels and boundary are not read.
            generator: not used.

        Returns:
            float32 (B, L, C) in [0, 1], 0 on padding.
        """
        training = self.training
        self.eval()
        try:
            batch = self._here(batch)
            found = self.step_scores(self.stream(batch))
        finally:
            self.train(training)
        length = batch["mask"].shape[1]
        frames = found.repeat_interleave(self.config.stride, 1)[:, :length]
        frames = F.pad(frames, (0, 0, 0, length - frames.shape[1]))
        return torch.where(batch["mask"][..., None], frames, 0).float()

    def _here(self, batch: Batch) -> dict[str, Tensor]:
        device = self.stream.mean.device
        return {key: value.to(device) for key, value in batch.items()}

    def note(self, sample: Batch) -> None:
        """Takes what else a method wants to know of a training sample before training starts."""

    def biases(self) -> Iterable[Tensor]:
        """Parameters whose last C entries are added to frame logits."""
        raise NotImplementedError

    def step_losses(self, steps: Steps, labels: Tensor, boundary: Tensor) -> dict[str, Tensor]:
        """Named loss terms.

        Args:
            steps: the stream.
            labels: (B, N, C), the share of each step's frames that have the label.
            boundary: (B, N), label-set changes, in [0, 1].
        """
        raise NotImplementedError

    def step_scores(self, steps: Steps) -> Tensor:
        """Probabilities (B, N, C); what stands on padding does not matter."""
        raise NotImplementedError
