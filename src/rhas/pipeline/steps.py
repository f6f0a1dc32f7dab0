"""The chain of steps from a film to its features."""

from __future__ import annotations

from typing import Any

from rhas.crop.step import CROP
from rhas.decode.step import DECODE
from rhas.engine.steps import FilmStep
from rhas.extract.step import EXTRACT
from rhas.ground.step import GROUND

FILM_STEPS: tuple[FilmStep[Any, Any, Any], ...] = (DECODE, GROUND, CROP, EXTRACT)
"""In order; each reads what those before it write."""
