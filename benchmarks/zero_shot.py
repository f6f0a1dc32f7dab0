"""Actions in words without training (`rhas segment --actions`, method zero_shot), on RHAS-mini.

    dvc exp run -S vlm=clip chunk && python benchmarks/zero_shot.py     # --json [FILE]

known words: the names of all classes that the films of val and test have; thresholds 0.5, as the
    command has, and fitted on val.
words never read: names of the classes that the built-in CLIP was trained without
    (``untrained_actions`` in its config.json), the list being these alone.
other words: sentences with words that the built-in CLIP was not trained on, for some classes; the
    names of the same classes are beside them.
nonsense: words that mean nothing, alone and among the names: per cent of the frames in which one of
    them is reported, and intervals of them per person and minute.
labels: the first dozen labelled intervals of each film fit the scores (`--labels`); measured on
    what comes after them, against words alone on the same frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from measure import make_parser, show
from numpy.typing import NDArray

from rhas.base.batch import Batch
from rhas.base.files import read_json
from rhas.base.program import run_script
from rhas.chunk import Samples
from rhas.config.params import Params, load_params
from rhas.evaluate.scoring import ScoredSample, score_samples
from rhas.extract.class_text import make_class_text, phrase_class
from rhas.extract.encoders import checkpoint_folder
from rhas.methods import Dims, build_method, make_config
from rhas.methods.zero_shot import ZeroShot
from rhas.methods.zero_shot.fitting import LabelledFrames, fit_labels, read_frames
from rhas.metrics.baselines import evaluate_chance, evaluate_constant_class, evaluate_nothing
from rhas.metrics.readout import fit_thresholds, make_prediction
from rhas.metrics.segmentation import SegmentationMetrics, evaluate_predictions
from rhas.metrics.segments import find_intervals
from rhas.segment.label_fit import mark_frames
from rhas.segment.labels import Label
from rhas.stores.samples import Sample, SampleIndex

FIGURES = ("map", "f1_50", "interval_f1_50", "label_set_iou")
LABELS = 12
OTHER_WORDS = {
    "walking": "strolling | going on foot",
    "running": "jogging | moving fast on foot",
    "sitting": "seated on a chair",
    "standing": "upright on both feet",
    "waving": "greeting with a raised hand",
    "reading": "studying a book",
    "drinking": "sipping from a cup",
    "lying": "flat on the ground",
    "pointing": "showing the way with a finger",
    "kneeling": "down on one knee",
    "eating": "having a meal",
    "talking": "having a chat",
}
NONSENSE = (
    "blorping", "zindling", "frumbing", "quaxing the dorf", "mivelling", "trondling", "gleeping",
    "vorpling a snid", "yurbing", "plindering", "the square root of seven", "tomorrow's weather",
)  # fmt: skip
Row = Mapping[str, float]
Words = Sequence[Sequence[str]]


class ChosenSamples:
    """Samples with the labels of some classes.

    Args:
        samples: of a subset.
        ids: of the classes.
        numbers: of the samples that are taken; None: all.
    """

    def __init__(
        self, samples: Samples, ids: Sequence[int], numbers: Sequence[int] | None = None
    ) -> None:
        self.all, self.ids = samples, list(ids)
        self.numbers = list(range(len(samples)) if numbers is None else numbers)

    @property
    def samples(self) -> list[Sample]:
        return [self.all.samples[number] for number in self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> Batch:
        sample = self.all[self.numbers[number]]
        return {**sample, "labels": sample["labels"][:, self.ids]}


@dataclass(frozen=True)
class Bench:
    """Samples of test and val, and the project's parameters.

    Args:
        ids: of the classes that occur in these films.
        names: of these.
    """

    test: Samples
    val: Samples
    ids: tuple[int, ...]
    names: tuple[str, ...]
    params: Params

    def make_method(self, words: Words) -> ZeroShot:
        """The method for actions that are each put in one or more ways."""
        info = self.test.info
        dims = Dims(info.D, info.D_text, len(words), info.L)
        method = build_method("zero_shot", make_config("zero_shot", "mini"), dims)
        assert isinstance(method, ZeroShot)
        method.fit_text(make_class_text(self.params.extract, words))
        return method

    def score(self, method: ZeroShot, samples: ChosenSamples) -> list[ScoredSample]:
        """Scores of the method's classes; the truth has those of the samples."""
        return score_samples(method, samples, self.params.seed, method.dims.C)

    def evaluate(
        self, scored: Sequence[ScoredSample], thresholds: NDArray | None = None
    ) -> SegmentationMetrics:
        """Metrics with these thresholds; None: with the one that `rhas segment --actions` has."""
        config = self.params.evaluate.readout
        if thresholds is None:
            thresholds = np.full(scored[0].scores.shape[1], config.default_threshold)
        predictions = [make_prediction(item.evaluated, thresholds, config) for item in scored]
        return evaluate_predictions([item.truth for item in scored], predictions).metrics


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = open_bench(options.samples)
    rows: dict[str, Row] = {}
    measures = (
        measure_known, measure_untrained, measure_other, measure_nonsense, measure_labels,
    )  # fmt: skip
    for measure in measures:
        rows |= measure(bench)
    show(rows, format_rows(rows), options.json)


