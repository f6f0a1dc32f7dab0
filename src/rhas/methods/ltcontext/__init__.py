"""LTContext (ICCV 2023): windowed and strided attention in four stages."""

from __future__ import annotations

from rhas.methods import Dims
from rhas.methods.ltcontext.config import PRESETS, Config
from rhas.methods.ltcontext.method import LTContext

__all__ = ["PRESETS", "Config", "make"]


def make(config: Config, dims: Dims) -> LTContext:
    """The method with fresh parameters, drawn from torch's generator."""
    return LTContext(config, dims)
