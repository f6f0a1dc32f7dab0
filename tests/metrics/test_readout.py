from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.metrics.readout import find_top_class, fit_thresholds, make_prediction, smooth_scores
from rhas.metrics.segments import BACKGROUND

PLAIN = ReadoutConfig(median=1, min_frames=1)


def test_the_median_removes_a_peak_in_time_and_keeps_an_edge() -> None:
    scores = np.zeros((12, 2), np.float32)
    scores[3, 0] = 1  # one frame
    scores[6:, 1] = 1  # an edge
    smoothed = smooth_scores(scores, 3)
    assert smoothed[:, 0].max() == 0
    assert np.array_equal(smoothed[:, 1], scores[:, 1])
    assert smooth_scores(scores, 1) is scores


@given(
    hnp.arrays(np.float32, (9, 2), elements=st.floats(0, 1, width=16)),
    st.sampled_from((3, 5, 21, 601)),
)
@settings(deadline=None)
def test_smooth_equals_the_median_of_each_neighbourhood(scores: NDArray, frames: int) -> None:
    half = frames // 2
    padded = np.pad(scores, ((half, half), (0, 0)), mode="edge")
    expected = [np.median(padded[t : t + frames], axis=0) for t in range(len(scores))]
    assert np.array_equal(smooth_scores(scores, frames), np.array(expected, np.float32))


def test_short_intervals_are_dropped() -> None:
    scores = np.zeros((20, 1), np.float32)
    scores[2:5] = scores[10:14] = 0.9
    said = make_prediction(scores, np.array([0.5]), ReadoutConfig(median=1, min_frames=4))
    assert np.flatnonzero(said.active).tolist() == [10, 11, 12, 13]
    assert np.flatnonzero(said.top == 0).tolist() == [10, 11, 12, 13]
    assert said.scores is scores


def test_background_where_no_class_passes_its_threshold() -> None:
    scores = np.array([[0.6, 0.3], [0.6, 0.5], [0.1, 0.1], [0.2, 0.9]])
    said = make_prediction(scores, np.array([0.7, 0.4]), PLAIN)
    assert said.top.tolist() == [BACKGROUND, 1, BACKGROUND, 1]  # the top class is in the set
    assert said.active.tolist() == [[False, False], [False, True], [False, False], [False, True]]


def test_noise_does_not_choose_the_top_class() -> None:
    scores = 0.8 + 1e-5 * np.random.default_rng(0).random((50, 3))
    assert set(find_top_class(scores, np.ones(scores.shape, bool))) == {0}
    scores[:, 2] += 0.01
    assert set(find_top_class(scores, np.ones(scores.shape, bool))) == {2}


def f1_of(truth: NDArray, passed: NDArray) -> float:
    return 2 * (truth & passed).sum() / (truth.sum() + passed.sum())


SCORES = hnp.arrays(
    np.float64, (8, 2), elements=st.sampled_from((0.0, 0.1, 0.2, 0.5, 0.7, 0.9, 1.0))
)


@given(hnp.arrays(bool, (8, 2)).filter(lambda t: t.any(axis=0).all()), SCORES)
@settings(max_examples=100, deadline=None)
def test_thresholds_are_the_best_of_all(truth: NDArray, scores: NDArray) -> None:
    tried = [[-1.0, *(np.unique(column)[:-1] + 1e-9), 1.1] for column in scores.T]
    each = ReadoutConfig(median=1, objective="class")
    passed = scores >= fit_thresholds([truth[:3], truth[3:]], [scores[:3], scores[3:]], each)
    for c in range(2):
        best = max(f1_of(truth[:, c], scores[:, c] >= t) for t in tried[c])
        assert f1_of(truth[:, c], passed[:, c]) == pytest.approx(best)
    passed = scores >= fit_thresholds([truth], [scores], PLAIN)
    best = max(f1_of(truth, scores >= pair) for pair in itertools.product(*tried))
    assert f1_of(truth, passed) == pytest.approx(best)


def test_a_class_whose_highest_score_is_wrong_and_1_can_be_left_unsaid() -> None:
    truth = np.zeros((10, 2), bool)
    truth[:5, 0] = truth[9, 1] = True
    scores = np.stack((truth[:, 0].astype(float), np.ones(10)), axis=1)
    thresholds = fit_thresholds([truth], [scores], PLAIN)
    assert (scores >= thresholds).sum(axis=0).tolist() == [5, 0]


def test_a_hopeless_class_is_predicted_by_one_objective_only() -> None:
    truth = np.zeros((1000, 2), bool)
    truth[:500, 0] = True
    truth[19::20, 1] = True  # one in twenty, wherever the threshold is
    scores = np.stack((np.where(truth[:, 0], 0.9, 0.1), np.linspace(1, 0, 1000)), axis=1)
    pooled = fit_thresholds([truth], [scores], ReadoutConfig(median=1))
    each = fit_thresholds([truth], [scores], ReadoutConfig(median=1, objective="class"))
    assert pooled[0] == each[0] == pytest.approx(0.5)  # halfway between 0.9 and 0.1
    assert not (scores[:, 1] >= pooled[1]).any()
    assert (scores[:, 1] >= each[1]).all()


def test_a_class_absent_from_val_has_the_default() -> None:
    truth = np.array([[True, False]] * 5)
    config = ReadoutConfig(median=1, default_threshold=0.3)
    assert fit_thresholds([truth], [np.full((5, 2), 0.8)], config)[1] == 0.3
    empty = fit_thresholds([truth & False], [np.full((5, 2), 0.8)], config)
    assert empty.tolist() == [0.3, 0.3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("median", 4),
        ("median", 0),
        ("min_frames", 0),
        ("default_threshold", 1.0),
        ("objective", "?"),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: object) -> None:
    with pytest.raises(RhasError, match=name):
        ReadoutConfig(**{name: value})
