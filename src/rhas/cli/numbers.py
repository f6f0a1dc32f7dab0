"""Numbers that options take."""

from __future__ import annotations

import math

import typer


def check_finite(value: float | None) -> float | None:
    """An option's number as it is; for the ``callback`` of an option.

    Raises:
        typer.BadParameter: not a number, or infinite. A number that is none is neither below
            ``min`` nor above ``max``.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value
