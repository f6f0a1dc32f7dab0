"""What the report is made of: the files of ``results/`` and those of the stages before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rhas.base.files import read_csv, read_json
from rhas.evaluate.stores import Stores
from rhas.stores.samples import SampleIndex, SampleInfo


@dataclass(frozen=True)
class Origin:
    """What a run was made of, and with.

    Args:
        stores: the folders of the data set; those that are absent are said to be.
        samples: ``data/samples``.
        model: ``models/<method>``.
        settings: the parameters by section, as in params.yaml.
        lock: ``dvc.lock``; it may be absent.
    """

    stores: Stores
    samples: Path
    model: Path
    settings: Mapping[str, Any]
    lock: Path

    @property
    def info(self) -> SampleInfo:
        """What the samples have in common."""
        return SampleIndex.read(self.samples).info

    @property
    def features(self) -> Path:
        """The folder of feature stores that the samples come from."""
        return Path(self.info.features)


@dataclass(frozen=True)
class Results:
    """The files of ``results/`` (docs/METRICS.md), as they are."""

    folder: Path
    evaluation: Mapping[str, Any]
    baselines: Mapping[str, Any]
    report: Mapping[str, Any]
    grounding: Mapping[str, Any]
    features: Mapping[str, Any]
    per_class: Sequence[Mapping[str, str]]
    persons: Sequence[Mapping[str, str]]
    confusion: Sequence[Mapping[str, str]]
    reliability: Sequence[Mapping[str, str]]
    seeds: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """evaluation.json of runs that differ in their seed alone, this one included."""

    @staticmethod
    def read(folder: Path, seeds: Mapping[int, Mapping[str, Any]] | None = None) -> Results:
        """Reads them.

        Raises:
            RhasError: one is absent.
        """
        read: dict[str, Any] = {
            name: read_json(folder / f"{name}.json")
            for name in ("evaluation", "baselines", "report", "grounding", "features")
        }
        for name in ("per_class", "persons", "plots/confusion", "plots/reliability"):
            read[Path(name).name] = read_csv(folder / f"{name}.csv")
        return Results(folder=folder, seeds=seeds or {}, **read)


def locked_outs(lock: Path, before: str = "evaluate") -> dict[str, str]:
    """MD5 by path of what the stages of ``dvc.lock`` made, those of ``before`` left out: while that
    one runs, the lock still names what it made last time."""
    if not lock.is_file():
        return {}
    stages = (yaml.safe_load(lock.read_text("utf-8")) or {}).get("stages", {})
    return {
        out["path"]: str(out.get("md5", ""))
        for name, stage in stages.items()
        if name != before
        for out in stage.get("outs", [])
    }
