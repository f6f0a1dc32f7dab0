"""benchmarks/power.py: the parts of a difference's variance, on figures that are known."""

from __future__ import annotations

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rhas.base.errors import RhasError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FILMS, PERSONS = 12, 4


@pytest.fixture(scope="module")
def power() -> SimpleNamespace:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "power.py")))
    finally:
        sys.path.remove(str(BENCHMARKS))


@dataclass(frozen=True)
class Mean:
    """What `paired.Said` is to power.py; frame mAP is the mean of a value per person."""

    values: np.ndarray
    shift: float = 0.0
    people: tuple[tuple[str, int], ...] = tuple(
        (f"film_{f:02}", p) for f in range(FILMS) for p in range(PERSONS)
    )

    def figures(self, weights: np.ndarray) -> np.ndarray:
        return np.full(5, self.values @ weights / weights.sum() + self.shift)


def test_seeds_and_films_are_told_apart(power: SimpleNamespace) -> None:
    films = np.repeat(np.random.default_rng(0).normal(size=FILMS), PERSONS)
    base = np.zeros(FILMS * PERSONS)
    fold = ([Mean(films + 2, -0.5), Mean(films + 2, 0.5)], [Mean(base), Mean(base)])
    found = power.measure_spread({"a": fold, "b": fold}, 2000)
    assert found["difference"] == pytest.approx(films.mean() + 2)
    assert found["seeds"] == pytest.approx(0.5)  # of -0.5 and 0.5
    # films, not persons, are drawn: the variance of a mean of FILMS values, halved by two folds
    assert found["films"] == pytest.approx(films.var() / FILMS / 2, rel=0.15)
    assert (found["persons"], found["folds"]) == (2 * FILMS * PERSONS, 2)


def test_persons_needed_are_those_whose_error_is_small_enough(power: SimpleNamespace) -> None:
    spread = {"seeds": 0.6, "films": 0.2, "persons": 144, "folds": 5}
    persons = power.find_persons(spread, 2, 1.0)
    assert power.find_error(spread, 2, persons) == pytest.approx(1 / power.QUANTILES)
    assert power.find_persons({**spread, "seeds": 6.0}, 1, 1.0) == float("inf")


def test_one_seed_or_other_people_are_refused(power: SimpleNamespace) -> None:
    base = Mean(np.zeros(FILMS * PERSONS))
    with pytest.raises(RhasError, match="too few seeds"):
        power.measure_spread({"fold_0": ([base], [base])}, 5)
    other = Mean(np.zeros(2), people=(("x", 0), ("x", 1)))
    with pytest.raises(RhasError, match="different people"):
        power.measure_spread({"fold_0": ([base, base], [base, other])}, 5)
