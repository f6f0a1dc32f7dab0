"""How a picture is turned and mirrored for display, from the container's display matrix.

The rules are those of the ffmpeg command (fftools/ffmpeg_filter.c, autorotate), which players
follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

_TOLERANCE = 1.0  # degrees


@dataclass(frozen=True)
class Orientation:
    """First mirrored left to right, then turned.

    Args:
        mirrored: left and right change places.
        rotation: degrees clockwise: 0, 90, 180, 270.
        tilt: degrees clockwise of a matrix that turns by no multiple of 90; the picture keeps its
            size, and its corners are cut.
    """

    mirrored: bool = False
    rotation: int = 0
    tilt: float = 0.0


def read_orientation(frame: Any) -> Orientation:
    """The orientation of a decoded frame; upright where it has no display matrix."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return Orientation() if data is None else find_orientation(np.frombuffer(data, np.int32))


def find_orientation(matrix: np.ndarray) -> Orientation:
    """The orientation of a display matrix.

    Args:
        matrix: int32 (9,), in the order a b u, c d v, x y w; FFmpeg's libavutil/display.h.
    """
    a, b, _, c, d = (int(value) for value in matrix[:5])
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return Orientation()  # no angle
    turn = math.degrees(math.atan2(b / down, a / across)) % 360
    if abs(turn - 90) < _TOLERANCE:
        return Orientation(True, 270) if c > 0 else Orientation(False, 90)
    if abs(turn - 180) < _TOLERANCE:
        return {
            (True, True): Orientation(False, 180),
            (True, False): Orientation(True, 0),
            (False, True): Orientation(True, 180),
            (False, False): Orientation(),
        }[a < 0, d < 0]
    if abs(turn - 270) < _TOLERANCE:
        return Orientation(True, 90) if c < 0 else Orientation(False, 270)
    if min(turn, 360 - turn) > _TOLERANCE:
        return Orientation(tilt=turn)
    return Orientation(True, 180) if d < 0 else Orientation()
