"""True boxes of RHAS-mini in place of a model's, to separate grounding's errors from the rest."""

from __future__ import annotations

import numpy as np

from rhas.ground.candidates import Candidates
from rhas.stores.truth import TrueBoxes


class TruthBoxes:
    """The true boxes of one film at working frames, by source time."""

    def __init__(self, truth: TrueBoxes) -> None:
        self._truth = truth

    @property
    def persons(self) -> int:
        """P."""
        return self._truth.persons

    def find_boxes(self, seconds: np.ndarray, width: int, height: int) -> np.ndarray:
        """Boxes float32 (N, P, 4) in pixels of a picture of the given size, at N source times;
        those of the nearest source picture, the earlier one of two equally near. NaN: not visible.
        """
        scale = np.array([width / self._truth.width, height / self._truth.height] * 2, np.float32)
        limits = np.array([width, height] * 2, np.float32)
        return np.clip(self._truth.boxes[self._find_nearest(seconds)] * scale, 0, limits)

    def find_visible_shares(self, seconds: np.ndarray) -> np.ndarray:
        """Visible share of each person, float32 (N, P) in [0, 1]; times as in `find_boxes`."""
        return self._truth.visible[self._find_nearest(seconds)]

    def _find_nearest(self, seconds: np.ndarray) -> np.ndarray:
        time = self._truth.time
        after = np.clip(np.searchsorted(time, seconds), 1, max(len(time) - 1, 1))
        after = np.minimum(after, len(time) - 1)
        before = np.maximum(after - 1, 0)
        nearer = seconds - time[before] <= time[after] - seconds
        return np.where(nearer, before, after)

    def make_candidates(
        self, seconds: np.ndarray, width: int, height: int
    ) -> list[list[Candidates]]:
        """By time, then by person: the true box with score 1, or none where not visible."""
        one = np.ones(1, np.float32)
        return [
            [
                Candidates(box[None], one) if (box[2:] > box[:2]).all() else Candidates.make_empty()
                for box in persons
            ]
            for persons in self.find_boxes(seconds, width, height)
        ]
