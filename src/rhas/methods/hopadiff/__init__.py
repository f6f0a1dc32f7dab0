"""HopaDIFF: holistic-partial aware Fourier conditioned diffusion (the paper's method)."""

from __future__ import annotations

from rhas.methods.base import MethodSpec
from rhas.methods.hopadiff.config import PRESETS, HopaDiffConfig
from rhas.methods.hopadiff.method import HopaDIFF

__all__ = ["METHOD"]

METHOD = MethodSpec(config=HopaDiffConfig, presets=PRESETS, build=HopaDIFF)
