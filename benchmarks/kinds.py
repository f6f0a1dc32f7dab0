"""Average precision by kind of class: between people, by what happened before, all others.

    python benchmarks/kinds.py [results/benchmark.json] [--table table_3] [--row HopaDIFF]

A row's figure is the mean of the average precisions of a kind's classes, in each fold over those
that occur on its test films; then the mean over folds and seeds. Beside it stands by how much it is
below or above --row, with a 95 % interval: Student's t over the folds that all rows have, seeds
averaged. Kinds overlap: a class can be between people and depend on what happened before
(`rhas.mini.story`).

Everything is in the file: nothing is trained or downloaded.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.experiments.records import RunRecord, read_results
from rhas.mini.story import MEMORY_CLASSES, MINI_CLASSES, PAIR_CLASSES

KINDS: Mapping[str, frozenset[str]] = {
    "all": frozenset(MINI_CLASSES),
    "between people": frozenset(PAIR_CLASSES),
    "after what was before": frozenset(MEMORY_CLASSES),
    "others": frozenset(MINI_CLASSES) - frozenset(PAIR_CLASSES) - frozenset(MEMORY_CLASSES),
}
Folds = NDArray[np.float64]
"""Mean average precision of each kind, (folds, kinds), NaN where no class of a kind occurs."""


def read_folds(records: Sequence[RunRecord], row: str) -> tuple[list[object], Folds]:
    """The folds of a row and their figures, seeds averaged.

    Raises:
        RhasError: no average precisions, or seeds that have other folds.
    """
    by_fold: dict[object, dict[int, list[float]]] = {}
    for record in records:
        where = f"{row}, seed {record.seed}"
        if record.classes is None:
            raise RhasError(
                "no average precision by class", where=where,
                do="run `rhas queue` again, with results of the present code in DVC's cache",
            )  # fmt: skip
        fold = by_fold.setdefault(record.settings.get("chunk.fold"), {})
        if record.seed in fold:
            raise RhasError("a fold of a seed stands twice", where=where)
        fold[record.seed] = [average(record.classes, kind) for kind in KINDS.values()]
    if len({tuple(sorted(fold)) for fold in by_fold.values()}) > 1:
        raise RhasError("folds of some seeds only", where=row, do="run all of the table")
    folds = sorted(by_fold, key=str)
    return folds, np.asarray([np.mean(list(by_fold[fold].values()), axis=0) for fold in folds])


def average(classes: Mapping[str, float], kind: frozenset[str]) -> float:
    """Mean over the classes of a kind that occur."""
    found = [value for name, value in classes.items() if name in kind]
    return float(np.mean(found)) if found else float("nan")


def format_difference(row: Folds, other: Folds) -> str:
    """By how much a row is above another in one kind, (folds,) both; with its interval."""
    gaps = (row - other)[~np.isnan(row - other)]
    if len(gaps) < 2:
        return f"{gaps.mean():+.1f}" if len(gaps) else "-"
    reach = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / len(gaps) ** 0.5
    return f"{gaps.mean():+.1f} [{gaps.mean() - reach:+.1f}, {gaps.mean() + reach:+.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("results/benchmark.json"))
    parser.add_argument("--table", default="table_3")
    parser.add_argument("--row", default="HopaDIFF", help="what the others are compared with")
    parser.add_argument("--rows", nargs="+", help="these alone; default: all of the table")
    options = parser.parse_args()
    rows = read_results(options.file).select_rows(options.table, options.row, options.rows)
    found = {row: read_folds(records, row) for row, records in rows.items()}
    shared = [f for f in found[options.row][0] if all(f in folds for folds, _ in found.values())]
    if not shared:
        raise RhasError(
            "no fold that all rows have", where=str(options.file),
            got=", ".join(f"{row}: {len(folds)}" for row, (folds, _) in found.items()),
            do="run more of the table by `rhas queue`",
        )  # fmt: skip
    folds = len(set().union(*(own for own, _ in found.values())))
    count = f"{len(shared)} fold{'s' * (len(shared) != 1)}" + (
        f" of {folds}" if folds > len(shared) else ""
    )
    print(f"| frame mAP, {count} | {' | '.join(KINDS)} |")
    print(f"|---|{'---|' * len(KINDS)}")
    chosen = {row: own[[folds.index(f) for f in shared]] for row, (folds, own) in found.items()}
    against = chosen[options.row]
    for row, figures in chosen.items():
        cells = [f"{value:.1f}" for value in np.nanmean(figures, axis=0)]
        if row != options.row:
            for number, cell in enumerate(cells):
                gap = format_difference(figures[:, number], against[:, number])
                cells[number] = f"{cell}, {gap}"
        print(f"| {row} | {' | '.join(cells)} |")


if __name__ == "__main__":
    run_script(main)
