"""Tracklets to references, against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from rhas.crop.assignment import _find_steps, _solve_program, assign_tracklets, compute_evidence
from rhas.crop.linking import Tracklet

from .bodies import body

STRIDE = 5


def test_evidence_is_log_odds_over_those_of_the_neutral_score() -> None:
    scores = np.asarray([[0.25, 0.5], [np.nan, 1.0]])
    log3 = np.log(3)
    expected = [[0, log3], [np.log(0.1 / 0.9) + log3, 3]]
    assert compute_evidence(scores, 0.25, 0.1) == pytest.approx(np.asarray(expected))


def total(
    spans: list[tuple[int, int]],
    gains: list[list[float]],
    owner: tuple[int, ...],
    steps: dict[tuple[int, int], float],
) -> float:
    """Value of giving tracklet n to person ``owner[n]`` (-1: nobody), best joined, or -inf."""
    value = 0.0
    last: dict[int, int] = {}
    for n, p in enumerate(owner):  # in order of their first frames
        if p < 0:
            continue
        cost = 1.0 if spans[n][0] == 0 else 3.0
        if p in last:
            if spans[last[p]][1] >= spans[n][0]:
                return -math.inf
            cost = min(cost, steps.get((last[p], n), math.inf))
        value += gains[n][p] - cost
        last[p] = n
    return value


@st.composite
def problems(draw) -> tuple[list[Tracklet], np.ndarray, int]:
    people = draw(st.integers(1, 3))
    tracklets = []
    for _ in range(draw(st.integers(1, 5))):
        first = draw(st.integers(0, 8))
        frames = np.arange(first, first + draw(st.integers(1, 4))) * STRIDE
        x, speed = draw(st.integers(0, 5)) * 20, draw(st.integers(-2, 2))
        boxes = np.stack([body(x + speed * f) for f in frames])
        tracklets.append(Tracklet(frames, boxes, *np.zeros((2, len(frames), people))))
    tracklets.sort(key=lambda t: int(t.frames[0]))
    gain = st.floats(-4, 8).map(lambda v: round(v, 2))
    gains = np.asarray([[draw(gain) for _ in range(people)] for _ in tracklets])
    return tracklets, gains, draw(st.sampled_from([5, 15, 30]))


@given(problems())
@settings(max_examples=80, deadline=None)
def test_assignment_is_the_best_of_all(problem: tuple[list[Tracklet], np.ndarray, int]) -> None:
    tracklets, gains, max_gap = problem
    people = gains.shape[1]
    chains = assign_tracklets(tracklets, gains, max_gap, opening=0)
    owner = [-1] * len(tracklets)
    for p, own in enumerate(chains):
        for chain in own:
            for n in chain:
                assert owner[n] == -1
                owner[n] = p
            for i, j in itertools.pairwise(chain):
                gap = tracklets[j].frames[0] - tracklets[i].frames[-1]
                assert 0 < gap <= max_gap
    spans = [(int(t.frames[0]), int(t.frames[-1])) for t in tracklets]
    steps = _find_steps(tracklets, list(range(len(tracklets))), max_gap)
    table = gains.tolist()
    every = itertools.product(range(-1, people), repeat=len(tracklets))
    best = max(total(spans, table, owners, steps) for owners in every)
    assert total(spans, table, tuple(owner), steps) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(("clothes", "joined"), [(50.0, True), (-50.0, False)])
def test_colours_join_two_tracklets_or_keep_them_apart(clothes: float, joined: bool) -> None:
    """A body walks behind a pillar; who comes out is the same in the same clothes. That costs
    nothing, and is no gain either: it makes nobody the reference's."""
    before, after = np.asarray([0, 5, 10]), np.asarray([20, 25, 30])
    first, second = (
        Tracklet(
            frames,
            np.stack([body(60 + 2 * f) for f in frames]),
            np.zeros((3, 1)),
            np.full((3, 12), colour),
        )
        for frames, colour in ((before, 50.0), (after, clothes))
    )
    steps = _find_steps([first, second], [0, 1], 30)
    assert steps == ({(0, 1): 0.0} if joined else {})
    gains = np.asarray([[1.0], [-0.5]])
    assert assign_tracklets([first, second], gains, 30) == [[]]


def test_the_integer_program_is_asked_where_the_relaxation_is_not_whole() -> None:
    """Three things of which any two exclude each other: the relaxation takes half of each."""
    once = csr_array(np.asarray([[1, 1, 0], [0, 1, 1], [1, 0, 1]], float))
    none = csr_array((0, 3))
    chosen = _solve_program(np.asarray([1.0, 1.0, 1.2]), none, np.zeros(0), once)
    assert chosen.tolist() == [False, False, True]
