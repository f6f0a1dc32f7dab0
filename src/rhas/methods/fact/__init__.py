"""FACT (CVPR 2024): frames and action tokens that inform each other."""

from __future__ import annotations

from rhas.methods import Dims
from rhas.methods.fact.config import PRESETS, Config
from rhas.methods.fact.method import FACT

__all__ = ["PRESETS", "Config", "make"]


def make(config: Config, dims: Dims) -> FACT:
    """The method with fresh parameters, drawn from torch's generator.

    Raises:
        RhasError: a ``width`` that has no room for the class logits.
    """
    return FACT(config, dims)
