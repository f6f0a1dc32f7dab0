from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import edit_hdf5
from factory import write_truth

from rhas.base.errors import RhasError
from rhas.ground.truth import make_true_candidates
from rhas.stores.truth import TrueBoxes


def read(path: Path) -> TrueBoxes:
    return TrueBoxes.read(path)


def moving(tmp_path: Path) -> TrueBoxes:
    """Person 0 moves by 10 a picture, person 1 is there in the second alone; 400 × 200 at 10/s."""
    boxes = np.full((4, 2, 4), np.nan, np.float32)
    for n in range(4):
        boxes[n, 0] = 10 * n, 20, 10 * n + 40, 180
    boxes[1, 1] = -20, 0, 100, 250
    visible = np.array([[1, 0], [1, 0.5], [0.3, 0], [0.1, 0]], np.float32)
    return read(write_truth(tmp_path / "truth.h5", boxes, visible, rate=10, size=(400, 200)))


@pytest.mark.parametrize(
    ("seconds", "picture"),
    [(-1, 0), (0, 0), (0.04, 0), (0.06, 1), (0.1, 1), (0.26, 3), (0.3, 3), (9, 3)],
)
def test_the_nearest_source_picture(tmp_path: Path, seconds: float, picture: int) -> None:
    box = moving(tmp_path).find_boxes(np.array([seconds]), 400, 200)[0, 0]
    assert box.tolist() == [10 * picture, 20, 10 * picture + 40, 180]


def test_halfway_between_the_earlier_one(tmp_path: Path) -> None:
    boxes = np.arange(3, dtype=np.float32)[:, None, None] + np.array([0, 0, 9, 9], np.float32)
    path = write_truth(tmp_path / "t.h5", boxes, np.ones((3, 1)), rate=2, size=(100, 100))
    found = read(path).find_boxes(np.array([0.25, 0.75]), 100, 100)
    assert found[:, 0, 0].tolist() == [0, 1]


def test_scaled_to_the_working_frame_and_cut_to_it(tmp_path: Path) -> None:
    truth = moving(tmp_path)
    assert truth.persons == 2
    boxes = truth.find_boxes(np.array([0.1]), 200, 50)[0]
    assert boxes.tolist() == [[5, 5, 25, 45], [0, 0, 50, 50]]
    np.testing.assert_array_equal(
        truth.find_visible_shares(np.array([0.1, 0.2])), np.float32([[1, 0.5], [0.3, 0]])
    )


def test_invisible_persons_give_no_candidate(tmp_path: Path) -> None:
    rows = make_true_candidates(moving(tmp_path), np.array([0.0, 0.1]), 400, 200)
    assert [[len(c.scores) for c in row] for row in rows] == [[1, 0], [1, 1]]
    assert rows[1][1].boxes.tolist() == [[0, 0, 100, 200]]
    assert rows[1][1].scores.tolist() == [1]


def test_a_film_of_one_picture(tmp_path: Path) -> None:
    boxes = np.float32([[[1, 2, 3, 4]]])
    truth = read(write_truth(tmp_path / "t.h5", boxes, rate=1, size=(10, 10)))
    assert truth.find_boxes(np.array([0.0, 5.0]), 10, 10).tolist() == [[[1, 2, 3, 4]]] * 2


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"(?s)no true boxes.*RHAS-mini"):
        read(tmp_path / "absent.h5")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("visible", None, "not a file of true boxes"),
        ("boxes", np.zeros((4, 2, 3)), r"another shape(?s:.*)boxes float64 \(4, 2, 3\)"),
        ("time", np.zeros(3), r"time float64 \(3,\)"),
        ("visible", np.zeros((4, 3)), r"visible float64 \(4, 3\)"),
    ],
)
def test_another_format(tmp_path: Path, name: str, value: Any, told: str) -> None:
    moving(tmp_path)
    with edit_hdf5(tmp_path / "truth.h5") as file:
        del file[name]
        if value is not None:
            file[name] = value
    with pytest.raises(RhasError, match=told):
        read(tmp_path / "truth.h5")
