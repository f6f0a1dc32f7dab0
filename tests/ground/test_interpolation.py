"""benchmarks/interpolation.py against boxes whose movement is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from interpolation import Flow, find_runs, guess_boxes

from rhas.base.boxes import box_iou

BOX = np.array([10.0, 20.0, 30.0, 60.0])


def test_an_even_movement_is_guessed_exactly() -> None:
    boxes = BOX + np.arange(31)[:, None] * [1.0, 0, 1.2, 0]
    (at,) = find_runs(boxes, [], 5)
    found = guess_boxes(boxes, at, 5)
    hold = found.pop("hold")
    assert all(len(values) == 24 for values in (*found.values(), hold))
    assert np.concatenate(list(found.values())) == pytest.approx(1)
    assert (hold[::4] > hold[1::4]).all()  # the longer ago, the less
    assert (hold < 1).all()


def test_what_is_known_is_right() -> None:
    """Every second frame arms are out: the size alone is wrong, the centre alone right."""
    boxes = np.tile(BOX, (21, 1))
    boxes[1::2] += [-5.0, 0, 5.0, 0]
    (at,) = find_runs(boxes, [], 4)
    found = guess_boxes(boxes, at, 4)
    assert found["true size"] == pytest.approx(1)
    assert found["true centre"] == pytest.approx(found["linear"])
    assert found["linear"].min() == pytest.approx(2 / 3)


def test_runs_end_at_an_absence_and_at_a_cut() -> None:
    boxes = np.tile(BOX, (75, 1))
    boxes[[22, 23]] = np.nan
    boxes[70] = np.nan
    assert [part.tolist() for part in find_runs(boxes, [41, 60], 5)] == [
        [0, 5, 10, 15, 20], [24, 29, 34, 39], [41, 46, 51, 56],
    ]  # fmt: skip


def test_flow_follows_what_no_curve_knows() -> None:
    """A speckled square that jumps aside and back between two known boxes, on a still ground."""
    chance = np.random.default_rng(0)
    ground = chance.integers(0, 80, (120, 160)).astype(np.uint8)
    square = chance.integers(80, 255, (40, 40)).astype(np.uint8)
    shift = np.array([0, 2, 4, 4, 2, 0, -2, -4, -4, -2, 0])
    pictures, boxes = [], np.empty((len(shift), 4))
    for frame, x in enumerate(60 + shift):
        pictures.append(ground.copy())
        pictures[-1][40:80, x : x + 40] = square
        pictures[-1] = cv2.GaussianBlur(pictures[-1], (0, 0), 2)  # real pictures are smooth
        boxes[frame] = x, 40, x + 40, 80
    at = np.array([0, 5, 10])
    seen = box_iou(Flow(pictures).guess(boxes, at), boxes[np.setdiff1d(np.arange(11), at)])
    unseen = box_iou(boxes[np.zeros(8, int)], boxes[np.setdiff1d(np.arange(11), at)])
    assert seen.mean() > 0.97
    assert unseen.mean() < 0.9
