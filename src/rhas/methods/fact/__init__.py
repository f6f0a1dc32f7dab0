"""FACT (CVPR 2024): frames and action tokens that inform each other."""

from __future__ import annotations

from rhas.methods.base import MethodSpec
from rhas.methods.fact.config import PRESETS, FactConfig
from rhas.methods.fact.method import FACT

__all__ = ["METHOD"]

METHOD = MethodSpec(config=FactConfig, presets=PRESETS, build=FACT)
