"""The records of a training run: its progress, which the checkpoint holds, and its report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rhas.methods import Dims

EpochValues = dict[str, float]  # losses and metrics of an epoch by the name of their curve


@dataclass
class RunProgress:
    """How far a run is, and what it has measured.

    Args:
        epoch: epochs that are complete.
        update: optimizer steps of all epochs.
        sums: of the current epoch: values times samples.
        curves: the values of each complete epoch.
        best_epoch: the epoch of the best validation, 0 without one.
        best_value: what ``TrainConfig.monitor`` was there.
    """

    epoch: int = 0
    update: int = 0
    sums: EpochValues = field(default_factory=dict)
    curves: list[EpochValues] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float = -math.inf

    def count_waiting(self, monitored: str) -> int:
        """Validations since the best one."""
        return sum(
            number > self.best_epoch and monitored in values
            for number, values in enumerate(self.curves, 1)
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunProgress:
        return cls(**{item.name: values[item.name] for item in fields(cls)})


@dataclass(frozen=True)
class TrainReport:
    """What ``fit`` has done.

    Args:
        method: its name.
        preset: of its parameters.
        overrides: parameters that differ from the preset.
        parameters: numbers that were trained.
        dims: sizes of the data.
        samples: of train and val.
        epochs: epochs that ran.
        updates: optimizer steps.
        last: the last value of every curve.
        best: epoch and monitored value of the retained weights, with ``patience``; else empty.
        fusion: the weights of a method's branches, where it fits them; else empty.
    """

    method: str
    preset: str
    overrides: Mapping[str, Any]
    parameters: int
    dims: Dims
    samples: Mapping[str, int]
    epochs: int
    updates: int
    last: EpochValues
    best: EpochValues = field(default_factory=dict)
    fusion: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """``report.json`` of the model's folder."""
        values = asdict(self)
        values["steps"] = values.pop("updates")
        best, fusion = values.pop("best"), values.pop("fusion")
        return {
            **values,
            **({"best": best} if best else {}),
            **({"fusion": fusion} if fusion else {}),
        }
