"""benchmarks/interpolation.py against boxes whose movement is known."""

from __future__ import annotations

import numpy as np
import pytest
from interpolation import guesses, runs

BOX = np.array([10.0, 20.0, 30.0, 60.0])


def test_an_even_movement_is_guessed_exactly() -> None:
    boxes = BOX + np.arange(31)[:, None] * [1.0, 0, 1.2, 0]
    (at,) = runs(boxes, [], 5)
    found = guesses(boxes, at, 5)
    hold = found.pop("hold")
    assert all(len(values) == 24 for values in (*found.values(), hold))
    assert np.concatenate(list(found.values())) == pytest.approx(1)
    assert (hold[::4] > hold[1::4]).all()  # the longer ago, the less
    assert (hold < 1).all()


def test_what_is_known_is_right() -> None:
    """Every second frame arms are out: the size alone is wrong, the centre alone right."""
    boxes = np.tile(BOX, (21, 1))
    boxes[1::2] += [-5.0, 0, 5.0, 0]
    (at,) = runs(boxes, [], 4)
    found = guesses(boxes, at, 4)
    assert found["true size"] == pytest.approx(1)
    assert found["true centre"] == pytest.approx(found["linear"])
    assert found["linear"].min() == pytest.approx(2 / 3)


def test_runs_end_at_an_absence_and_at_a_cut() -> None:
    boxes = np.tile(BOX, (75, 1))
    boxes[[22, 23]] = np.nan
    boxes[70] = np.nan
    assert [part.tolist() for part in runs(boxes, [41, 60], 5)] == [
        [0, 5, 10, 15, 20], [24, 29, 34, 39], [41, 46, 51, 56],
    ]  # fmt: skip
