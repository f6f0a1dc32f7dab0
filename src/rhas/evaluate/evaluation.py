"""Evaluation: a method's scores on val and test, the metrics, and the files of ``results/``.

Thresholds are fitted on val and used on both. B batch, L frames of a sample, T real frames of it,
C classes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.evaluate import tables
from rhas.evaluate.features import ProbeConfig
from rhas.evaluate.fitted import READOUT, FittedReadout, Origin, fit_calibration
from rhas.evaluate.scored import PersonResult, Scored
from rhas.metrics.baselines import chance, constant_class
from rhas.metrics.names import SCREEN_METRICS
from rhas.metrics.published import as_published
from rhas.metrics.readout import ReadoutConfig, fit_thresholds, read_out
from rhas.metrics.segmentation import CleanMetrics, Prediction, clean_metrics
from rhas.report.timeline import Timeline, draw_timeline

_TEMPORARY = ".tmp-"


class Method(Protocol):
    """What every method offers: class probabilities of a batch."""

    def scores(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
        """(B, L, C) in [0, 1], from a batch of DESIGN.md without labels and boundary.

        All randomness is drawn from ``generator``, a CPU generator.
        """
        ...


class SampleSet(Protocol):
    """A side of the split: items are rows of the batch, ``samples`` their windows in order."""

    @property
    def samples(self) -> Sequence[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, number: int) -> Mapping[str, torch.Tensor]: ...


@dataclass(frozen=True)
class EvaluateConfig:
    """How a trained method is evaluated.

    Args:
        seed: of the sampling; each sample draws from its own generator, seeded by this and its
            name, so neither order nor company changes its scores.
        readout: from scores to intervals.
        probe: of the features.
        sheet_frames: frames of a contact sheet, 1 to 500: a JPEG has no more room.
    """

    seed: int
    readout: ReadoutConfig = field(default_factory=ReadoutConfig)
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    sheet_frames: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.sheet_frames <= 500:
            raise RhasError(
                "a contact sheet has 1 to 500 frames",
                where="evaluate.sheet_frames",
                got=str(self.sheet_frames),
            )


def evaluate_method(
    method: Method,
    val: SampleSet,
    test: SampleSet,
    config: EvaluateConfig,
    *,
    names: Sequence[str],
    fps: float,
    references: Mapping[str, Sequence[str]],
    out: Path,
    origin: Origin,
    further: Sequence[Callable[[Path], None]] = (),
    progress: Callable[[int], None] = lambda frames: None,
) -> dict[str, Any]:
    """Scores both splits and writes, into ``out``, all or nothing per entry and metrics last:

    ``evaluation.json`` (all metrics), ``metrics.json`` (those for a screen), ``baselines.json``,
    ``report.json``, ``readout.json`` (what is fitted on val), ``scores.zarr``, ``per_class.csv``,
    and of test ``intervals.csv``, ``persons.csv``, ``timelines/<movie>_person_000.png``,
    ``plots/*.csv``: docs/METRICS.md describes them. One evaluation at a time may write into
    ``out``.

    Args:
        names: the C class names.
        fps: frames per second of the samples.
        references: sentences by movie and person.
        out: a folder; entries of these names are replaced, others stay.
        origin: of the scores, for ``readout.json``.
        further: each writes more entries into the folder that it is given, where it finds all
            those before it; they take their places together.
        progress: called with the number of frames after each sample.

    Returns:
        The report: sizes of the splits, what was left out and which defaults were used, by name.

    Raises:
        RhasError: no test sample; scores of a wrong shape, not finite or outside [0, 1].
    """
    if len(test) == 0:
        raise RhasError(
            "no test sample, nothing to evaluate",
            where="data/samples/index.csv",
            do="add films, or change `split` or `chunk.fractions`",
        )
    seen = {
        side: score_samples(method, samples, config.seed, len(names), progress)
        for side, samples in (("val", val), ("test", test))
    }
    thresholds = _thresholds(seen["val"], config.readout, len(names))
    said = {
        side: [read_out(_clean(item), thresholds, config.readout) for item in items]
        for side, items in seen.items()
    }
    metrics: dict[str, Any] = {"val": {}}
    baselines: dict[str, Any] = {"val": {}}
    clean: dict[str, CleanMetrics] = {}
    report: dict[str, Any] = {
        "classes_with_default_threshold": _without_truth(seen["val"], names),
    }
    for side, items in seen.items():
        if items:
            truths = [item.truth for item in items]
            clean[side] = clean_metrics(truths, said[side])
            constant, constant_figures = constant_class(truths)
            metrics[side] = {
                **clean[side].figures,
                "as_published": as_published(truths, [item.scores for item in items]),
            }
            baselines[side] = {"constant_class": constant_figures, "chance": chance(truths)}
            report[side] = {
                **_sizes(items),
                "constant_class": names[constant],
                "other_means": clean[side].other_means,
            }

    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(f"{_TEMPORARY}*"):  # by a killed run
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=out, prefix=_TEMPORARY) as name:
        folder = Path(name)
        persons = _persons(seen["test"], said["test"])
        tables.write_scores(seen, folder / "scores.zarr")
        _fitted(seen["val"], thresholds, config.readout, names, origin).write(folder / READOUT)
        tables.write_per_class(clean, thresholds, names, folder / "per_class.csv")
        tables.write_intervals(persons, names, fps, folder / "intervals.csv")
        tables.write_persons(persons, references, folder / "persons.csv")
        (folder / "plots").mkdir()
        truths = [item.truth for item in seen["test"]]
        tables.write_plots(clean["test"], truths, said["test"], names, folder / "plots")
        (folder / "timelines").mkdir()
        for person in persons:
            label = f"{person.movie}, person {person.person}"
            draw_timeline(
                person.timeline,
                names,
                fps,
                f"{label}: {references[person.movie][person.person]}",
                folder / "timelines" / f"{person.movie}_person_{person.person:03d}.png",
            )
        tables.write_figures(folder / "report.json", report)
        tables.write_figures(folder / "baselines.json", baselines)
        tables.write_figures(folder / "evaluation.json", metrics)
        tables.write_figures(folder / "metrics.json", select_screen_metrics(metrics))
        for write in further:
            write(folder)
        _publish(folder, out)
    return report


def select_screen_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each side those that ``dvc metrics show`` prints: a few, so that they fit a screen."""
    keys = [metric.key for metric in SCREEN_METRICS]
    return {
        side: {key: values[key] for key in keys if key in values}
        for side, values in metrics.items()
    }


def score_samples(
    method: Method,
    samples: SampleSet,
    seed: int,
    classes: int,
    progress: Callable[[int], None] = lambda frames: None,
) -> list[Scored]:
    """The method's scores of every sample, one at a time, each with its own generator.

    The method sees neither labels nor boundaries.

    Raises:
        RhasError: scores of a wrong shape, not finite, or outside [0, 1]; names the sample.
    """
    scored = []
    for number, window in enumerate(samples.samples):
        row = samples[number]
        batch = {k: v[None] for k, v in row.items() if k not in ("labels", "boundary")}
        with torch.inference_mode():
            said = method.scores(batch, sample_generator(seed, window.sample))
        length, mask = len(row["mask"]), row["mask"].numpy()
        if said.shape != (1, length, classes):
            raise RhasError(
                "the method's scores have a wrong shape",
                where=f"sample {window.sample}",
                expected=f"(B, L, C) = {(1, length, classes)}",
                got=str(tuple(said.shape)),
            )
        scores = said[0].float().cpu().numpy()[mask]
        if not (np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1).all()):
            raise RhasError(
                "the method's scores are not probabilities",
                where=f"sample {window.sample}",
                expected="finite values in [0, 1]",
                got=_range(scores),
                do="if training diverged, lower the learning rate",
            )
        if len(scores) != window.stop - window.start:
            raise RhasError(
                "the mask does not fit the sample's window",
                where=f"sample {window.sample}",
                expected=f"{window.stop - window.start} frames",
                got=str(len(scores)),
                do="run `dvc repro chunk`",
            )
        truth = row["labels"].numpy()[mask] != 0
        scored.append(Scored(window, scores, truth, row["present"].numpy()[mask]))
        progress(len(scores))
    return scored


def _range(scores: NDArray[np.floating]) -> str:
    finite = scores[np.isfinite(scores)]
    span = f"{finite.min()} to {finite.max()}, " if finite.size else ""
    return f"{span}{scores.size - finite.size} of {scores.size} not finite"


def sample_generator(seed: int, sample: str) -> torch.Generator:
    """The random numbers of one sample, the same in whatever order samples come."""
    digest = hashlib.sha256(f"{seed}:{sample}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _persons(items: Sequence[Scored], said: Sequence[Prediction]) -> list[PersonResult]:
    groups = defaultdict(list)
    for item, prediction in zip(items, said, strict=True):
        groups[item.window.movie, item.window.person].append((item, prediction))
    persons = []
    for (movie, person), windows in sorted(groups.items()):
        first = min(item.window.start for item, _ in windows)
        frames = max(item.window.stop for item, _ in windows) - first
        classes = windows[0][0].truth.shape[1]
        truth, predicted = np.zeros((2, frames, classes), bool)
        present, covered = np.zeros((2, frames), bool)
        scores = np.zeros((frames, classes), np.float32)
        for item, prediction in windows:
            at = slice(item.window.start - first, item.window.stop - first)
            truth[at], predicted[at] = item.truth, prediction.active
            present[at], covered[at], scores[at] = item.present, True, prediction.scores
        timeline = Timeline(truth, predicted, present, covered, first)
        persons.append(PersonResult(movie, person, timeline, scores))
    return persons


def _clean(item: Scored) -> NDArray[np.float32]:
    return item.stored.astype(np.float32)


def _thresholds(val: Sequence[Scored], config: ReadoutConfig, classes: int) -> NDArray[np.float64]:
    if not val:
        return np.full(classes, config.default_threshold)
    return fit_thresholds([item.truth for item in val], [_clean(item) for item in val], config)


def _fitted(
    val: Sequence[Scored],
    thresholds: NDArray[np.float64],
    config: ReadoutConfig,
    names: Sequence[str],
    origin: Origin,
) -> FittedReadout:
    calibration = (
        fit_calibration([v.truth for v in val], [_clean(v) for v in val], config.median)
        if val
        else None
    )
    return FittedReadout(origin, tuple(names), config, tuple(thresholds.tolist()), calibration)


def _without_truth(val: Sequence[Scored], names: Sequence[str]) -> list[str]:
    there = np.zeros(len(names), bool)
    for item in val:
        there |= item.truth.any(axis=0)
    return [name for name, known in zip(names, there, strict=True) if not known]


def _sizes(items: Sequence[Scored]) -> dict[str, Any]:
    persons = {(item.window.movie, item.window.person) for item in items}
    found = {(item.window.movie, item.window.person) for item in items if item.present.any()}
    return {
        "samples": len(items),
        "frames": sum(len(item.truth) for item in items),
        "background_frames": sum(int((~item.truth.any(axis=1)).sum()) for item in items),
        "frames_without_crop": sum(int((~item.present).sum()) for item in items),
        "persons_without_crop": [
            f"{movie} person {person}" for movie, person in sorted(persons - found)
        ],
    }


def _publish(folder: Path, out: Path) -> None:
    """Moves each entry of ``folder`` to its place; metrics.json last, so it never is ahead."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == "metrics.json"):
        target = out / entry.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(entry, target)
