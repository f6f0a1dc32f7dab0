"""Whether experiments differ by more than by which films they were tested on, and which seeds.

    python benchmarks/paired.py [results/ablations.json] [--table table_5] [--row full] [--json]

Each row is compared with --row film by film, by metrics of each test film alone (means over films:
other numbers than those of all films pooled). Printed is by how much a row is above, with its 95 %
interval: Student's t, with the variance over films and that over seeds (Welch and Satterthwaite's
degrees of freedom). A star marks what is not chance at 5 % by Holm's correction for all comparisons
of the table. The last lines say which difference would be found with 80 % power, and how many films
find --points of frame mAP.

Films are the unit, since people of one film have much in common. Thresholds were fitted on val of
each training; frame mAP needs none. Everything is in the file: nothing is trained or downloaded.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.experiments.records import RunRecord, read_results

FIGURES = ("acc", "edit", "f1_50", "map", "interval_f1_50")
POWER = 0.8
LEVEL = 0.05
Cube = NDArray[np.float64]
"""Metrics of a row, (seeds, films, figures), NaN where a film has none."""


@dataclass(frozen=True)
class Difference:
    """By how much a row is above another, points.

    Args:
        above: mean over films.
        low, high: its 95 % interval.
        p: two-sided, of no difference; not corrected.
        found: the true difference that would be found with 80 % power, at 5 % without correction.
        chance: whether it may be chance, by Holm's correction.
    """

    above: float
    low: float
    high: float
    p: float
    found: float
    chance: bool = True


def read_row(records: Sequence[RunRecord], row: str) -> tuple[list[int], list[str], Cube]:
    """Seeds, films and metrics of a row; folds of a seed are joined.

    Raises:
        RhasError: no metrics by film, or a film that only some of the seeds have.
    """
    by_seed: dict[int, dict[str, Mapping[str, float]]] = {}
    for record in records:
        if record.films is None:
            raise RhasError(
                "no metrics by film", where=f"{row}, seed {record.seed}",
                do="run `rhas queue` again, with results of the present code in DVC's cache",
            )  # fmt: skip
        films = by_seed.setdefault(record.seed, {})
        if twice := films.keys() & record.films.keys():
            raise RhasError("a film is test twice", where=f"{row}, seed {record.seed}, {twice}")
        films |= record.films
    names = sorted(set().union(*by_seed.values()))
    for seed, films in by_seed.items():
        if missing := [name for name in names if name not in films]:
            raise RhasError(
                "films of some seeds only", where=f"{row}, seed {seed}", got=", ".join(missing),
                do="run all seeds and folds of the table",
            )  # fmt: skip
    nothing = float("nan")
    cube = [
        [[films[name].get(figure, nothing) for figure in FIGURES] for name in names]
        for films in by_seed.values()
    ]
    return sorted(by_seed), names, np.asarray(cube)


def list_variances(row: Cube, other: Cube, number: int) -> tuple[Cube, list[tuple[float, int]]]:
    """Differences of a figure by film, and the variances that make their mean uncertain.

    Args:
        number: place of the figure.

    Returns:
        (films,) where both rows have the figure; and variance and count: over films, with seeds
        averaged, then of each row with several seeds over these, with films averaged. The first has
        a share of the others in it, so their sum is rather too large.

    Raises:
        RhasError: fewer than two films.
    """
    films = row[..., number].mean(0) - other[..., number].mean(0)
    films = films[~np.isnan(films)]
    if len(films) < 2:
        raise RhasError("fewer than two films to compare", where=FIGURES[number])
    variances = [(float(np.var(films, ddof=1)), len(films))]
    for cube in (row, other):
        if len(cube) > 1:
            means = np.nanmean(cube[..., number], axis=1)
            variances.append((float(np.var(means, ddof=1)), len(means)))
    return films, variances


def compare_cubes(row: Cube, other: Cube) -> list[Difference]:
    """By figure, how far ``row`` is above ``other``; films are the same, seeds may differ."""
    differences = []
    for number in range(len(FIGURES)):
        films, variances = list_variances(row, other, number)
        parts = [(variance / count, count - 1) for variance, count in variances]
        total = sum(part for part, _ in parts)
        above, error = float(films.mean()), total**0.5
        if error == 0:
            differences.append(Difference(above, above, above, float(above == 0), 0.0))
            continue
        freedom = total**2 / sum(part**2 / count for part, count in parts)
        reach = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
        p = float(2 * stats.t.sf(abs(above) / error, freedom))
        found = reach + float(stats.t.ppf(POWER, freedom)) * error
        differences.append(Difference(above, above - reach, above + reach, p, found))
    return differences


def count_films(row: Cube, other: Cube, points: float, seeds: int) -> float:
    """How many films, with so many seeds each, find a difference of ``points`` of frame mAP with
    80 % power at 5 %, by the normal approximation; infinite where more seeds are needed."""
    _, ((of_films, _), *of_seeds) = list_variances(row, other, FIGURES.index("map"))
    quantiles = float(stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER))
    left = (points / quantiles) ** 2 - sum(variance for variance, _ in of_seeds) / seeds
    return of_films / left if left > 0 else float("inf")


def correct_by_holm(values: Mapping[str, Sequence[Difference]]) -> dict[str, list[Difference]]:
    """The differences, with ``chance`` decided for all of them together."""
    every = sorted((d.p, row, n) for row, own in values.items() for n, d in enumerate(own))
    real: set[tuple[str, int]] = set()
    for place, (p, row, number) in enumerate(every):
        if p > LEVEL / (len(every) - place):
            break
        real.add((row, number))
    return {
        row: [replace(d, chance=(row, n) not in real) for n, d in enumerate(own)]
        for row, own in values.items()
    }


def format_table(found: Mapping[str, Sequence[Difference]]) -> str:
    """A line per row, then the differences that would be found, the mean over rows."""
    lines = [" " * 28 + "".join(f"{name:>24}" for name in FIGURES)]
    for row, differences in found.items():
        cells = [
            f"{d.above:>+9.1f} [{d.low:+.1f}, {d.high:+.1f}]{' ' if d.chance else '*'}".rjust(24)
            for d in differences
        ]
        lines.append(f"{row:<28}" + "".join(cells))
    detectable = [np.mean([own[n].found for own in found.values()]) for n in range(len(FIGURES))]
    lines.append(f"{'found with 80 % power':<28}" + "".join(f"{x:>23.1f} " for x in detectable))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("results/ablations.json"))
    parser.add_argument("--table", default="table_5")
    parser.add_argument("--row", default="full", help="what the others are compared with")
    parser.add_argument("--points", type=float, default=1.0, help="difference to plan for")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rows", nargs="+", help="these alone; default: all of the table")
    options = parser.parse_args()
    rows = read_results(options.file).select_rows(options.table, options.row, options.rows)
    cubes, films = {}, {}
    for row, records in rows.items():
        _, films[row], cubes[row] = read_row(records, row)
    shared = [name for name in films[options.row] if all(name in own for own in films.values())]
    if len(shared) < 2:
        raise RhasError(
            "fewer than two films that all rows were tested on", where=str(options.file),
            got=", ".join(f"{row}: {len(own)}" for row, own in films.items()),
            do="run more of the table by `rhas queue`",
        )  # fmt: skip
    left_out = len(set().union(*films.values())) - len(shared)
    cubes = {row: cubes[row][:, [own.index(n) for n in shared]] for row, own in films.items()}
    found = correct_by_holm(
        {row: compare_cubes(cubes[row], cubes[options.row]) for row in rows if row != options.row}
    )
    if options.json:
        shown = {
            row: {name: asdict(d) for name, d in zip(FIGURES, own, strict=True)}
            for row, own in found.items()
        }
        told = {"table": options.table, "than": options.row, "films": len(shared)}
        print(json.dumps({**told, "films_left_out": left_out, "rows": shown}, indent=1))
    else:
        seeds = ", ".join(sorted({str(len(cube)) for cube in cubes.values()}))
        count = sum(map(len, found.values()))
        note = f" ({left_out} more that some rows were not tested on)" if left_out else ""
        print(f"{len(shared)} films{note}, seeds: {seeds}, {count} comparisons")
        print(format_table(found))
        for count in (1, 2, 3, 5):
            films_needed = [
                count_films(cubes[row], cubes[options.row], options.points, count) for row in found
            ]
            print(
                f"{options.points:g} points of frame mAP with {count} seeds: "
                f"{np.median(films_needed):.0f} films (median over rows)"
            )


if __name__ == "__main__":
    run_script(main)
