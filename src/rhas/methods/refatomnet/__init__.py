"""RefAtomNet (ECCV 2024): the query tokens of each frame, fused by agent attention; no time."""

from __future__ import annotations

from rhas.methods.base import MethodSpec
from rhas.methods.refatomnet.config import PRESETS, RefAtomNetConfig
from rhas.methods.refatomnet.method import RefAtomNet

__all__ = ["METHOD"]

METHOD = MethodSpec(config=RefAtomNetConfig, presets=PRESETS, build=RefAtomNet, tokens=True)
