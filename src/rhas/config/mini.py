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

    films: Count = 10
    """Number of films: 10 for a first run, 36 or more for a benchmark (with ``split: folds``). The
    first 10 are 5 train, 2 val, 3 test; 11 to 14 are train, test, train, train, further ones
    train."""
    seed: int = Field(default=22, ge=0, lt=2**32)
    """Seed of everything that is drawn."""
    seconds_scale: float = Field(default=1.0, gt=0, le=10)
    """Factor on every film's length; tests use films of a few seconds."""
