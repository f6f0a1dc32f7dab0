"""Settings of the chunk stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rhas.base.errors import RhasError


@dataclass(frozen=True)
class ChunkConfig:
    """How films become samples.

    Args:
        fps: working rate of the feature stores, frames per second.
        frame_len: L, frames of a sample.
        split: ``cross_movie`` puts whole films into train, val and test, ``random`` windows.
        seed: of the shuffles.
        fractions: of train, val and test where chance decides (paper: 626, 82 and 82 of 790); a
            side with a share gets at least one film or window where there are enough.
        min_frames: a shorter last window of a film is dropped, counted and named.
        boundary_sigma: width of a label-set change in ``boundary``, frames, above 0.
    """

    fps: float
    frame_len: int
    split: Literal["cross_movie", "random"]
    seed: int
    fractions: tuple[float, ...]
    min_frames: int
    boundary_sigma: float

    def __post_init__(self) -> None:
        if not 0 < self.min_frames <= self.frame_len:
            raise RhasError(
                "min_frames must be from 1 to frame_len",
                where="params.yaml, chunk.min_frames",
                expected=f"1 to {self.frame_len}",
                got=str(self.min_frames),
            )
        shares = self.fractions
        if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
            raise RhasError(
                "fractions are train, val and test, none below 0, and sum to 1",
                where="params.yaml, chunk.fractions",
                got=str(shares),
            )
        if not self.boundary_sigma > 0:
            raise RhasError(
                "boundary_sigma must be above 0",
                where="params.yaml, chunk.boundary_sigma",
                got=str(self.boundary_sigma),
            )
