"""Whom a tracklet looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rhas.crop.looks import unlikeness


def test_who_is_alone_is_not_taken_by_a_reference_of_higher_scores() -> None:
    """Evidence for the orange coat is higher on both people; the jacket's is high on one."""
    coat, jacket = [2.0, -1.0], [1.5, 1.2]  # nats for "orange coat", "orange jacket"
    looks = np.asarray([coat, jacket, coat, jacket, jacket])
    extra = unlikeness(looks, np.asarray([20, 5, 10, 30, 10]), 3.0)
    assert (looks - extra).argmax(1).tolist() == [0, 1, 0, 1, 1]
    assert looks.argmax(1).tolist() == [0] * 5


def test_distances_are_those_from_the_means_of_two_separate_people() -> None:
    """People far apart share nothing, so their looks are the tracklets' weighted means."""
    looks = np.asarray([[4.0, -4.0], [5.0, -4.0], [-4.0, 4.0]])
    means = np.asarray([[4.75, -4.0], [-4.0, 4.0]])  # of 1 and 3 frames; nearly so by claims
    squared = ((looks[:, None] - means) ** 2).sum(2) / 2
    expected = squared - squared.min(1, keepdims=True)
    assert unlikeness(looks, np.asarray([1, 3, 2]), 1e6) == pytest.approx(expected, rel=0.01)


def test_one_reference_and_no_tracklet_change_nothing() -> None:
    assert unlikeness(np.asarray([[1.0], [-2.0]]), np.asarray([3, 4]), 3.0).tolist() == [[0], [0]]
    assert unlikeness(np.zeros((0, 3)), np.zeros(0), 3.0).shape == (0, 3)


@given(arrays(float, (5, 3), elements=st.floats(-3, 3)), st.permutations(range(3)))
@settings(max_examples=50, deadline=None)
def test_bounds_and_the_order_of_references(looks: np.ndarray, order: list[int]) -> None:
    frames = np.asarray([1, 9, 4, 2, 30])
    extra = unlikeness(looks, frames, 3.0)
    assert ((extra >= 0) & (extra <= 3)).all()
    assert (extra.min(1) == 0).all()
    assert unlikeness(looks[:, order], frames, 3.0) == pytest.approx(extra[:, order], abs=1e-6)
