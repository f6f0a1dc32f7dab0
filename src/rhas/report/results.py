"""The files of ``results/`` as the report reads them (docs/METRICS.md describes them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.base.files import read_csv, read_json

Metrics = Mapping[str, float | None]
"""Metrics by key; those of a part have its name before them: ``as_published.acc``."""


@dataclass(frozen=True)
class Grounding:
    """``grounding.json``.

    Args:
        truth: whether true boxes exist.
        subsets: metrics by subset.
        films: movie, subset and metrics of each.
    """

    truth: bool
    subsets: Mapping[str, Metrics]
    films: Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class RunResults:
    """The files of an evaluation.

    Args:
        folder: ``results/``.
        test, val: of ``evaluation.json``; val is empty without a sample.
        nothing, constant_class, chance: of ``baselines.json``, on test.
        grounding: of ``grounding.json``.
        features: of ``features.json``.
    """

    folder: Path
    test: Metrics
    val: Metrics
    nothing: Metrics
    constant_class: Metrics
    chance: Metrics
    grounding: Grounding
    features: Metrics

    @staticmethod
    def read(folder: Path) -> RunResults:
        """Reads them.

        Raises:
            RhasError: one is absent, or not JSON.
        """
        evaluation = read_json(folder / "evaluation.json")
        baselines = read_json(folder / "baselines.json")["test"]
        grounding = dict(read_json(folder / "grounding.json"))
        truth, films = bool(grounding.pop("truth")), grounding.pop("films", [])
        return RunResults(
            folder,
            flatten_metrics(evaluation["test"]),
            flatten_metrics(evaluation["val"]),
            flatten_metrics(baselines["nothing"]),
            flatten_metrics(baselines["constant_class"]),
            flatten_metrics(baselines["chance"]),
            Grounding(truth, {k: flatten_metrics(v) for k, v in grounding.items()}, films),
            read_json(folder / "features.json"),
        )

    @property
    def per_class(self) -> list[dict[str, str]]:
        """Rows of test in ``per_class.csv``, the highest average precision first."""
        rows = [row for row in read_csv(self.folder / "per_class.csv") if row["split"] == "test"]
        return sorted(rows, key=lambda row: (-float(row["ap"]), row["class"]))

    @property
    def persons(self) -> list[dict[str, str]]:
        """Rows of ``persons.csv``."""
        return read_csv(self.folder / "persons.csv")

    @property
    def confusion(self) -> list[dict[str, str]]:
        """Rows of ``plots/confusion.csv``."""
        return read_csv(self.folder / "plots" / "confusion.csv")

    @property
    def reliability(self) -> list[dict[str, str]]:
        """Rows of ``plots/reliability.csv``."""
        return read_csv(self.folder / "plots" / "reliability.csv")


def flatten_metrics(values: Mapping[str, object], prefix: str = "") -> dict[str, float | None]:
    """Metrics of nested JSON objects by dotted key."""
    flat: dict[str, float | None] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten_metrics(value, f"{prefix}{key}.")
        elif value is None or isinstance(value, int | float):
            flat[prefix + key] = value
    return flat
