"""LTContext's parameters and presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rhas.methods.layers.config import (
    MINI_INPUTS,
    StreamConfig,
    check_at_least,
    check_dropout,
    check_field,
)

_MAX_SPAN = 4096  # pooled frames; samples are padded to whole windows and strides


@dataclass(frozen=True)
class LTContextConfig(StreamConfig):
    """Structure and losses of LTContext.

    Args:
        stages: how often the prediction is refined, including the first stage.
        layers: blocks of a stage, dilation 2^i.
        width: channels of the first stage, a multiple of 4; half of them in the later ones.
        window: W, even; the pooled frames of a window attend to the 2W around it.
        long_stride: G, distance between pooled frames that attend to each other over the whole
            sample.
        dropout: on the output of every block.
        attention_dropout: of attention weights.
        projection_dropout: after each attention.
        channel_dropout: of whole input channels of every stage.
        activation: ``sigmoid`` (multi-label), or ``softmax`` between stages, in the loss and in
            the scores, as published.
        smoothing_weight: of the clipped squared difference between neighbouring log-probabilities.
    """

    stages: int = 4
    layers: int = 9
    width: int = 64
    window: int = 64
    long_stride: int = 64
    dropout: float = 0.2
    attention_dropout: float = 0.2
    projection_dropout: float = 0.1
    channel_dropout: float = 0.3
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    smoothing_weight: float = 0.17

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "stages", "layers", "long_stride")
        check_field(self, "width", self.width >= 4 and self.width % 4 == 0, "a multiple of 4")
        fits = 2 <= self.window <= _MAX_SPAN and self.window % 2 == 0
        check_field(self, "window", fits, f"an even number, 2 to {_MAX_SPAN:,}")
        check_field(self, "long_stride", self.long_stride <= _MAX_SPAN, f"1 to {_MAX_SPAN:,}")
        check_dropout(self, "dropout", "attention_dropout", "projection_dropout", "channel_dropout")
        check_at_least(self, 0, "smoothing_weight")


PRESETS = {
    "paper": LTContextConfig(),
    "mini": LTContextConfig(
        **MINI_INPUTS,
        stages=2,
        layers=7,
        width=128,
        window=32,
        long_stride=16,
        dropout=0.1,
        attention_dropout=0.1,
        channel_dropout=0.1,
        smoothing_weight=0.05,
    ),
}
