"""What a method said, beside the truth: per sample, and put together per person.

T frames, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rhas.report.timeline import Timeline


class Window(Protocol):
    """One person's window ``[start, stop)`` of a movie, in frames."""

    sample: str
    movie: str
    person: int
    start: int
    stop: int


@dataclass(frozen=True)
class Scored:
    """A sample with what the method says about it; real frames only.

    Args:
        window: where it lies.
        scores: float32 (T, C) as the method gave them.
        truth: bool (T, C).
        present: bool (T,), a crop exists.
    """

    window: Window
    scores: NDArray[np.float32]
    truth: NDArray[np.bool_]
    present: NDArray[np.bool_]

    @property
    def stored(self) -> NDArray[np.float16]:
        """The scores as scores.zarr holds them: the clean figures are those of these values."""
        return self.scores.astype(np.float16)


@dataclass(frozen=True)
class PersonResult:
    """A person's windows put together in time order: the timeline and the stored scores.

    scores: float32 (T, C) beside ``timeline``, 0 where not covered.
    """

    movie: str
    person: int
    timeline: Timeline
    scores: NDArray[np.float32]
