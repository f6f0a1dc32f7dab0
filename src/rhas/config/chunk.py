"""Parameters of the chunk stage."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from rhas.base.errors import RhasError
from rhas.config.section import Count, Fps, Section, Seed, Split


class ChunkConfig(Section):
    """How films become samples."""

    section: ClassVar[str] = "chunk"
    switches: ClassVar[tuple[str, ...]] = ("fps", "frame_len", "split")

    fps: Fps
    """Working rate of the feature stores, frames per second."""
    frame_len: int = Field(ge=1, le=1_000_000)
    """L, frames of a sample."""
    split: Split
    """``cross_movie`` puts whole films into train, val and test, ``random`` windows; ``folds``
    whole films by ``fold``, whatever side the data set gives them."""
    seed: Seed
    """Seed of the shuffles."""
    fractions: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    """Shares of train, val and test where chance decides (paper: 626, 82 and 82 of 790); a subset
    with a share gets at least one film or window where there are enough."""
    folds: int = Field(default=5, ge=3, le=1_000_000)
    """Parts of the films for ``split: folds``, of nearly equal numbers."""
    fold: int = Field(default=0, ge=0, lt=1_000_000)
    """Part that is test, from 0; the next one, after the last the first, is val."""
    min_frames: Count
    """A shorter last window of a film is dropped, counted and named."""
    boundary_sigma: float = Field(ge=0.01, le=1_000_000)
    """Width of a label-set change in ``boundary``, frames."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_frames > self.frame_len:
            raise RhasError(
                "min_frames must be from 1 to frame_len",
                where="chunk.min_frames",
                expected=f"1 to {self.frame_len}",
                got=str(self.min_frames),
            )
        if self.fold >= self.folds:
            raise RhasError(
                "there is no such fold",
                where="chunk.fold",
                expected=f"0 to {self.folds - 1}",
                got=str(self.fold),
            )
        shares = self.fractions
        if len(shares) != 3 or abs(sum(shares) - 1) > 1e-6:
            raise RhasError(
                "fractions are train, val and test, and sum to 1",
                where="chunk.fractions",
                got=str(shares),
            )
        return self
