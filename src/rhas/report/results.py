"""The files of ``results/`` as the report reads them (docs/METRICS.md describes them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.files import read_csv, read_json

Metrics = Mapping[str, float | None]
"""Metrics by key; those of a part have its name before them: ``as_published.acc``."""
_AGAIN = "run `dvc repro`"


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
            RhasError: one is absent, not JSON, or not what the stage writes.
        """
        path = folder / "evaluation.json"
        test, val = _take_parts(path, read_json(path), "test", "val")
        path = folder / "baselines.json"
        (answers,) = _take_parts(path, read_json(path), "test")
        floors = _take_parts(path, answers, "nothing", "constant_class", "chance")
        nothing, constant_class, chance = map(flatten_metrics, floors)
        return RunResults(
            folder,
            flatten_metrics(test),
            flatten_metrics(val),
            nothing,
            constant_class,
            chance,
            _read_grounding(folder / "grounding.json"),
            flatten_metrics(read_object(folder / "features.json", "chance")),
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


def read_object(path: Path, *names: str) -> dict[str, Any]:
    """The JSON object of a file that a stage wrote.

    Args:
        path: the file.
        names: keys that it has.

    Raises:
        RhasError: no such file, not JSON, no object, or one without such a key.
    """
    values = read_json(path)
    if not isinstance(values, dict) or not set(names) <= set(values):
        raise _form_error(path, names)
    return values


def _take_parts(path: Path, values: object, *names: str) -> list[Mapping[str, object]]:
    """Objects in an object of a file, by their names."""
    found = [values.get(name) if isinstance(values, Mapping) else None for name in names]
    parts = [part for part in found if isinstance(part, Mapping)]
    if len(parts) < len(names):
        raise _form_error(path, names)
    return parts


def _read_grounding(path: Path) -> Grounding:
    values = read_object(path, "truth")
    truth, films = bool(values.pop("truth")), values.pop("films", [])
    if not isinstance(films, list) or not all(isinstance(film, Mapping) for film in films):
        raise RhasError("films are no list of objects", where=str(path), do=_AGAIN)
    subsets = zip(values, _take_parts(path, values, *values), strict=True)
    return Grounding(truth, {name: flatten_metrics(part) for name, part in subsets}, films)


def _form_error(path: Path, names: Sequence[str]) -> RhasError:
    return RhasError(
        "not what the stage writes", where=str(path),
        expected=f"an object with {', '.join(names)}" if names else "an object", do=_AGAIN,
    )  # fmt: skip


def flatten_metrics(values: Mapping[str, object], prefix: str = "") -> dict[str, float | None]:
    """Metrics of nested JSON objects by dotted key."""
    flat: dict[str, float | None] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten_metrics(value, f"{prefix}{key}.")
        elif value is None or isinstance(value, int | float):
            flat[prefix + key] = value
    return flat
