from __future__ import annotations

import numpy as np
import pytest

from rhas.metrics.baselines import evaluate_chance, evaluate_constant_class, evaluate_top_class
from rhas.metrics.published import evaluate_as_published, make_constant_scores

# walk 0-6, sit 6-10 and, in a second sample, nothing 0-2, walk and wave 2-4
WALK, SIT, WAVE = 0, 1, 2
FIRST, SECOND = np.zeros((10, 3), np.float32), np.zeros((4, 3), np.float32)
FIRST[:6, WALK] = FIRST[6:, SIT] = SECOND[2:, WALK] = SECOND[2:, WAVE] = 1


def test_the_constant_class_by_hand() -> None:
    label, figures = evaluate_constant_class([FIRST, SECOND])
    assert label == WALK
    assert figures.acc == pytest.approx(100 * (6 + 2) / 14)
    # said walk, walk; true walk, sit | walk (of {walk, wave} the one that is said)
    assert figures.edit == pytest.approx((50 + 100) / 2)
    # overlaps 6/10 and 2/4; sit is missed
    assert [getattr(figures, f"f1_{k}") for k in (10, 25, 50)] == pytest.approx([80, 80, 80])
    # true intervals: walk, sit, walk, wave
    assert figures.interval_f1_50 == pytest.approx(100 * 2 * 2 / (2 + 4))
    assert figures.label_set_iou == pytest.approx(100 * (6 + 2 / 2) / 14)
    truths = [FIRST, SECOND]
    assert figures.as_published == evaluate_as_published(truths, make_constant_scores(truths)[1])


def test_of_equally_frequent_classes_the_lowest_is_constant() -> None:
    truth = np.array([[0, 1, 0], [0, 0, 1]])
    assert evaluate_constant_class([truth])[0] == 1


def test_the_top_class_is_all_that_is_predicted() -> None:
    scores = np.array([[0.2, 0.1, 0.0]] * 6 + [[0.3, 0.9, 0.8]] * 4, np.float32)
    figures = evaluate_top_class([FIRST], [scores])
    assert {getattr(figures, name) for name in ("acc", "edit", "f1_50", "label_set_iou")} == {100}
    assert figures.map == pytest.approx((100 * 0.6 + 100) / 2)  # walk's frames score lowest
    assert figures.as_published == evaluate_as_published([FIRST], [scores])


def test_chance_is_one_in_c_and_the_same_every_time() -> None:
    truths = [np.eye(10)[np.repeat(np.arange(10), 100)] for _ in range(3)]
    figures = evaluate_chance(truths)
    assert figures.acc == pytest.approx(10, abs=2)
    assert figures.map == pytest.approx(10, abs=2)
    assert figures == evaluate_chance(truths)
