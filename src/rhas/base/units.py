"""Seconds and frames: the one place where they are converted.

Inside the project every time is an integer frame at the working rate; seconds appear only
where data enter or leave. Frame ``n`` shows the moment ``n / fps`` and covers
``[(n - 1/2) / fps, (n + 1/2) / fps)``.
"""

from __future__ import annotations

import math

import numpy as np


def seconds_to_frame(seconds: float, fps: float) -> int:
    """The frame nearest to a moment (halves go up).

    Args:
        seconds: a moment, 0 is the film's first picture.
        fps: working rate, frames per second, above 0.
    """
    return math.floor(seconds * fps + 0.5 + 1e-9)


def frame_to_seconds(frame: float, fps: float) -> float:
    """The moment that a frame shows, in seconds."""
    return frame / fps


def find_nearest(times: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Index of the nearest of ``times`` (ascending) to each moment, int64; the earlier of two."""
    after = np.clip(np.searchsorted(times, moments), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(moments - times[before] <= times[after] - moments, before, after)
