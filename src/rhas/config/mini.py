"""Parameters of RHAS-mini, the built-in data set."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rhas.config.section import Count, Section


class MiniConfig(Section):
    """Settings of RHAS-mini.

    Film i depends on ``seed`` and i alone, so a larger set repeats the films of a smaller one.
    """

    section: ClassVar[str] = "mini"

    films: Count = 18
    """Number of films; the first 14 are 8 train, 2 val, 4 test, further ones are train."""
    seed: int = Field(default=7, ge=0, lt=2**32)
    """Seed of everything that is drawn."""
    seconds_scale: float = Field(default=1.0, gt=0, le=10)
    """Factor on every film's length; tests use films of a few seconds."""
