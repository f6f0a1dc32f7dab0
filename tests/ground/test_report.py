from __future__ import annotations

import numpy as np

from rhas.ground import Candidates
from rhas.ground.report import PersonCandidates, count_candidates, find_runs


def found(*boxes: tuple[float, float]) -> Candidates:
    """Candidates by left edge and score, 10 wide."""
    return Candidates(
        np.array([[x, 0, x + 10, 20] for x, _ in boxes], np.float32).reshape(-1, 4),
        np.array([score for _, score in boxes], np.float32),
    )


def test_rivals_are_elsewhere_and_nearly_as_good() -> None:
    sampled = np.arange(0, 30, 5)
    rows = [
        found(),
        found((0, 0.5)),
        found((0, 0.5), (50, 0.46)),  # a rival
        found((0, 0.5), (50, 0.44)),  # not good enough
        found((0, 0.5), (1, 0.5)),  # the same place
        found((0, 0.5), (1, 0.49), (70, 0.48)),  # a rival, third
    ]
    first, second = count_candidates(["a", "b"], sampled, [[row, found()] for row in rows], 5)
    assert first == PersonCandidates(
        person=0, reference="a", candidates=10, frames_without_candidate=1,
        without_candidate=[[0, 0]], frames_with_rivals=2,
    )  # fmt: skip
    assert second.without_candidate == [[0, 25]]
    assert (second.frames_with_rivals, second.candidates) == (0, 0)
    assert find_runs([0, 5, 10, 20], 5) == [[0, 10], [20, 20]]
