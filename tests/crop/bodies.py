"""Boxes of upright people, for tests."""

from __future__ import annotations

import numpy as np


def body(x: float, y: float = 90.0, height: float = 60.0) -> np.ndarray:
    """The box of a body whose middle is at x, y, float64 (4,)."""
    return np.asarray([x - height / 4, y - height / 2, x + height / 4, y + height / 2])
