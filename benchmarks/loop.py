"""The loop of correcting and training: how many edits it takes, and what they bring.

    python benchmarks/loop.py [--orders 5] [--films 12] [--method linear_window] [--json [FILE]]
    python benchmarks/loop.py --model models/hopadiff [--films 12]

A model is trained on the first films, which are labelled from nothing. It segments the next ones, a
simulated person mends what is wrong, and it is trained again on all of them, until the train films
are used up. Beside it the same films, all labelled from nothing; and the loop with the films first
of which the model is least certain. Thresholds are fitted on val, figures are those of test.

With --model nothing is trained: how many edits the test films take after it and from nothing.

An edit is one action in the page of `rhas review`: drag an end, move an interval, rename, delete,
add. Of all ways to mend a person's intervals the one with the fewest edits is taken (a linear
assignment); ends that are off by at most --slack seconds are left as they are, also as labels. A
split is never among the fewest: a drag and an added interval do the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import make_parser, show
from scipy.optimize import linear_sum_assignment

from rhas.base.batch import Batch
from rhas.base.program import run_script
from rhas.base.units import seconds_to_frame
from rhas.chunk.samples import Samples
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import load_params
from rhas.evaluate.scoring import SampleWindow, ScoredSample, score_samples
from rhas.methods import Method
from rhas.metrics.readout import fit_thresholds, make_prediction
from rhas.metrics.segmentation import evaluate_predictions
from rhas.metrics.segments import find_intervals
from rhas.train import load_method
from rhas.train.arrays import train_method

FIGURES = ("map", "f1_50", "interval_f1_50")
_NEVER = 1e6
_ALONE = 1.001  # an interval is changed rather than deleted and another added


@dataclass(frozen=True)
class Mended:
    """What a person made of predicted intervals: edits by kind, and labels bool (T, C)."""

    edits: Counter[str]
    labels: np.ndarray


def mend(predicted: np.ndarray, true: np.ndarray, slack: int, add: int = 1) -> Mended:
    """The fewest edits from predicted to true intervals.

    Args:
        predicted, true: bool (T, C).
        slack: frames by which an end may be off.
        add: what an added interval costs beside other edits; it counts as so many.
    """
    old, new = find_intervals(predicted), find_intervals(true)
    starts = np.abs(old.start[:, None] - new.start)
    ends = np.abs(old.stop[:, None] - new.stop)
    shift = np.abs((old.start - old.stop)[:, None] - (new.start - new.stop))
    drags = (starts > slack).astype(int) + (ends > slack)
    moved = (drags == 2) & (shift <= slack)
    renamed = old.label[:, None] != new.label
    apart = (old.start[:, None] >= new.stop) | (new.start >= old.stop[:, None])
    cost = np.where(moved, 1, drags) + renamed + np.where(apart, _NEVER, 0)
    table = np.zeros((len(old) + len(new),) * 2)  # an interval without partner: deleted or added
    table[: len(old), : len(new)] = cost
    table[: len(old), len(new) :] = np.where(np.eye(len(old)), _ALONE, _NEVER)
    table[len(old) :, : len(new)] = np.where(np.eye(len(new)), add * _ALONE, _NEVER)
    rows, columns = linear_sum_assignment(table)
    edits: Counter[str] = Counter()
    labels = np.zeros_like(true)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if column >= len(new):
            edits["delete"] += row < len(old)
            continue
        start, stop = int(new.start[column]), int(new.stop[column])
        if row >= len(old):
            edits["add"] += add
        else:
            edits["rename"] += int(renamed[row, column])
            edits["move"] += int(moved[row, column])
            edits["drag"] += 0 if moved[row, column] else int(drags[row, column])
            if starts[row, column] <= slack:
                start = int(old.start[row])
            if ends[row, column] <= slack:
                stop = int(old.stop[row])
        labels[start:stop, new.label[column]] = True
    return Mended(edits, labels)


@dataclass(frozen=True)
class PooledFilm:
    """A film: its samples, and the truth of each, bool (T, C)."""

    movie: str
    windows: list[SampleWindow]
    batches: list[Batch]

    @property
    def truths(self) -> list[np.ndarray]:
        return [b["labels"].numpy()[b["mask"].numpy()] != 0 for b in self.batches]

    @property
    def frames(self) -> int:
        """Of all persons together."""
        return sum(w.stop - w.start for w in self.windows)


@dataclass
class Subset:
    """Samples in memory, as `score_samples` takes them."""

    samples: Sequence[SampleWindow]
    batches: Sequence[Batch]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, number: int) -> Batch:
        return self.batches[number]


class Model:
    """A trained method, with thresholds of val, and its figures of test."""

    def __init__(self, method: Method, val: Subset, readout: ReadoutConfig) -> None:
        self.method, self.readout = method, readout
        self.classes = val.batches[0]["labels"].shape[1]
        scored = self.score(val)
        self.thresholds = fit_thresholds(
            [s.truth for s in scored], [s.evaluated for s in scored], readout
        )

    @classmethod
    def train(
        cls, method: str, batches: Sequence[Batch], val: Subset, readout: ReadoutConfig
    ) -> Model:
        """Trains a method on some films."""
        with tempfile.TemporaryDirectory() as folder:
            made = train_method(batches, folder, method=method, epochs=1, preset="mini")
        return cls(made, val, readout)

    def score(self, subset: Subset) -> list[ScoredSample]:
        return score_samples(self.method, subset, 0, self.classes)

    def segment(self, film: PooledFilm) -> list[np.ndarray]:
        """Predicted label sets of its samples, bool (T, C)."""
        scored = self.score(Subset(film.windows, film.batches))
        return [make_prediction(s.evaluated, self.thresholds, self.readout).active for s in scored]

    def measure(self, subset: Subset) -> dict[str, float]:
        scored = self.score(subset)
        predictions = [make_prediction(s.evaluated, self.thresholds, self.readout) for s in scored]
        metrics = evaluate_predictions([s.truth for s in scored], predictions).metrics
        return {name: float(getattr(metrics, name)) for name in FIGURES}

    def find_uncertainty(self, film: PooledFilm) -> float:
        """Mean entropy per frame, summed over classes, nats."""
        scored = self.score(Subset(film.windows, film.batches))
        p = np.concatenate([s.scores for s in scored]).clip(1e-6, 1 - 1e-6)
        return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(1).mean())


@dataclass(frozen=True)
class Point:
    """After a round: films and person-minutes labelled, edits so far, those of the round by kind
    and its person-minutes; figures of test."""

    films: int
    minutes: float
    edits: int
    round_edits: Mapping[str, int]
    round_minutes: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Setting:
    """What all runs have in common."""

    method: str
    val: Subset
    test: Subset
    readout: ReadoutConfig
    fps: float
    slack: int
    step: int
    add: int = 1


def run_loop(
    order: Sequence[PooledFilm],
    setting: Setting,
    correct: bool,
    by_uncertainty: bool,
    first: dict[str, Model] | None = None,
) -> list[Point]:
    """Rounds of labelling and training.

    Args:
        order: the films as they come.
        setting: see there.
        correct: mend what the model says; else label from nothing.
        by_uncertainty: take the films first of which the model is least certain.
        first: keeps the model of the first films, which every arm labels from nothing.
    """
    left, batches, points = list(order), list[Batch](), list[Point]()
    model: Model | None = None
    edits, frames = 0, 0
    while left:
        if model is not None and by_uncertainty:
            left.sort(key=lambda film: -model.find_uncertainty(film))
        chosen, left = left[: setting.step], left[setting.step :]
        kinds: Counter[str] = Counter()
        for film in chosen:
            mended = _label(film, model if correct else None, setting)
            for batch, part in zip(film.batches, mended, strict=True):
                kinds.update(part.edits)
                batches.append(_relabel(batch, part.labels))
        seen = sum(film.frames for film in chosen)
        edits, frames = edits + sum(kinds.values()), frames + seen
        name = "" if points else chosen[0].movie
        model = (first or {}).get(name) or Model.train(
            setting.method, batches, setting.val, setting.readout
        )
        if name and first is not None:
            first[name] = model
        points.append(
            Point(
                len(order) - len(left), frames / setting.fps / 60, edits, dict(kinds),
                seen / setting.fps / 60, model.measure(setting.test),
            )
        )  # fmt: skip
    return points


def _label(film: PooledFilm, model: Model | None, setting: Setting) -> list[Mended]:
    predicted = (
        [np.zeros_like(truth) for truth in film.truths] if model is None else model.segment(film)
    )
    pairs = zip(predicted, film.truths, strict=True)
    return [mend(p, t, setting.slack, setting.add) for p, t in pairs]


def _relabel(batch: Batch, labels: np.ndarray) -> Batch:
    """With other labels; ``boundary`` stays that of the truth, which `linear_window` does not
    read."""
    padded = batch["labels"].clone().zero_()
    padded[: len(labels)] = padded.new_tensor(labels)
    return {**batch, "labels": padded}


ARMS: Mapping[str, tuple[bool, bool]] = {
    "from nothing": (False, False),
    "corrected": (True, False),
    "corrected, uncertain first": (True, True),
}
Runs = Mapping[str, list[list[Point]]]
"""By arm and order."""
EditRates = Mapping[str, tuple[float, float]]


def run_orders(
    films: Sequence[PooledFilm], setting: Setting, orders: int, tell: Callable[[str], None],
    most: int | None = None,
) -> Runs:  # fmt: skip
    """Every arm with the films in several random orders; of each, the first ``most`` films."""
    found: dict[str, list[list[Point]]] = defaultdict(list)
    for seed in range(orders):
        order = [films[i] for i in np.random.default_rng(seed).permutation(len(films))[:most]]
        first: dict[str, Model] = {}
        for name, (correct, by_uncertainty) in ARMS.items():
            tell(f"order {seed + 1} of {orders}: {name}")
            found[name].append(run_loop(order, setting, correct, by_uncertainty, first))
        tell(format_tables(describe_runs(found)))
    return found


def count_edits(films: Sequence[PooledFilm], model: Model, slack: int, fps: float) -> EditRates:
    """Edits per minute of film and person after a model and from nothing, an added interval counted
    as one and as three: mean and standard deviation over the films."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for film in films:
        arms = {
            "from nothing": [np.zeros_like(truth) for truth in film.truths],
            "corrected": model.segment(film),
        }
        for arm, predicted in arms.items():
            for add in (1, 3):
                mended = [
                    mend(p, t, slack, add) for p, t in zip(predicted, film.truths, strict=True)
                ]
                edits = sum(sum(part.edits.values()) for part in mended)
                found[arm, add].append(edits * 60 * fps / film.frames)
    return {
        f"{arm}, an added interval as {add}": _spread(rates) for (arm, add), rates in found.items()
    }