def open_bench(folder: Path) -> Bench:
    test, val = (Samples(folder, subset) for subset in ("test", "val"))
    films = {sample.movie for sample in (*test.samples, *val.samples)}
    index = SampleIndex.read(folder)
    ids = sorted({i.class_id for (m, _), own in index.intervals.items() if m in films for i in own})
    names = tuple(phrase_class(test.info.classes[number]) for number in ids)
    return Bench(test, val, tuple(ids), names, load_params())


def measure_known(bench: Bench) -> dict[str, Row]:
    """Names of classes, and floors."""
    method = bench.make_method([[name] for name in bench.names])
    test, val = (
        bench.score(method, ChosenSamples(samples, bench.ids))
        for samples in (bench.test, bench.val)
    )
    truths = [item.truth for item in test]
    thresholds = fit_thresholds(
        [item.truth for item in val], [item.evaluated for item in val],
        bench.params.evaluate.readout,
    )  # fmt: skip
    return {
        "known words": find_figures(bench.evaluate(test)),
        "known words, thresholds of val": find_figures(bench.evaluate(test, thresholds)),
        "nothing": find_figures(evaluate_nothing(truths)),
        "constant class": find_figures(evaluate_constant_class(truths)[1]),
        "chance": find_figures(evaluate_chance(truths)),
    }


def measure_other(bench: Bench) -> dict[str, Row]:
    """Other words for some classes; both lists have these classes alone."""
    chosen = {name: words for name, words in OTHER_WORDS.items() if name in bench.names}
    lists: dict[str, Words] = {
        f"{len(chosen)} classes by name": [[name] for name in chosen],
        f"{len(chosen)} classes in other words": [words.split(" | ") for words in chosen.values()],
    }
    return measure_lists(bench, list(chosen), lists)


def measure_untrained(bench: Bench) -> dict[str, Row]:
    """Names of the classes that the encoder was trained without; nothing where it names none."""
    config = read_json(checkpoint_folder(bench.params.extract.checkpoint) / "config.json")
    words = [phrase_class(name) for name in config.get("untrained_actions", ())]
    names = [name for name in words if name in bench.names]
    title = f"{len(names)} classes never read, by name"
    return measure_lists(bench, names, {title: [[name] for name in names]}) if names else {}


def measure_lists(bench: Bench, names: Sequence[str], lists: Mapping[str, Words]) -> dict[str, Row]:
    """Lists of words for some classes, on the labels of these alone, and chance."""
    samples = ChosenSamples(bench.test, [bench.ids[bench.names.index(name)] for name in names])
    scored = {
        title: bench.score(bench.make_method(words), samples) for title, words in lists.items()
    }
    rows = {title: find_figures(bench.evaluate(items)) for title, items in scored.items()}
    truths = [item.truth for items in list(scored.values())[:1] for item in items]
    return rows | {f"these {len(names)} classes, chance": find_figures(evaluate_chance(truths))}


