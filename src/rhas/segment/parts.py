"""Parts of a film: what is held in memory, and what a killed run loses, is bounded by a part.

A part is a store of its own that the stages' functions read: the frames' numbers start from 0, the
pictures stay in the whole film's store, which the part links. Parts are whole batches long, so
every batch holds the same pictures as in one run over the whole film, and gives the same bits.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from rhas.config.params import FilmParams

_ABOUT = {"cpu": 9_600, "cuda": 28_800}  # frames; every part loads the models anew
_FIRST_BATCH = {"cpu": 64, "cuda": 256}  # the most that ``batch_size: auto`` takes


class Part(NamedTuple):
    """Frames ``[start, stop)`` of a film, and the store made of them."""

    start: int
    stop: int
    path: Path


def part_length(params: FilmParams) -> int:
    """Frames of a part: a whole number of the batches of ground and of extract.

    Args:
        params: of the film's stages.
    """
    ground, extract = params.ground, params.extract
    device = "cuda" if "cuda" in (ground.device, extract.device) else "cpu"
    batches = [
        _FIRST_BATCH[device] if config.batch_size == "auto" else config.batch_size
        for config in (ground, extract)
    ]
    unit = math.lcm(ground.stride * batches[0], batches[1])
    return max(1, _ABOUT[device] // unit) * unit


def spans(frames: int, length: int) -> list[tuple[int, int]]:
    """``[start, stop)`` of every part: 25 frames by 10 are (0, 10), (10, 20), (20, 25)."""
    return [(start, min(start + length, frames)) for start in range(0, frames, length)]
