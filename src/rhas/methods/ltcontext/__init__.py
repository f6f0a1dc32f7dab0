"""LTContext (ICCV 2023): windowed and strided attention in four stages."""

from __future__ import annotations

from rhas.methods.base import MethodSpec
from rhas.methods.ltcontext.config import PRESETS, LTContextConfig
from rhas.methods.ltcontext.method import LTContext

__all__ = ["METHOD"]

METHOD = MethodSpec(config=LTContextConfig, presets=PRESETS, build=LTContext)