def measure_nonsense(bench: Bench) -> dict[str, Row]:
    """How often words without meaning are reported."""
    named, absurd = [[name] for name in bench.names], [[word] for word in NONSENSE]
    samples = ChosenSamples(bench.test, bench.ids)
    alone = bench.score(bench.make_method(absurd), samples)
    among = bench.score(bench.make_method(named + absurd), samples)
    return {
        "nonsense alone": count_reports(bench, [item.scores for item in alone]),
        "nonsense among names": count_reports(
            bench, [item.scores[:, len(named) :] for item in among]
        ),
    }


def count_reports(bench: Bench, scores: Iterable[NDArray]) -> Row:
    """Frames with a reported class, per cent; intervals per person and minute."""
    config = bench.params.evaluate.readout
    frames = reported = intervals = 0
    for own in scores:
        half = np.full(own.shape[1], config.default_threshold)
        active = make_prediction(own, half, config).active
        frames += len(active)
        reported += int(active.any(1).sum())
        intervals += len(find_intervals(active).start)
    minutes = frames / bench.params.fps / 60
    return {"reported": 100 * reported / frames, "per_minute": intervals / minutes}


def measure_labels(bench: Bench) -> dict[str, Row]:
    """With and without the first `LABELS` intervals of each film, on what comes after them."""
    scored: dict[bool, list[ScoredSample]] = {False: [], True: []}
    for movie in sorted({sample.movie for sample in bench.test.samples}):
        numbers = [n for n, sample in enumerate(bench.test.samples) if sample.movie == movie]
        film = ChosenSamples(bench.test, bench.ids, numbers)
        labels, stop = choose_labels(film)
        for labelled, items in scored.items():
            method = bench.make_method([[name] for name in bench.names])
            if labelled:
                fit_labels(method, read_labelled(method, film, labels))
            items += [
                replace(item, scores=item.scores[stop:], truth=item.truth[stop:])
                for item in bench.score(method, film)
            ]
    return {
        "rest of the films, words alone": find_figures(bench.evaluate(scored[False])),
        f"rest of the films, {LABELS} labels each": find_figures(bench.evaluate(scored[True])),
    }


def choose_labels(film: ChosenSamples) -> tuple[list[Label], int]:
    """The first `LABELS` intervals of a film's persons, in frames, and when the last one ends."""
    labels = []
    for number in range(len(film)):
        found = find_intervals(film[number]["labels"].numpy() > 0)
        rows = zip(found.label.tolist(), found.start.tolist(), found.stop.tolist(), strict=True)
        labels += [Label(number, label, start, stop) for label, start, stop in rows]
    first = sorted(labels, key=lambda label: (label.end_s, label.person))[:LABELS]
    return first, int(first[-1].end_s)


def read_labelled(
    method: ZeroShot, film: ChosenSamples, labels: Sequence[Label]
) -> list[LabelledFrames]:
    """What the labels say, as `rhas segment` reads it."""
    parts = []
    for number in sorted({label.person for label in labels}):
        sample = film[number]
        own = [label for label in labels if label.person == number]
        truth, known = mark_frames(own, tuple(sample["labels"].shape), 1.0)
        sample["labels"] = torch.from_numpy(truth.astype(np.float32))
        parts.append(read_frames(method, sample, torch.from_numpy(known)))
    return parts


def find_figures(metrics: SegmentationMetrics) -> Row:
    return {name: getattr(metrics, name) for name in FIGURES}


def format_rows(rows: Mapping[str, Row]) -> str:
    """A line per row, per cent."""
    width = max(map(len, rows)) + 2
    lines = [f"{'':{width}}" + "".join(f"{name:>15}" for name in FIGURES)]
    for name, row in rows.items():
        if "reported" in row:
            lines.append(
                f"{name:{width}} in {row['reported']:.1f} % of the frames, "
                f"{row['per_minute']:.2f} intervals per person and minute"
            )
        else:
            lines.append(f"{name:{width}}" + "".join(f"{row[key]:15.1f}" for key in FIGURES))
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
