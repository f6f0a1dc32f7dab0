"""Recall of hand-made candidates against hand-made truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factory import make_boxes, write_boxes
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.base.boxes import box_iou
from rhas.base.errors import RhasError
from rhas.evaluate.grounding import read_recall
from rhas.metrics.recall import Recall

A, B, FAR = [0, 0, 40, 80], [60, 0, 100, 80], [110, 0, 119, 9]
NEAR_A = [10, 0, 50, 80]  # IoU with A 30 / 50
FOUND = [[[FAR, NEAR_A], [A], []], [[A, FAR], [NEAR_A], [B]]]  # by person and sampled frame


def truth() -> tuple[np.ndarray, np.ndarray]:
    """Two people in six frames, and which pairs count.

    Frames 0 and 1: both. 2 and 3: both on the same spot. 4: A, and B too little. 5: nobody.
    """
    right = np.full((6, 2, 4), np.nan, np.float32)
    right[:5, 0], right[:2, 1], right[2:4, 1], right[4, 1] = A, B, A, B
    return right, np.array([[True, True]] * 4 + [[True, False], [False, False]])


def test_by_hand(tmp_path: Path) -> None:
    """Pairs: both in frames 0 and 2, A in 4. Person 0: second candidate in 0, first in 2, none in
    4. Person 1: none in 0, first in 2. Chance: 1/2 each in frame 0, 1 each in 2, 1 in 4."""
    path = write_boxes(tmp_path / "m.h5", [0, 2, 4], map(make_boxes, FOUND))
    expected = Recall(pairs=5, top=2, any=3, chance=4.0)
    assert read_recall(path, *truth()) == expected
    assert expected + expected == Recall(10, 4, 6, 8.0)


def test_stores_that_do_not_belong_together(tmp_path: Path) -> None:
    path = write_boxes(tmp_path / "late.h5", [0, 6], [make_boxes([[A], [A]])] * 2)
    with pytest.raises(RhasError, match="does not have"):
        read_recall(path, *truth())
    path = write_boxes(tmp_path / "one.h5", [0], [make_boxes([[A]])])
    with pytest.raises(RhasError, match=r"(?s)another number of persons.*expected: 2.*got: 1"):
        read_recall(path, *truth())
    with pytest.raises(RhasError, match=r"absent\.h5: no such store"):
        read_recall(tmp_path / "absent.h5", *truth())


BOX = st.tuples(*[st.integers(0, 12)] * 4)


@settings(max_examples=80, deadline=None)
@given(BOX, BOX)
def test_iou_counts_shared_pixels(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    masks = []
    for x1, y1, x2, y2 in (one, other):
        mask = np.zeros((12, 12), bool)
        mask[y1:y2, x1:x2] = True
        masks.append(mask)
    both, either = (masks[0] & masks[1]).sum(), (masks[0] | masks[1]).sum()
    found = box_iou(np.array(one, np.float32), np.array(other, np.float32))
    assert found == pytest.approx(both / either if either else 0.0)


def test_iou_with_nan_is_none() -> None:
    assert box_iou(np.full((2, 4), np.nan), np.array([0, 0, 1, 1.0])).tolist() == [0, 0]