def measure_at(points: Sequence[Point], edits: float, name: str) -> float:
    """A figure of test after so many edits, on the line between two rounds."""
    x = [point.edits for point in points]
    return float(np.interp(edits, x, [point.figures[name] for point in points]))


def describe_runs(runs: Runs) -> dict[str, object]:
    """Tables by round and by number of edits: mean and standard deviation over the orders."""
    rounds = {
        arm: [
            {
                "films": points[0].films,
                "edits": _spread(p.edits for p in points),
                "edits_per_minute": _spread(
                    sum(p.round_edits.values()) / p.round_minutes for p in points
                ),
                "kinds": dict(sum((Counter(p.round_edits) for p in points), Counter())),
                **{name: _spread(p.figures[name] for p in points) for name in FIGURES},
            }
            for points in zip(*orders, strict=True)
        ]
        for arm, orders in runs.items()
    }
    first = max(points[0].edits for orders in runs.values() for points in orders)
    last = min(points[-1].edits for orders in runs.values() for points in orders)
    budgets = {
        str(round(edits)): {
            arm: {name: _spread(measure_at(points, edits, name) for points in orders)
                  for name in FIGURES}
            for arm, orders in runs.items()
        }
        for edits in np.linspace(first, last, 4)
    }  # fmt: skip
    return {"rounds": rounds, "same_edits": budgets}


