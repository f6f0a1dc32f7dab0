"""Whom a tracklet looks like."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rhas.crop.appearance import compute_distances

GREY = np.full((1, 12), 50.0)


def unknown(looks: np.ndarray) -> np.ndarray:
    return np.zeros((len(looks), 0))


def test_who_is_alone_is_not_taken_by_a_reference_of_higher_scores() -> None:
    """Evidence for the orange coat is higher on both people; the jacket's is high on one."""
    coat, jacket = [2.0, -1.0], [1.5, 1.2]  # nats for "orange coat", "orange jacket"
    looks = np.asarray([coat, jacket, coat, jacket, jacket])
    extra = compute_distances(looks, unknown(looks), np.asarray([20, 5, 10, 30, 10]), 3.0)
    assert (looks - extra).argmax(1).tolist() == [0, 1, 0, 1, 1]
    assert looks.argmax(1).tolist() == [0] * 5


def test_distances_are_those_from_the_means_of_separate_people() -> None:
    """People far apart share nothing, so their looks are the tracklets' weighted means."""
    looks = np.asarray([[4.0, -4.0], [5.0, -4.0], [-4.0, 4.0], [-4.0, -4.0]])
    means = np.asarray([[4.75, -4.0], [-4.0, 4.0], [-4.0, -4.0]])  # of 1 and 3 frames, 2, and 50
    squared = ((looks[:, None] - means) ** 2).mean(2) / (2 * 0.6**2)
    expected = (squared - squared.min(1, keepdims=True))[:, :2]  # the last mean is of the unnamed
    extra = compute_distances(looks, unknown(looks), np.asarray([1, 3, 2, 50]), 1e6)
    assert extra == pytest.approx(expected, rel=0.01, abs=1e-6)


def test_one_reference_alone_is_not_given_everybody() -> None:
    """The person's tracklets score 2 nats, two others 0.3 and 0.5: enough, had nobody looked."""
    looks = np.asarray([[2.1], [0.3], [1.9], [0.5]])
    extra = compute_distances(looks, unknown(looks), np.asarray([30, 40, 20, 10]), 3.0)
    assert extra[[0, 2], 0].tolist() == [0, 0]
    assert (looks - extra)[[1, 3], 0].max() < 0


def test_the_unnamed_do_not_take_a_person_who_scores_low() -> None:
    """Where the only people in the film score alike there is nobody to tell them from."""
    looks = np.asarray([[0.5], [0.6], [0.4]])
    assert compute_distances(looks, unknown(looks), np.asarray([10, 10, 10]), 3.0).max() < 0.2


def test_colours_tell_bodies_apart_that_score_alike() -> None:
    """The third and fourth tracklet score alike for both references, but wear what one wears."""
    looks = np.asarray([[2.0, 0.0], [0.0, 2.0], [0.9, 1.0], [1.0, 0.9]])
    red, blue = GREY + 30, GREY - 30
    frames = np.asarray([30, 30, 10, 10])
    extra = compute_distances(looks, np.concatenate([red, blue, red, blue]), frames, 3.0)
    assert (looks - extra).argmax(1).tolist() == [0, 1, 0, 1]
    plainly = compute_distances(looks, unknown(looks), frames, 3.0)
    assert (looks - plainly).argmax(1).tolist() == [0, 1, 1, 0]


def test_colours_alone_make_nobody_unnamed() -> None:
    """One reference: a tracklet in other colours is no farther from it than without them."""
    looks = np.asarray([[2.0], [1.9], [0.3]])
    frames = np.asarray([10, 10, 10])
    extra = compute_distances(looks, np.concatenate([GREY, GREY + 40, GREY]), frames, 3.0)
    assert extra == pytest.approx(compute_distances(looks, unknown(looks), frames, 3.0), abs=0.05)


def test_no_tracklet() -> None:
    assert compute_distances(np.zeros((0, 3)), np.zeros((0, 12)), np.zeros(0), 3.0).shape == (0, 3)


def plain(looks: np.ndarray, colours: np.ndarray, frames: np.ndarray, most: float) -> np.ndarray:
    """The definition, number by number: person P is everybody whom nobody named."""
    count, people = looks.shape

    def normal(values: list[float]) -> list[float]:
        odds = [math.exp(v - max(values)) for v in values]
        return [o / sum(odds) for o in odds]

    def mean(values: np.ndarray, weights: list[float]) -> list[float]:
        return [
            sum(w * x for w, x in zip(weights, column, strict=True)) / sum(weights)
            for column in values.T
        ]

    def distance(row: list[float], middle: list[float], spread: float, most: float) -> float:
        nats = [(x - m) ** 2 / (2 * spread**2) for x, m in zip(row, middle, strict=True)]
        return sum(min(n, most) for n in nats) / len(nats)

    claims = [[*row, 1.0] for row in looks.tolist()]
    shares = [normal(row) for row in claims]
    for _ in range(15):
        weights = [[shares[i][q] * frames[i] for i in range(count)] for q in range(people + 1)]
        means = [mean(looks, w) for w in weights]
        wear = [mean(colours, w) for w in weights[:people]]
        away = [[distance(row, m, 0.6, math.inf) for m in means] for row in looks.tolist()]
        for i, row in enumerate(colours.tolist()):
            nats = [4 * distance(row, m, 12, 4) for m in wear]
            away[i] = [a + n for a, n in zip(away[i], [*nats, min(nats)], strict=True)]
        shares = [
            normal([c - a for c, a in zip(*rows, strict=True)])
            for rows in zip(claims, away, strict=True)
        ]
    extra = np.zeros_like(looks)
    for i, p in itertools.product(range(count), range(people)):
        rivals = away[i][:people]
        if means[people][p] < means[p][p]:
            rivals = away[i]
        extra[i, p] = min(max(away[i][p] - min(rivals), 0), most)
    return extra


LOOKS = arrays(float, (5, 3), elements=st.floats(-3, 3))
COLOURS = arrays(float, (5, 4), elements=st.floats(-60, 60))
FRAMES = np.asarray([1, 9, 4, 2, 30])


@st.composite
def uneven(draw) -> tuple[np.ndarray, np.ndarray]:
    """Looks and colours without ties: where two means are equal, rounding decides who counts."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.normal(0, 2, (5, 3)), rng.normal(0, 20, (5, 4))


@given(uneven())
@settings(max_examples=50, deadline=None)
def test_equal_to_the_definition(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    looks, colours = drawn
    expected = plain(looks, colours, FRAMES, 3.0)
    assert compute_distances(looks, colours, FRAMES, 3.0) == pytest.approx(expected, abs=1e-6)


@given(LOOKS, COLOURS)
@settings(max_examples=50, deadline=None)
def test_bounds(looks: np.ndarray, colours: np.ndarray) -> None:
    extra = compute_distances(looks, colours, FRAMES, 3.0)
    assert ((extra >= 0) & (extra <= 3)).all()


@given(uneven(), st.permutations(range(3)))
@settings(max_examples=50, deadline=None)
def test_the_order_of_references_does_not_count(
    drawn: tuple[np.ndarray, np.ndarray], order: list[int]
) -> None:
    looks, colours = drawn
    extra = compute_distances(looks, colours, FRAMES, 3.0)
    other = compute_distances(looks[:, order], colours, FRAMES, 3.0)
    assert other == pytest.approx(extra[:, order], abs=1e-6)
