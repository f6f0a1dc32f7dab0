"""D_h and D_p: noisy labels, denoised under the conditions ẑ and ẑ_f (Eq. 7)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.methods.hopadiff.config import HopaDiffConfig
from rhas.methods.hopadiff.layers import DilatedLayer, upcast


class PreparedCondition(NamedTuple):
    """What the condition adds, once per sample instead of once per timestep.

    Args:
        entry: to the decoder's input, (B, L, maps), with ``condition_values``.
        layers: per layer to queries, keys and values, (B, L, 3 maps).
    """

    entry: Tensor | None
    layers: list[Tensor]


class DiffusionDecoder(nn.Module):
    """Dilated layers on y_t; the condition enters each layer's attention.

    Args:
        config: its ``decoder_*`` fields, ``time_width`` and ``condition_values``.
        C: action classes.
        widths: channels of the condition's parts, ẑ and ẑ_f.
    """

    def __init__(self, config: HopaDiffConfig, C: int, widths: list[int]) -> None:
        super().__init__()
        maps = config.decoder_maps
        self.maps = maps
        self.time_width = config.time_width
        self.dropout = nn.Dropout(config.decoder_dropout)
        self.enter = nn.Linear(C, maps)
        self.time = nn.Sequential(
            nn.Linear(config.time_width, config.time_width),
            nn.SiLU(),
            nn.Linear(config.time_width, config.time_width),
            nn.SiLU(),
            nn.Linear(config.time_width, maps),
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(width) if config.condition_norm else nn.Identity() for width in widths
        )
        parts = 3 if config.condition_values else 2
        # The layers' own projections have the bias.
        self.project = nn.Linear(sum(widths), config.decoder_layers * parts * maps, bias=False)
        self.enter_condition = nn.Linear(sum(widths), maps) if config.condition_values else None
        self.layers = nn.ModuleList(
            DilatedLayer(maps, config.decoder_kernel, 2**i, config.decoder_dropout, config.norm)
            for i in range(config.decoder_layers)
        )
        self.head = nn.Linear(maps, C)

    def prepare(self, condition: list[Tensor]) -> PreparedCondition:
        """Projects the condition for every layer.

        Args:
            condition: its parts, each (B, L, ·).
        """
        normed = [norm(part) for norm, part in zip(self.norms, condition, strict=True)]
        joined = self.dropout(torch.cat(normed, -1))
        added = self.project(joined).chunk(len(self.layers), -1)
        if self.enter_condition is not None:
            return PreparedCondition(self.enter_condition(joined), list(added))
        return PreparedCondition(None, [F.pad(x, (0, self.maps)) for x in added])

    def forward(self, y: Tensor, t: Tensor, prepared: PreparedCondition, mask: Tensor) -> Tensor:
        """Logits of the clean labels.

        Args:
            y: noisy labels, (B, L, C).
            t: timesteps, int (B,).
            prepared: from :meth:`prepare`.
            mask: (B, L) bool, real frames.

        Returns:
            (B, L, C)
        """
        time = self.time(embed_timesteps(t, self.time_width).to(y.dtype))
        x = upcast(self.enter(y)) + time[:, None]
        x = (x if prepared.entry is None else x + prepared.entry) * mask[..., None]
        for layer, added in zip(self.layers, prepared.layers, strict=True):
            x = layer(x, mask, added)
        return self.head(x)


def embed_timesteps(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of the timestep, wavelengths 2π to 2π·10,000; (B,) to (B, width)."""
    half = width // 2
    rates = torch.exp(torch.arange(half, device=t.device) * (-math.log(10_000) / max(half - 1, 1)))
    angles = t[:, None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], -1)
