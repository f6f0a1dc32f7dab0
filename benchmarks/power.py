"""How small a difference of frame mAP between two methods a benchmark finds, from its spread.

    rhas queue benchmarks/power.yaml --workers 2     # trains: hours
    python benchmarks/power.py [results/power.json] [--rows HopaDIFF ActDiff] [--resamples 400]

The difference D is the mean over folds of the difference of two rows' frame mAP on test, each the
mean over S seeds. Its variance has two parts::

    Var(D) = seeds / (folds · S) + films · (persons here) / N

``seeds`` is the variance of one training's difference between seeds, the mean over folds. ``films``
is the variance of D when the films of each fold are drawn anew with replacement, so that people of
one film go together; N persons of more films make it smaller. A difference of ``--points`` is found
with 80 % power at 5 % (two-sided) where its standard error is `points` / 2.80.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from paired import FIGURES, Said, fetch_scores

from rhas.base.errors import RhasError
from rhas.base.program import run_script

QUANTILES = 1.960 + 0.842  # of 5 %, two-sided, and of 80 % power
MAP = FIGURES.index("map")


def draw_films(people: Sequence[tuple[str, int]], rng: np.random.Generator) -> np.ndarray:
    """How often each person counts, int64 (P,), when their films are drawn with replacement."""
    films = sorted({movie for movie, _ in people})
    drawn = np.bincount(rng.integers(len(films), size=len(films)), minlength=len(films))
    times = dict(zip(films, drawn, strict=True))
    return np.array([times[movie] for movie, _ in people], np.int64)


def differ(first: Sequence[Said], second: Sequence[Said], weights: np.ndarray) -> np.ndarray:
    """Difference of frame mAP by seed, (S,), each person counted ``weights`` (P,) times."""
    pairs = zip(first, second, strict=True)
    return np.array([a.figures(weights)[MAP] - b.figures(weights)[MAP] for a, b in pairs])


def measure_spread(
    folds: Mapping[str, tuple[Sequence[Said], Sequence[Said]]], resamples: int, seed: int = 0
) -> dict[str, float]:
    """Difference of the first and the second row of each fold (what each seed's model said), and
    the parts of its variance.

    Returns:
        ``difference``, ``seeds`` (variance of a training), ``films`` (of the mean over folds),
        ``persons`` and ``folds`` (counts).

    Raises:
        RhasError: people differ within a fold, or a row has fewer than two seeds.
    """
    rng = np.random.default_rng(seed)
    means, variances, drawn, persons = [], [], [], 0
    for name, (first, second) in folds.items():
        if len({one.people for one in (*first, *second)}) != 1:
            raise RhasError("experiments of different people", where=name)
        if min(len(first), len(second)) < 2 or len(first) != len(second):
            raise RhasError(
                "too few seeds to know their spread", where=name, expected="2 or more of each row",
                got=f"{len(first)} and {len(second)}", do="run `rhas queue` on the list",
            )  # fmt: skip
        people = first[0].people
        persons += len(people)
        once = np.ones(len(people), np.int64)

        of_seeds = differ(first, second, once)
        means.append(of_seeds.mean())
        variances.append(of_seeds.var(ddof=1))
        drawn.append(
            [differ(first, second, draw_films(people, rng)).mean() for _ in range(resamples)]
        )
    return {
        "difference": float(np.mean(means)), "seeds": float(np.mean(variances)),
        "films": float(np.mean(drawn, 0).var(ddof=1)), "persons": persons, "folds": len(folds),
    }  # fmt: skip


def find_error(spread: Mapping[str, float], seeds: int, persons: float) -> float:
    """Standard error of a difference with so many seeds and persons, in points."""
    of_films = spread["films"] * spread["persons"] / persons
    return float(np.sqrt(spread["seeds"] / (spread["folds"] * seeds) + of_films))


def find_persons(spread: Mapping[str, float], seeds: int, points: float) -> float:
    """How many persons find a difference of ``points``; infinite where more seeds are needed."""
    left = (points / QUANTILES) ** 2 - spread["seeds"] / (spread["folds"] * seeds)
    return spread["films"] * spread["persons"] / left if left > 0 else float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("results/power.json"))
    parser.add_argument("--rows", nargs=2, default=["HopaDIFF", "ActDiff"])
    parser.add_argument("--points", type=float, default=1.0)
    parser.add_argument("--resamples", type=int, default=400)
    given = parser.parse_args()
    said: dict[str, dict[str, list[Said]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(
        json.loads(given.file.read_text("utf-8"))["experiments"], key=lambda e: e["seed"]
    ):
        if one["row"] in given.rows:
            said[one["table"]][one["row"]].append(fetch_scores(one["commit"], "test"))
    first, second = given.rows
    spread = measure_spread(
        {name: (rows[first], rows[second]) for name, rows in said.items()}, given.resamples
    )
    print(f"{first} - {second}: {spread['difference']:+.2f} points of frame mAP, "
          f"{spread['persons']:.0f} persons, {spread['folds']:.0f} folds")  # fmt: skip
    print(
        f"SD of a training {spread['seeds'] ** 0.5:.2f}, of the films {spread['films'] ** 0.5:.2f}"
    )
    for seeds in (1, 2, 3, 5):
        error = find_error(spread, seeds, spread["persons"])
        print(f"{seeds} seeds: standard error {error:.2f}, found with 80 % power: "
              f"{QUANTILES * error:.2f} points; {given.points} need "
              f"{find_persons(spread, seeds, given.points):.0f} persons")  # fmt: skip


if __name__ == "__main__":
    run_script(main)
