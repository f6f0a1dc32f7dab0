"""True boxes of RHAS-mini in place of a model's, to separate grounding's errors from the rest."""

from __future__ import annotations

import numpy as np

from rhas.ground.candidates import Candidates
from rhas.stores.truth import TrueBoxes


def make_true_candidates(
    truth: TrueBoxes, seconds: np.ndarray, width: int, height: int
) -> list[list[Candidates]]:
    """By time, then by person: the true box with score 1, or none where not visible."""
    one = np.ones(1, np.float32)
    return [
        [
            Candidates(box[None], one) if (box[2:] > box[:2]).all() else Candidates.make_empty()
            for box in persons
        ]
        for persons in truth.find_boxes(seconds, width, height)
    ]
