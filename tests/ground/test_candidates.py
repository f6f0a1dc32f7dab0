from __future__ import annotations

import numpy as np
import pytest

from rhas.ground.candidates import Candidates, best_candidates

WIDTH, HEIGHT = 200, 100
BOXES = np.array(
    [
        [0.5, 0.5, 0.2, 0.4],  # 80, 30, 120, 70
        [0.0, 0.5, 0.2, 0.4],  # hangs out on the left: 0, 30, 20, 70
        [0.5, 0.5, 1.0, 1.0],  # the whole frame
        [1.5, 0.5, 0.2, 0.2],  # outside
        [np.nan, 0.5, 0.2, 0.2],
    ],
    np.float32,
)


def best(scores: list[float], top_k: int = 5, least: float = 0.0) -> Candidates:
    return best_candidates(BOXES, np.array(scores, np.float32), WIDTH, HEIGHT, top_k, least)


def test_pixels_order_and_what_is_left_out() -> None:
    found = best([0.5, 0.9, 0.7, 0.99, 0.99])
    assert found.scores.tolist() == pytest.approx([0.9, 0.7, 0.5])
    expected = [[0, 30, 20, 70], [0, 0, 200, 100], [80, 30, 120, 70]]
    np.testing.assert_allclose(found.boxes, expected, atol=1e-4)
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_the_best_k_at_least_the_least_score() -> None:
    assert best([0.5, 0.9, 0.7, 0, 0], top_k=2).scores.tolist() == pytest.approx([0.9, 0.7])
    assert best([0.5, 0.9, 0.7, 0, 0], least=0.7).scores.tolist() == pytest.approx([0.9, 0.7])
    assert best([0.5, 0.9, 0.7, 0, 0], least=0.95).boxes.shape == (0, 4)


def test_equal_scores_keep_the_models_order_and_nan_goes() -> None:
    found = best([0.5, 0.5, np.nan, 0, 0])
    np.testing.assert_allclose(found.boxes, [[80, 30, 120, 70], [0, 30, 20, 70]], atol=1e-4)