def _spread(values: Iterable[float]) -> tuple[float, float]:
    found = np.array(list(values), float)
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else 0.0


def format_tables(tables: Mapping[str, object]) -> str:
    lines = [f"{'':28}{'films':>6}{'edits':>14}{'per minute':>14}"
             + "".join(f"{name:>16}" for name in FIGURES)]  # fmt: skip
    for arm, rows in tables["rounds"].items():  # type: ignore[attr-defined]
        for row in rows:
            cells = (_show(row["edits"], 0), _show(row["edits_per_minute"]))
            lines.append(f"{arm:28}{row['films']:>6}" + "".join(f"{c:>14}" for c in cells)
                         + "".join(f"{_show(row[name]):>16}" for name in FIGURES))  # fmt: skip
    lines.append("\nafter as many edits")
    for edits, arms in tables["same_edits"].items():  # type: ignore[attr-defined]
        for arm, row in arms.items():
            lines.append(f"{edits:>6} {arm:45}" + "".join(f"{_show(row[n]):>16}" for n in FIGURES))
    return "\n".join(lines)


def _show(pair: tuple[float, float], digits: int = 1) -> str:
    return f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}"


def read_pool(samples: Samples) -> list[PooledFilm]:
    """The films of a subset, in memory."""
    found: dict[str, PooledFilm] = {}
    for number, window in enumerate(samples.samples):
        film = found.setdefault(window.movie, PooledFilm(window.movie, [], []))
        film.windows.append(window)
        film.batches.append(samples[number])
    return list(found.values())


