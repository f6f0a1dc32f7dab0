"""Chunks of a film bound the memory that is needed and the work that a killed run loses.

A chunk is a store of its own that the stages' functions read: its frames are numbered from 0, and
its images stay in the store of the whole film, which the chunk links. A chunk has a whole number
of batches, so every batch contains the same images as in a run over the whole film, and gives the
same results.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from rhas.config.params import FilmParams

_TARGET_FRAMES = {"cpu": 9_600, "cuda": 28_800}  # every chunk loads the models again
_LARGEST_BATCH = {"cpu": 64, "cuda": 256}  # the most that ``batch_size: auto`` takes


class FilmChunk(NamedTuple):
    """Frames ``[start, stop)`` of a film, and the store made of them."""

    start: int
    stop: int
    path: Path


def count_chunk_frames(params: FilmParams) -> int:
    """Frames of a chunk: a whole number of batches of ground and of extract.

    Args:
        params: of the film's stages.
    """
    ground, extract = params.ground, params.extract
    device = "cuda" if "cuda" in (ground.device, extract.device) else "cpu"
    batches = [
        _LARGEST_BATCH[device] if config.batch_size == "auto" else config.batch_size
        for config in (ground, extract)
    ]
    unit = math.lcm(ground.stride * batches[0], batches[1])
    return max(1, _TARGET_FRAMES[device] // unit) * unit


def split_frames(frames: int, length: int) -> list[tuple[int, int]]:
    """``[start, stop)`` of every chunk: 25 frames by 10 are (0, 10), (10, 20), (20, 25)."""
    return [(start, min(start + length, frames)) for start in range(0, frames, length)]
