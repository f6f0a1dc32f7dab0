"""What a grounder gives: scored boxes of one frame and reference, and the interface itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Candidates:
    """Boxes of one reference in one frame, best first.

    Args:
        boxes: float32 (K, 4), ``x1, y1, x2, y2`` in pixels of the frame, inside it.
        scores: float32 (K,) in [0, 1], not increasing.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        assert self.boxes.dtype == self.scores.dtype == np.float32
        assert self.boxes.shape == (len(self.scores), 4)
        assert np.isfinite(self.boxes).all()
        assert ((self.scores >= 0) & (self.scores <= 1)).all()

    @staticmethod
    def make_empty() -> Candidates:
        """No box at all."""
        return Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


class Grounder(Protocol):
    """Finds the boxes that references are about."""

    def find_boxes(
        self, frames: Sequence[np.ndarray], references: Sequence[str]
    ) -> list[list[Candidates]]:
        """Candidates by frame, then by reference.

        Args:
            frames: pictures of one film, uint8 (h, w, 3) RGB.
            references: descriptions of persons; all are looked for in every frame.

        Raises:
            RhasError: a reference without words.
        """
        ...


def best_candidates(
    boxes: np.ndarray, scores: np.ndarray, width: int, height: int, top_k: int, min_score: float
) -> Candidates:
    """The ``top_k`` best boxes that score at least ``min_score``, cut to the frame.

    Args:
        boxes: (Q, 4) centre x, centre y, width, height in fractions of the frame.
        scores: (Q,) in [0, 1]; a box with a NaN in it or in its score is left out, as is one
            without an area in the frame.
        width: of the frame, pixels.
        height: of the frame, pixels.
        top_k: the most to keep.
        min_score: the least score to keep.
    """
    centre, size = boxes[:, :2], boxes[:, 2:]
    limits = np.array([width, height], np.float32)
    low = np.clip((centre - size / 2) * limits, 0, limits)
    high = np.clip((centre + size / 2) * limits, 0, limits)
    corners = np.concatenate([low, high], 1).astype(np.float32)
    with np.errstate(invalid="ignore"):
        keep = np.isfinite(corners).all(1) & (scores >= min_score) & (high > low).all(1)
    corners, scores = corners[keep], scores[keep].astype(np.float32)
    order = np.argsort(-scores, kind="stable")[:top_k]
    return Candidates(corners[order], scores[order])
