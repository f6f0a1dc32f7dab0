"""E_h and E_p: cross-modal features to z (Eq. 3) and a prediction of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rhas.methods.hopadiff.config import HopaDiffConfig
from rhas.methods.hopadiff.layers import DilatedLayer, drop_entries, upcast


class BranchEncoder(nn.Module):
    """Dilated layers, dilation 2^i in layer i.

    Args:
        config: its ``encoder_*`` fields, ``feature_layers``, and the input's dropouts.
        D: feature width.
        C: action classes.
    """

    def __init__(self, config: HopaDiffConfig, D: int, C: int) -> None:
        super().__init__()
        maps = config.encoder_maps
        self.channel_dropout = config.channel_dropout
        self.temporal_dropout = config.temporal_dropout
        self.feature_layers = config.feature_layers
        self.enter = nn.Linear(D, maps)
        self.layers = nn.ModuleList(
            DilatedLayer(maps, config.encoder_kernel, 2**i, config.encoder_dropout, config.norm)
            for i in range(config.encoder_layers)
        )
        self.head = nn.Linear(maps, C)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """z and logits.

        Args:
            features: (B, L, D).
            mask: (B, L) bool, real frames.

        Returns:
            z (B, L, W), the outputs of ``feature_layers`` side by side, 0 on padding, and the
            logits (B, L, C).
        """
        x = drop_entries(features, self.channel_dropout, (0, 2), self.training)
        x = drop_entries(x, self.temporal_dropout, (0, 1), self.training)
        x = upcast(self.enter(x)) * mask[..., None]
        outputs = []
        for layer in self.layers:
            x = layer(x, mask)
            outputs.append(x)
        return torch.cat([outputs[number] for number in self.feature_layers], -1), self.head(x)
