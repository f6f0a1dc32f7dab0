"""Whether experiments differ by more than by which people they were tested on, and which seeds.

    python benchmarks/paired.py [results/ablations.json] [--table table_5] [--row full]
                                [--side test] [--resamples 1000] [--json]

Test people and seeds are drawn anew with replacement, the same people for every row, and the
figures are computed of those drawn. Printed is by how much each row is above --row, and in
brackets the middle 95 % of the draws; a star marks intervals without 0. People of one film have
more in common than strangers: the true intervals are rather wider.

What the experiments said is read from DVC's cache, where `rhas queue` has left it; nothing is
trained. Figures of all people, each once, are compared with those in the file.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.chunk import make_labels
from rhas.evaluate.fitted import FittedReadout
from rhas.metrics.readout import make_prediction
from rhas.metrics.segmentation import choose_single_labels, mark_correct_frames
from rhas.metrics.segments import (
    compute_f1,
    count_matches,
    edit_distance,
    edit_score,
    find_intervals,
    find_segments,
)
from rhas.stores.scores import read_sample_scores

FIGURES = ("acc", "edit", "f1_50", "map", "interval_f1_50")
READ = ("results/scores.zarr", "results/readout.json", "data/samples/intervals.csv")
Person = tuple[str, int]


@dataclass(frozen=True)
class Said:
    """What one experiment said of P persons, in sums that weights of persons keep exact.

    people: P of them. sums: by name, int64 (P,): frames and right ones, windows, and of segments
    and of intervals true positives, false positives and false negatives at 0.5. edits: float64
    (P,), edit scores of windows added up.
    ranked: by class with a true frame, its frames by falling score: bool, true; int, the person;
    int, the last of each equal score.
    """

    people: tuple[Person, ...]
    sums: Mapping[str, NDArray[np.int64]]
    edits: NDArray[np.float64]
    ranked: Sequence[tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]]

    def figures(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """`FIGURES`, (5,), in per cent, each person counted ``weights`` (P,) times."""
        total = {name: np.asarray(values @ weights) for name, values in self.sums.items()}
        overlap = {
            of: float(compute_f1(*(total[f"{of}_{kind}"] for kind in ("tp", "fp", "fn"))))
            for of in ("segments", "intervals")
        }
        precisions = []
        for true, person, last in self.ranked:
            weight = weights[person]
            found = np.cumsum(weight * true)[last]
            if found[-1]:
                precision = found / np.maximum(np.cumsum(weight)[last], 1e-9)
                precisions.append(float((np.diff(found, prepend=0) * precision).sum() / found[-1]))
        return np.asarray([
            100 * total["right"] / total["frames"], self.edits @ weights / total["windows"],
            overlap["segments"], 100 * np.mean(precisions), overlap["intervals"],
        ])  # fmt: skip


def read_scores(folder: Path, side: str) -> Said:
    """What lies under ``folder`` as in the project's, see `READ`."""
    scores_file, readout_file, intervals_file = (folder / path for path in READ)
    fitted = FittedReadout.read(readout_file)
    thresholds = np.asarray(fitted.thresholds)
    intervals = defaultdict(list)
    with intervals_file.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            interval = (int(row["class_id"]), int(row["start"]), int(row["stop"]))
            intervals[row["movie"], int(row["person"])].append(interval)
    sums: dict[Person, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    edits: dict[Person, float] = defaultdict(float)
    frames: dict[Person, list[tuple[NDArray[np.bool_], NDArray[np.float32]]]] = defaultdict(list)
    for window in read_sample_scores(scores_file, side):
        person = (window.movie, window.person)
        truth = make_labels(intervals[person], window.start, window.stop) != 0
        scores = window.scores.astype(np.float32)
        said = make_prediction(scores, thresholds, fitted.readout)
        frames[person].append((truth, scores))
        own, classes = sums[person], truth.shape[1]
        own["frames"] += len(truth)
        own["right"] += int(mark_correct_frames(truth, said.top).sum())
        true, told = find_segments(choose_single_labels(truth, said.top)), find_segments(said.top)
        distance = edit_distance(told.label[:, None] == true.label)
        edits[person] += edit_score(distance, max(len(told), len(true)))
        own["windows"] += 1
        pairs = {
            "segments": (told, true),
            "intervals": (find_intervals(said.active), find_intervals(truth)),
        }
        for of, (given, there) in pairs.items():
            counts = count_matches(given, there, (0.5,), classes)
            for kind in ("tp", "fp", "fn"):
                own[f"{of}_{kind}"] += int(getattr(counts, kind).sum())
    people = tuple(sorted(sums))
    names = sorted({name for own in sums.values() for name in own})
    truths, scored = (
        np.concatenate([pair[n] for person in people for pair in frames[person]]) for n in (0, 1)
    )
    owner = np.repeat(
        np.arange(len(people)), [sum(len(t) for t, _ in frames[person]) for person in people]
    )
    ranked = []
    for label in np.flatnonzero(truths.any(0)):
        order = np.argsort(-scored[:, label], kind="stable")
        value = scored[order, label]
        last = np.append(np.flatnonzero(value[1:] != value[:-1]), len(value) - 1)
        ranked.append((truths[order, label], owner[order], last))
    totals = {name: np.asarray([sums[who][name] for who in people], np.int64) for name in names}
    return Said(people, totals, np.asarray([edits[person] for person in people]), ranked)


def fetch_scores(commit: str, side: str) -> Said:
    """Of an experiment whose commit and files DVC has.

    Raises:
        RhasError: it has not.
    """
    from dvc.api import DVCFileSystem

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            files = DVCFileSystem(rev=commit)
            for path in READ:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                files.get(path, str(folder / path), recursive=path.endswith(".zarr"))
        except Exception as error:  # Git, DVC or the cache: what matters is which one it lacks
            raise RhasError(
                "what the experiment said is not here", where=f"commit {commit}", got=str(error),
                do="move the results/ file away and run `rhas queue` on this machine",
            ) from error  # fmt: skip
        return read_scores(folder, side)


def draw_samples(
    said: Mapping[str, Sequence[Said]], resamples: int, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Figures by row, (1 + resamples, 5), mean over seeds: first of everybody once, then of draws.

    Args:
        said: by row, of each seed; the people of all are the same.
        resamples: how many draws of people, and for each row of its seeds.
        seed: of the draws.
    """
    everybody = {one.people for own in said.values() for one in own}
    if len(everybody) != 1:
        raise RhasError("experiments of different people", got=f"{len(everybody)} sets of people")
    count = len(everybody.pop())
    rng = np.random.default_rng(seed)
    once = np.ones(count, np.int64)
    of = {row: [np.mean([one.figures(once) for one in own], 0)] for row, own in said.items()}
    for number in range(resamples):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)
        for row, own in said.items():
            chosen = np.bincount(rng.integers(len(own), size=len(own)), minlength=len(own))
            parts = [n * own[k].figures(weights) for k, n in enumerate(chosen) if n]
            of[row].append(np.sum(parts, 0) / len(own))
        if sys.stderr.isatty():
            end = "\n" if number + 1 == resamples else ""
            print(f"\r{number + 1} of {resamples} draws", end=end, file=sys.stderr)
    return {row: np.stack(values) for row, values in of.items()}


def compare_rows(figures: Mapping[str, NDArray[np.float64]], row: str) -> dict[str, dict[str, Any]]:
    """By row and figure: ``above`` that of ``row``, and ``low`` and ``high`` of 95 % of draws."""
    found: dict[str, dict[str, Any]] = {}
    for other, values in figures.items():
        if other != row:
            above = values - figures[row]
            low, high = np.percentile(above[1:], (2.5, 97.5), axis=0)
            found[other] = {
                name: {"above": float(above[0, n]), "low": float(low[n]), "high": float(high[n])}
                for n, name in enumerate(FIGURES)
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("results/ablations.json"))
    parser.add_argument("--table", default="table_5")
    parser.add_argument("--row", default="full", help="what the others are compared with")
    parser.add_argument("--side", choices=("val", "test"), default="test")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    listed = json.loads(options.file.read_text("utf-8"))["experiments"]
    own = [e for e in listed if e["table"] == options.table]
    rows = list(dict.fromkeys(e["row"] for e in own))
    if options.row not in rows:
        raise RhasError(
            "no such row", where=f"--table {options.table} --row {options.row}",
            expected=", ".join(rows) or ", ".join(sorted({e["table"] for e in listed})),
        )  # fmt: skip
    said: dict[str, list[Said]] = {row: [] for row in rows}
    for experiment in own:
        print(f"{experiment['row']}, seed {experiment['seed']}", file=sys.stderr)
        one = fetch_scores(experiment["commit"], options.side)
        made = one.figures(np.ones(len(one.people), np.int64))
        known = [experiment["metrics"][options.side][name] for name in FIGURES]
        if np.abs(made - known).max() > 1e-3:
            raise RhasError(
                "its figures are not those of the file", where=experiment["name"],
                expected=str(known), got=str(made.round(4).tolist()),
            )  # fmt: skip
        said[experiment["row"]].append(one)
    found = compare_rows(draw_samples(said, options.resamples), options.row)
    if options.json:
        print(json.dumps({"table": options.table, "than": options.row, "rows": found}, indent=1))
    else:
        print(format_table(found))


def format_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A line per row."""
    lines = [" " * 24 + "".join(f"{name:>24}" for name in FIGURES)]
    for row, figures in found.items():
        cells = []
        for name in FIGURES:
            above, low, high = (figures[name][key] for key in ("above", "low", "high"))
            star = " " if low <= 0 <= high else "*"
            cells.append(f"{above:>+9.1f} [{low:+.1f}, {high:+.1f}]{star}".rjust(24))
        lines.append(f"{row:<24}" + "".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
