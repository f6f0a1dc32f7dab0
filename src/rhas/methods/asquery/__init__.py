"""ASQuery (ICME 2024): one query per class and one for boundaries, over a feature pyramid."""

from __future__ import annotations

from rhas.methods.asquery.config import PRESETS, ASQueryConfig
from rhas.methods.asquery.method import ASQuery
from rhas.methods.base import MethodSpec

__all__ = ["METHOD"]

METHOD = MethodSpec(config=ASQueryConfig, presets=PRESETS, build=ASQuery)
