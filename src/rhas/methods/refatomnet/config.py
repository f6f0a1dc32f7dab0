"""RefAtomNet's parameters and presets."""

from __future__ import annotations

from dataclasses import dataclass

from rhas.methods.layers.inputs import StreamConfig, require


@dataclass(frozen=True)
class Config(StreamConfig):
    """Structure of RefAtomNet.

    ``inputs`` names its streams of query tokens: of the whole frame (the visual stream), of the
    crop (the location stream), or both. The reference is a stream in any case, so ``film`` is off.

    Args:
        width: channels of all tokens.
        text_tokens: tokens that the reference's embedding is spread to.
        agents: tokens that stand for a stream when streams are fused.
        feedforward: hidden channels of a block's feed-forward part and of the head, times width.
        dropout: on what each part adds.
        at_once: steps that go through the network together; more than these are computed in
            training a second time, for the gradient. For memory, and nothing else.
    """

    width: int = 768
    text_tokens: int = 32
    agents: int = 4
    feedforward: int = 4
    dropout: float = 0.1
    at_once: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "film", not self.film, "false: the reference is a stream of its own")
        for name in ("width", "text_tokens", "agents", "feedforward", "at_once"):
            require(self, name, getattr(self, name) >= 1, "at least 1")
        require(self, "dropout", 0 <= self.dropout < 1, "from 0, below 1")


PRESETS = {
    "paper": Config(),
    "mini": Config(
        stride=5,
        standardise=True,
        centre=True,
        prior_bias=True,
        width=64,
        text_tokens=4,
        feedforward=2,
    ),
}
