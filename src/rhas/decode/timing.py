"""Which working frame shows which source picture: the one nearest in time, of two equally near the
earlier."""

from __future__ import annotations

import math
from fractions import Fraction


def count_frames_before(first: int, second: int, per_tick: Fraction) -> int:
    """Working frames that show the first of two neighbouring pictures or an earlier one.

    Args:
        first, second: their ticks.
        per_tick: working frames per tick.
    """
    return math.floor(Fraction(first + second, 2) * per_tick) + 1


def count_frames(end: Fraction | int, per_tick: Fraction) -> int:
    """T of a film that ends at tick ``end``."""
    return max(1, math.ceil(end * per_tick))
