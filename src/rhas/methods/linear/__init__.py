"""A linear probe per frame, without any view of time: what the features alone say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from rhas.methods import Dims
from rhas.methods.layers.inputs import Steps, StreamConfig
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter

__all__ = ["PRESETS", "Config", "make"]


@dataclass(frozen=True)
class Config(StreamConfig):
    """The probe has no parameter of its own; see ``StreamConfig``."""


PRESETS = {
    "paper": Config(standardise=True, prior_bias=True),
    "mini": Config(stride=5, standardise=True, centre=True, prior_bias=True),
}


class Probe(Segmenter):
    """One weight per feature and class."""

    def __init__(self, config: Config, dims: Dims) -> None:
        super().__init__(config, dims)
        self.head = nn.Linear(self.stream.width, dims.C)

    def biases(self) -> Iterable[Tensor]:
        return [self.head.bias]

    def step_losses(self, steps: Steps, labels: Tensor, boundary: Tensor) -> dict[str, Tensor]:
        return {"frame": frame_loss(self.head(steps.x), labels, steps.mask)}

    def step_scores(self, steps: Steps) -> Tensor:
        return self.head(steps.x).sigmoid()


def make(config: Config, dims: Dims) -> Probe:
    """The method with fresh parameters, drawn from torch's generator."""
    return Probe(config, dims)
