"""ASQuery's parameters and presets."""

from __future__ import annotations

from dataclasses import dataclass

from rhas.methods.layers.config import (
    MINI_INPUTS,
    StreamConfig,
    check_at_least,
    check_dropout,
    check_field,
    check_share,
)


@dataclass(frozen=True)
class ASQueryConfig(StreamConfig):
    """Structure, losses and read-out of ASQuery.

    With ``prior_bias`` each class has a bias in addition to its query.

    Args:
        width: channels throughout, a multiple of 4.
        embed_dilations: of the convolutions at the entry, one each.
        stem_dilations: of the depthwise convolutions in the blocks at full rate, one block each.
        branch_dilations: of those in the blocks that halve the rate, one block each.
        heads: of all attention.
        window: pooled frames that each one attends to in the blocks, odd.
        dropout: on the output of each part, before it is added.
        decoder_layers: passes of the queries through the levels.
        decoder_levels: the finest levels of the pyramid, which the queries read, coarse to fine.
        focal_gamma: of the focal loss: well predicted entries weigh less.
        focal_alpha: of the focal loss: weight of present labels; absent ones have the rest.
        focal_weight: of the focal loss of class masks.
        dice_weight: of the dice loss of the masks of present classes.
        boundary_weight: of the cross-entropy with the map of label-set changes.
        boundary_threshold: a segment ends where the boundary's probability peaks above this.
    """

    width: int = 512
    embed_dilations: tuple[int, ...] = (2, 4)
    stem_dilations: tuple[int, ...] = (4, 8)
    branch_dilations: tuple[int, ...] = (8, 16, 32, 64, 128)
    heads: int = 4
    window: int = 25
    dropout: float = 0.0
    decoder_layers: int = 1
    decoder_levels: int = 3
    focal_gamma: float = 2.0
    focal_alpha: float = 0.25
    focal_weight: float = 1.0
    dice_weight: float = 1.0
    boundary_weight: float = 1.0
    boundary_threshold: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("embed_dilations", "stem_dilations", "branch_dilations"):
            check_field(self, name, all(d >= 1 for d in getattr(self, name)), "numbers from 1")
        check_field(self, "embed_dilations", len(self.embed_dilations) > 0, "at least one")
        check_at_least(self, 1, "heads", "decoder_layers", "decoder_levels")
        levels = len(self.branch_dilations) + 1
        check_field(self, "decoder_levels", self.decoder_levels <= levels, f"up to {levels}")
        fits = self.width % 4 == 0 and self.width % self.heads == 0
        check_field(self, "width", fits, "a multiple of 4 and of heads")
        check_field(self, "window", self.window % 2 == 1 and self.window >= 1, "an odd number")
        check_dropout(self, "dropout")
        check_share(self, "focal_alpha", "boundary_threshold")
        check_at_least(self, 0, "focal_gamma", "focal_weight", "dice_weight", "boundary_weight")


PRESETS = {
    "paper": ASQueryConfig(),
    "mini": ASQueryConfig(
        **MINI_INPUTS,
        width=64,
        branch_dilations=(8, 16, 32),
        dropout=0.1,
    ),
}