def read_subset(samples: Samples) -> Subset:
    return Subset(samples.samples, [samples[n] for n in range(len(samples))])


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    parser.add_argument("--method", default="linear_window")
    parser.add_argument("--model", type=Path, help="a trained method; see above")
    parser.add_argument("--orders", type=int, default=5, help="random orders of the films")
    parser.add_argument("--films", type=int, help="films of an order; default: all of train")
    parser.add_argument("--step", type=int, default=2, help="films per round")
    parser.add_argument("--slack", type=float, default=0.3, help="seconds an end may be off")
    parser.add_argument(
        "--add", type=int, default=1,
        help="what an added interval counts: 1, or 3 for its start, its end and its name",
    )  # fmt: skip
    options: argparse.Namespace = parser.parse_args()
    parts = {name: Samples(options.samples, name) for name in ("train", "val", "test")}
    fps = parts["train"].info.fps
    setting = Setting(
        options.method, read_subset(parts["val"]), read_subset(parts["test"]),
        load_params().evaluate.readout, fps, seconds_to_frame(options.slack, fps), options.step,
        options.add,
    )  # fmt: skip
    if options.model is not None:
        model = Model(load_method(options.model), setting.val, setting.readout)
        films = read_pool(parts["test"])[: options.films]
        rates = count_edits(films, model, setting.slack, fps)
        show(rates, "\n".join(f"{name:40}{_show(r)}" for name, r in rates.items()), options.json)
        return
    films = read_pool(parts["train"])
    runs = run_orders(
        films, setting, options.orders, lambda line: print(line, file=sys.stderr, flush=True),
        options.films,
    )  # fmt: skip
    tables = describe_runs(runs)
    show(tables, format_tables(tables), options.json)


if __name__ == "__main__":
    run_script(main)
