"""ASQuery (ICME 2024): one query per class and one for boundaries, over a feature pyramid."""

from __future__ import annotations

from rhas.methods import Dims
from rhas.methods.asquery.config import PRESETS, Config
from rhas.methods.asquery.method import ASQuery

__all__ = ["PRESETS", "Config", "make"]


def make(config: Config, dims: Dims) -> ASQuery:
    """The method with fresh parameters, drawn from torch's generator."""
    return ASQuery(config, dims)
