"""RefAtomNet's parameters and presets."""

from __future__ import annotations

from dataclasses import dataclass

from rhas.methods.layers.config import (
    MINI_INPUTS,
    StreamConfig,
    check_at_least,
    check_dropout,
    check_field,
)

_MAX_TIMES = 64


@dataclass(frozen=True)
class RefAtomNetConfig(StreamConfig):
    """Structure of RefAtomNet.

    ``inputs`` names its streams of query tokens: of the whole frame (the visual stream), of the
    crop (the location stream), or both. The reference is always a stream, so ``modulation`` is off.

    Args:
        width: channels of all tokens.
        text_tokens: tokens that the reference's embedding is spread to.
        agents: tokens that stand for a stream when streams are fused.
        feedforward: hidden channels of a block's feed-forward part and of the head, times width.
        dropout: on the output of each part, before it is added.
        at_once: pooled frames that go through the network together. In training the network runs
            again for the gradient of each group: less memory, equal results.
    """

    width: int = 768
    text_tokens: int = 32
    agents: int = 4
    feedforward: int = 4
    dropout: float = 0.1
    at_once: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        text_stream = "false: the reference is a stream of its own"
        check_field(self, "modulation", not self.modulation, text_stream)
        check_at_least(self, 1, "width", "text_tokens", "agents", "feedforward", "at_once")
        check_field(self, "feedforward", self.feedforward <= _MAX_TIMES, f"1 to {_MAX_TIMES}")
        check_dropout(self, "dropout")


PRESETS = {
    "paper": RefAtomNetConfig(),
    "mini": RefAtomNetConfig(
        **MINI_INPUTS,
        width=64,
        text_tokens=4,
        feedforward=2,
    ),
}
