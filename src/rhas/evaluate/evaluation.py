"""Evaluation: a method's scores on val and test, the metrics, and the files of ``results/``.

Thresholds are fitted on val and used on both. T frames, C classes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.config.evaluate import EvaluateConfig, ReadoutConfig
from rhas.evaluate import tables
from rhas.evaluate.fitted import READOUT, FittedReadout, Provenance
from rhas.evaluate.persons import PersonResult, join_windows
from rhas.evaluate.records import (
    SCREEN,
    Baselines,
    EvaluationReport,
    SubsetReport,
    write_baselines,
    write_evaluation,
)
from rhas.evaluate.scoring import ScoredSample, ScoringMethod, WindowedSamples, score_samples
from rhas.metrics.baselines import evaluate_chance, evaluate_constant_class, evaluate_nothing
from rhas.metrics.calibration import fit_calibration
from rhas.metrics.evaluation import MethodMetrics
from rhas.metrics.prediction import Prediction
from rhas.metrics.published import evaluate_as_published
from rhas.metrics.readout import fit_thresholds
from rhas.metrics.segmentation import Evaluation, evaluate_predictions
from rhas.report.timeline import draw_timeline

_TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class EvaluatedSubset:
    """The samples of a subset, what is predicted of them, and how good that is.

    Args:
        samples: at least one.
        predictions: of each.
        evaluation: of them all.
        metrics: those of ``evaluation``, and the published evaluator's.
        baselines: of the same samples.
        constant_class: id of the class that is everywhere in one of the baselines.
    """

    samples: Sequence[ScoredSample]
    predictions: Sequence[Prediction]
    evaluation: Evaluation
    metrics: MethodMetrics
    baselines: Baselines
    constant_class: int

    @property
    def truths(self) -> list[NDArray[np.bool_]]:
        """Labels (T, C) of each sample."""
        return [sample.truth for sample in self.samples]


def evaluate_method(
    method: ScoringMethod,
    val: WindowedSamples,
    test: WindowedSamples,
    config: EvaluateConfig,
    *,
    names: Sequence[str],
    fps: float,
    references: Mapping[str, Sequence[str]],
    out: Path,
    origin: Provenance,
    further: Sequence[Callable[[Path], None]] = (),
) -> EvaluationReport:
    """Scores both subsets and writes, into ``out``, all or nothing per entry and metrics.json last:

    ``evaluation.json`` (all metrics), ``metrics.json`` (those for a screen), ``baselines.json``,
    ``report.json``, ``readout.json`` (what is fitted on val), ``scores.zarr``, ``per_class.csv``,
    and of test ``intervals.csv``, ``films.csv``, ``persons.csv``, ``plots/*.csv``,
    ``timelines/<movie>_person_000.png``: docs/METRICS.md describes them. One evaluation at a time
    may write into ``out``.

    Args:
        names: the C class names.
        fps: frames per second of the samples.
        references: sentences by movie and person.
        out: a folder; entries of these names are replaced, others stay.
        origin: of the scores, for ``readout.json``.
        further: each writes more entries into the folder that it is given, where it finds all
            those before it; they take their places together.

    Returns:
        Sizes of the subsets, what was left out and which defaults were used, by name.

    Raises:
        RhasError: no test sample; scores of a wrong shape, not finite or outside [0, 1].
    """
    if len(test) == 0:
        raise RhasError(
            "no test sample, nothing to evaluate",
            where="data/samples/index.csv",
            do="add films, or change `split` or `chunk.fractions`",
        )
    scored = {
        name: score_samples(method, samples, config.seed, len(names))
        for name, samples in (("val", val), ("test", test))
    }
    readout = fit_readout(scored["val"], config.readout, names, origin)
    subsets = {name: evaluate_subset(items, readout) for name, items in scored.items() if items}
    report = EvaluationReport(
        _list_classes_without_truth(scored["val"], names),
        {name: _report_subset(subset, names) for name, subset in subsets.items()},
    )
    with _publish_folder(out) as folder:
        tables.write_scores(scored, folder / "scores.zarr")
        readout.write(folder / READOUT)
        evaluations = {name: subset.evaluation for name, subset in subsets.items()}
        tables.write_per_class(evaluations, readout.thresholds, names, folder / "per_class.csv")
        _write_test(subsets["test"], names, fps, references, folder)
        report.write(folder)
        write_baselines({name: subset.baselines for name, subset in subsets.items()}, folder)
        write_evaluation({name: subset.metrics for name, subset in subsets.items()}, folder)
        for write in further:
            write(folder)
    return report


def fit_readout(
    val: Sequence[ScoredSample], config: ReadoutConfig, names: Sequence[str], origin: Provenance
) -> FittedReadout:
    """Thresholds and calibration fitted on val; without a sample the default threshold and none."""
    truths, scores = [item.truth for item in val], [item.evaluated for item in val]
    thresholds = np.full(len(names), config.default_threshold)
    if val:
        thresholds = fit_thresholds(truths, scores, config)
    calibration = fit_calibration(truths, scores, config.median) if val else None
    return FittedReadout(origin, tuple(names), config, tuple(thresholds.tolist()), calibration)


def evaluate_subset(samples: Sequence[ScoredSample], readout: FittedReadout) -> EvaluatedSubset:
    """Predictions and metrics of the samples of a subset, at least one."""
    predictions = [readout.predict(sample.evaluated) for sample in samples]
    truths = [sample.truth for sample in samples]
    evaluation = evaluate_predictions(truths, predictions)
    published = evaluate_as_published(truths, [sample.scores for sample in samples])
    constant, constant_metrics = evaluate_constant_class(truths)
    return EvaluatedSubset(
        samples,
        predictions,
        evaluation,
        MethodMetrics.combine(evaluation.metrics, published),
        Baselines(evaluate_nothing(truths), constant_metrics, evaluate_chance(truths)),
        constant,
    )


def _write_test(
    test: EvaluatedSubset,
    names: Sequence[str],
    fps: float,
    references: Mapping[str, Sequence[str]],
    folder: Path,
) -> None:
    persons = join_windows(test.samples, test.predictions)
    tables.write_intervals(persons, names, fps, folder / "intervals.csv")
    tables.write_persons(persons, references, folder / "persons.csv")
    tables.write_films(test.samples, test.predictions, folder / "films.csv")
    (folder / "plots").mkdir()
    tables.write_plots(test.evaluation, test.truths, test.predictions, names, folder / "plots")
    (folder / "timelines").mkdir()
    for person in persons:
        _draw_person(person, names, fps, references, folder / "timelines")


def _draw_person(
    person: PersonResult,
    names: Sequence[str],
    fps: float,
    references: Mapping[str, Sequence[str]],
    folder: Path,
) -> None:
    reference = references[person.movie][person.person]
    title = f"{person.movie}, person {person.person}: {reference}"
    path = folder / f"{person.movie}_person_{person.person:03d}.png"
    draw_timeline(person.timeline, names, fps, title, path)


def _list_classes_without_truth(val: Sequence[ScoredSample], names: Sequence[str]) -> list[str]:
    known = np.zeros(len(names), bool)
    for item in val:
        known |= item.truth.any(axis=0)
    return [name for name, found in zip(names, known, strict=True) if not found]


def _report_subset(subset: EvaluatedSubset, names: Sequence[str]) -> SubsetReport:
    samples = subset.samples
    persons = {(item.window.movie, item.window.person) for item in samples}
    found = {(item.window.movie, item.window.person) for item in samples if item.present.any()}
    return SubsetReport(
        samples=len(samples),
        frames=sum(len(item.truth) for item in samples),
        background_frames=sum(int((~item.truth.any(axis=1)).sum()) for item in samples),
        frames_without_crop=sum(int((~item.present).sum()) for item in samples),
        persons_without_crop=[
            f"{movie} person {person}" for movie, person in sorted(persons - found)
        ],
        constant_class=names[subset.constant_class],
        other_means=subset.evaluation.other_means,
    )


@contextmanager
def _publish_folder(out: Path) -> Iterator[Path]:
    """A folder whose entries take their places in ``out`` when the block ends without an error.

    metrics.json comes last, so it never is ahead of the others.
    """
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(f"{_TEMPORARY}*"):  # by a killed run
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=out, prefix=_TEMPORARY) as name:
        folder = Path(name)
        yield folder
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == SCREEN):
            target = out / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(entry, target)
