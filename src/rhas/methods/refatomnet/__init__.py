"""RefAtomNet (ECCV 2024): the query tokens of each frame, fused by agent attention; no time."""

from __future__ import annotations

from rhas.methods import Dims
from rhas.methods.refatomnet.config import PRESETS, Config
from rhas.methods.refatomnet.method import RefAtomNet

__all__ = ["PRESETS", "TOKENS", "Config", "make"]

TOKENS = True


def make(config: Config, dims: Dims) -> RefAtomNet:
    """The method with fresh parameters, drawn from torch's generator."""
    return RefAtomNet(config, dims)
