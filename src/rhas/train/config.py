"""How a method is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.methods import METHODS


@dataclass(frozen=True)
class TrainConfig:
    """How a method is trained.

    Args:
        method: which one, see ``rhas.methods``.
        seed: of parameters, order and noise.
        preset: of the method's parameters.
        overrides: single parameters of the method that differ from the preset.
        epochs: passes over the training samples.
        batch_size: B.
        accumulate: batches whose gradients make one step; each weighs by its real frames. Several
            processes share them.
        processes: of torchrun, which the stage starts, each on its own GPU where the device is
            ``cuda``; must divide ``accumulate``. It changes rounding alone.
        learning_rate: AdamW's, after the warm-up.
        schedule: of the learning rate after the warm-up: ``constant``, or ``cosine`` to 0.
        warmup: steps in which the learning rate grows from 0.
        weight_decay: AdamW's, on matrices; biases and norms have none.
        ema: decay of the averaged weights, which are those that are kept; 0 keeps the last ones.
            Early on it is less, (1 + steps) / (10 + steps).
        clip: largest norm of the gradient.
        validate_every: epochs between validations; the last epoch is always validated.
        monitor: the validation's figure that ``patience`` watches.
        patience: validations without a better ``monitor`` after which training ends; the weights
            of the best one are kept. 0 trains all epochs and keeps the last weights.
        save_minutes: between checkpoints to restart from; never changes the result.
        threads: of torch, per process; another number gives other rounding.
        device: ``cpu`` or ``cuda``.
        precision: ``float32``, or ``bfloat16`` for matrix products (weights, sums over time and
            losses stay float32).
        memory_gb: samples are kept in memory up to this size, the others read anew in every
            epoch; never changes the result.
    """

    method: str
    seed: int
    preset: str = "mini"
    overrides: dict = field(default_factory=dict)
    epochs: int = 30
    batch_size: int = 1
    accumulate: int = 1
    processes: int = 1
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: int = 20
    weight_decay: float = 0.01
    ema: float = 0.99
    clip: float = 1.0
    validate_every: int = 10
    monitor: Literal["map", "acc", "edit", "f1_10", "f1_25", "f1_50", "label_set_iou"] = "map"
    patience: int = 0
    save_minutes: float = 2.0
    threads: int = 1
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"
    memory_gb: float = 2.0

    def __post_init__(self) -> None:
        for name in (
            "epochs", "batch_size", "accumulate", "processes", "validate_every", "threads",
        ):  # fmt: skip
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("learning_rate", "clip"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in ("warmup", "weight_decay", "patience", "save_minutes", "memory_gb"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(0 <= self.ema < 1, "ema", "from 0, below 1", self.ema)
        _require(
            self.accumulate % self.processes == 0,
            "processes",
            f"a divisor of accumulate, {self.accumulate}",
            self.processes,
        )
        if self.device == "cuda":
            _require(torch.cuda.is_available(), "device", "cpu (torch finds no GPU)", "cuda")
            found = torch.cuda.device_count()
            _require(found >= self.processes, "processes", f"at most {found} GPUs", self.processes)


def train_config(method: str, seed: int, section: Mapping[str, Any]) -> TrainConfig:
    """The configuration of one method from params.yaml's section ``train``.

    Args:
        method: which one.
        seed: of parameters, order and noise.
        section: parameters by name; its ``overrides`` are listed by method.

    Raises:
        RhasError: an unknown method or parameter, or one out of range.
    """
    overrides = section.get("overrides") or {}
    where = "params.yaml, train.overrides"
    if not isinstance(overrides, Mapping):
        raise RhasError(
            "not listed by method", where=where, expected="method: {parameter: value}",
            got=repr(overrides),
        )  # fmt: skip
    for name in overrides:
        if name not in METHODS:
            raise RhasError(
                f"no method '{name}'", where=where, expected=", ".join(METHODS),
                do="write single parameters below their method: `hopadiff: {bca: false}`",
            )  # fmt: skip
    own = {**section, "method": method, "seed": seed, "overrides": overrides.get(method) or {}}
    return from_mapping(TrainConfig, own, "params.yaml, train")


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise RhasError(
            "parameter out of range",
            where=f"params.yaml, train.{name}",
            expected=expected,
            got=str(got),
        )
