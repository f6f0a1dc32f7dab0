"""The JSON files of ``results/`` as records (docs/METRICS.md describes them)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rhas.base.files import write_json
from rhas.metrics.evaluation import MethodMetrics
from rhas.metrics.names import SCREEN_METRICS
from rhas.metrics.segmentation import OtherMeans, SegmentationMetrics

EVALUATION, SCREEN = "evaluation.json", "metrics.json"


@dataclass(frozen=True)
class Baselines:
    """Metrics of answers that know no film.

    Args:
        nothing: no class in any frame.
        constant_class: the most frequent class in every frame.
        chance: uniform random scores.
    """

    nothing: SegmentationMetrics
    constant_class: MethodMetrics
    chance: MethodMetrics


@dataclass(frozen=True)
class SubsetReport:
    """Sizes of a subset, and what is missing in it.

    Args:
        samples, frames: how many.
        background_frames: frames without a label.
        frames_without_crop: frames without a crop of the person.
        persons_without_crop: those who have no crop at all.
        constant_class: name of the most frequent class.
        other_means: metrics under the other mean.
    """

    samples: int
    frames: int
    background_frames: int
    frames_without_crop: int
    persons_without_crop: list[str]
    constant_class: str
    other_means: OtherMeans


@dataclass(frozen=True)
class EvaluationReport:
    """``report.json``.

    Args:
        classes_with_default_threshold: names of those without a true frame in val.
        subsets: by name, val only where it has a sample.
    """

    classes_with_default_threshold: list[str]
    subsets: Mapping[str, SubsetReport]

    def write(self, folder: Path) -> None:
        """Writes ``folder/report.json``."""
        values = {name: asdict(subset) for name, subset in self.subsets.items()}
        names = self.classes_with_default_threshold
        write_metrics(folder / "report.json", {**values, "classes_with_default_threshold": names})


def write_evaluation(metrics: Mapping[str, MethodMetrics], folder: Path) -> None:
    """Writes ``evaluation.json`` and, of it, ``metrics.json``: the few that fit a screen.

    Args:
        metrics: by subset; val is empty where it is absent.
        folder: ``results/``.
    """
    values = {"val": {}, **{name: asdict(subset) for name, subset in metrics.items()}}
    write_metrics(folder / EVALUATION, values)
    keys = [metric.key for metric in SCREEN_METRICS]
    screen = {
        name: {key: subset[key] for key in keys if key in subset} for name, subset in values.items()
    }
    write_metrics(folder / SCREEN, screen)


def write_baselines(baselines: Mapping[str, Baselines], folder: Path) -> None:
    """Writes ``baselines.json``."""
    values = {"val": {}, **{name: asdict(subset) for name, subset in baselines.items()}}
    write_metrics(folder / "baselines.json", values)


def write_metrics(path: Path, values: Mapping[str, object]) -> None:
    """JSON with numbers to 4 decimals, null for a metric that does not exist."""
    write_json(path, _round_floats(values))


def _round_floats(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _round_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_round_floats(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value
