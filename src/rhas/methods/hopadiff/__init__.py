"""HopaDIFF: holistic-partial aware Fourier conditioned diffusion (the paper's method)."""

from __future__ import annotations

from rhas.methods import Dims
from rhas.methods.hopadiff.config import PRESETS, Config
from rhas.methods.hopadiff.method import HopaDIFF

__all__ = ["PRESETS", "Config", "make"]


def make(config: Config, dims: Dims) -> HopaDIFF:
    """The method with fresh parameters, drawn from torch's generator."""
    return HopaDIFF(config, dims)
