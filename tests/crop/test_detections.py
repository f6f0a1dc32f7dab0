"""One detection per body of a frame."""

from __future__ import annotations

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.crop.detections import Detections, merge_candidates


def test_merge_makes_one_detection_per_body() -> None:
    near = np.asarray([[10, 10, 30, 50], [12, 10, 32, 50], [100, 10, 120, 50]], float)
    made = merge_candidates([near[[0]], near[1:]], [np.asarray([0.8]), np.asarray([0.2, 0.5])])
    assert made.boxes.tolist() == pytest.approx(
        np.asarray([[10.4, 10, 30.4, 50], [100, 10, 120, 50]])
    )
    np.testing.assert_array_equal(made.scores, [[0.8, 0.2], [np.nan, 0.5]])
    assert made.colours.shape == (2, 0)


def test_merge_of_nothing() -> None:
    made = merge_candidates([np.zeros((0, 4))] * 2, [np.zeros(0)] * 2)
    assert made.boxes.shape == (0, 4)
    assert made.scores.shape == (0, 2)


@pytest.mark.parametrize("shapes", [((2, 4), (3, 1), (2, 0)), ((2, 4), (2, 1), (1, 12)),
                                    ((2, 5), (2, 1), (2, 0)), ((2, 4), (2,), (2, 0))])  # fmt: skip
def test_detections_check_their_shapes(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(RhasError, match="do not fit together"):
        Detections(*(np.zeros(shape) for shape in shapes))
