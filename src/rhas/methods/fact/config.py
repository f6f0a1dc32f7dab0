"""FACT's parameters and presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rhas.methods.layers.config import (
    MINI_INPUTS,
    StreamConfig,
    check_at_least,
    check_dropout,
    check_field,
    check_share,
)


@dataclass(frozen=True)
class FactConfig(StreamConfig):
    """Structure, matching, losses and read-out of FACT.

    Args:
        blocks: one letter each: ``i`` the input block, first and once; ``u`` an update block on
            frames; ``U`` one on predicted segments.
        tokens: M, action tokens; each stands for one instance (class, interval) of a sample, so
            choose more than nearly all training samples have. Training counts samples with more.
        width: of the features that blocks pass on; their last C channels (C + 1 of tokens) are
            the class logits.
        frame_width: inside the frame branch.
        token_width: inside the token branch.
        layers: of each frame branch, dilations 2^i beside 2^(layers - 1 - i).
        token_layers: self- and cross-attention layers of the input block.
        heads: of the token branch's attention.
        token_ffn: width of the token branch's feed-forward parts.
        dropout: of both branches.
        channel_dropout: of whole input channels.
        activation: ``sigmoid`` (multi-label: classes of frames and tokens, and which tokens a frame
            belongs to), or ``softmax`` for each of them, as published.
        match_class: of the class probability in the matching.
        match_overlap: of the soft IoU between a token's frames and an instance.
        smoothing_weight: of the clipped squared difference between neighbouring log-probabilities
            of frames, and of the frames' attention in ``u`` blocks.
        frame_share: of the frame branch in the scores, 0 to 1; the rest is the tokens'.
    """

    blocks: str = "iUUU"
    tokens: int = 200
    width: int = 512
    frame_width: int = 256
    token_width: int = 256
    layers: int = 10
    token_layers: int = 6
    heads: int = 8
    token_ffn: int = 512
    dropout: float = 0.0
    channel_dropout: float = 0.3
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    match_class: float = 0.2
    match_overlap: float = 1.0
    smoothing_weight: float = 5.0
    frame_share: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        known = self.blocks[:1] == "i" and len(self.blocks) > 1 and set(self.blocks[1:]) <= {*"uU"}
        check_field(self, "blocks", known, "i, then some of u and U")
        check_at_least(self, 1, "tokens", "layers", "token_layers", "heads", "token_ffn")
        fits = self.token_width % self.heads == 0 and self.token_width <= self.width
        check_field(self, "token_width", fits, f"a multiple of heads, up to {self.width}")
        check_field(self, "width", self.width % 2 == 0, "an even number")
        check_dropout(self, "dropout", "channel_dropout")
        check_at_least(self, 0, "match_class", "match_overlap", "smoothing_weight")
        check_share(self, "frame_share")


PRESETS = {
    "paper": FactConfig(),
    "breakfast": FactConfig(
        blocks="iuUU", tokens=60, frame_width=512, token_width=512, token_ffn=512
    ),
    "mini": FactConfig(
        **MINI_INPUTS,
        blocks="iU",
        tokens=80,
        width=208,
        frame_width=64,
        token_width=64,
        layers=7,
        token_layers=2,
        heads=4,
        token_ffn=128,
        dropout=0.2,
        channel_dropout=0.1,
        smoothing_weight=0.5,
        frame_share=0.5,
    ),
}
