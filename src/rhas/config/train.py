"""Parameters of the train stage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from rhas.base.errors import RhasError
from rhas.config.section import Count, DeviceChoice, Section, Seed

_PER_CORE = 16  # more would wait for each other for ever
Value = bool | int | float | str | tuple[bool | int | float | str, ...] | None
Monitor = Literal["map", "acc", "edit", "f1_10", "f1_25", "f1_50", "label_set_iou"]


class TrainConfig(Section):
    """How a method is trained."""

    section: ClassVar[str] = "train"
    switches: ClassVar[tuple[str, ...]] = ("method", "seed")

    method: str
    """The method, see ``rhas.methods``."""
    seed: Seed
    """Seed of parameters, order and noise."""
    preset: str = "mini"
    """Name of a set of the method's parameters."""
    overrides: Mapping[str, Mapping[str, Value]] = {}
    """By method: single parameters that differ from the preset."""
    epochs: Count = 30
    """Passes over the training samples."""
    batch_size: Count = 1
    """B, samples of a batch."""
    accumulate: Count = 1
    """Batches whose gradients make one update; each weighs by its real frames. Several processes
    share them."""
    processes: int = Field(default=1, ge=1, le=1024)
    """Processes of torchrun, which the stage starts, each on its own GPU where the device is
    ``cuda``; must divide ``accumulate``. The number changes rounding alone."""
    learning_rate: float = Field(default=1e-3, gt=0, le=100)
    """AdamW's, after the warm-up."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Learning rate after the warm-up: ``constant``, or ``cosine`` to 0."""
    warmup: int = Field(default=20, ge=0, le=1_000_000_000)
    """Updates in which the learning rate grows from 0."""
    weight_decay: float = Field(default=0.01, ge=0, le=1_000_000)
    """AdamW's, on matrices; biases and norms have none. At most 1 / learning_rate."""
    ema: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the averaged weights, which are those that are kept; 0 keeps the last ones. Early on
    it is less, (1 + updates) / (10 + updates)."""
    clip: float = Field(default=1.0, gt=0, le=1_000_000_000)
    """Largest norm of the gradient."""
    validate_every: Count = 10
    """Epochs between validations; the last epoch is always validated."""
    monitor: Monitor = "map"
    """The validation's metric that ``patience`` watches."""
    patience: int = Field(default=0, ge=0, le=1_000_000_000)
    """Validations without a better ``monitor`` after which training ends; the weights of the best
    one are kept. 0 trains all epochs and keeps the last weights."""
    save_minutes: float = Field(default=2.0, ge=0, le=1_000_000)
    """Minutes between checkpoints to restart from; never changes the result."""
    threads: int = Field(default=2, ge=1, le=1024)
    """Threads of torch, per process; another number gives other rounding."""
    device: DeviceChoice = "cpu"
    """Torch device of the method; ``auto``: a GPU where there is one."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """``bfloat16`` for matrix products; weights, sums over time and losses stay float32."""
    compile: bool = False
    """Pass the network and its losses through ``torch.compile`` for the updates (not for
    validations), in every process: fewer and larger operations. The first updates wait minutes for
    the compiler; on a CPU that needs a C++ compiler. Draws other dropout, as another seed does."""
    memory_gb: float = Field(default=2.0, ge=0, le=1_000_000)
    """Samples are kept in memory up to this size, the others read anew in every epoch; never
    changes the result."""

    @field_validator("overrides", mode="before")
    @classmethod
    def _check_overrides(cls, value: object) -> object:
        if isinstance(value, Mapping) and all(
            isinstance(fields, Mapping | None) for fields in value.values()
        ):
            return {method: fields or {} for method, fields in value.items()}
        if value is None:
            return {}
        raise RhasError(
            "not listed by method",
            where="train.overrides",
            expected="method: {parameter: value}",
            got=repr(value),
            do="write single parameters below their method: `hopadiff: {bca: false}`",
        )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.accumulate % self.processes:
            raise _out_of_range(
                "processes", f"a divisor of accumulate, {self.accumulate}", self.processes
            )
        if self.learning_rate * self.weight_decay > 1:  # weights would change their sign
            raise _out_of_range(
                "weight_decay", f"at most {1 / self.learning_rate:g}", self.weight_decay
            )
        return self

    def check_machine(self) -> None:
        """Checks the device, that there is a GPU for each process, and that no core gets more
        processes or threads than it can serve."""
        super().check_machine()
        most = _PER_CORE * (os.cpu_count() or 1)
        for name in ("threads", "processes"):
            if (value := getattr(self, name)) > most:
                raise _out_of_range(name, f"at most {most} on this machine", value)
        if self.device == "cuda":
            import torch  # seconds, which a CPU's configuration does not need

            if (found := torch.cuda.device_count()) < self.processes:
                raise _out_of_range("processes", f"at most {found} GPUs", self.processes)

    @property
    def method_overrides(self) -> Mapping[str, Any]:
        """Those of ``method``, as JSON-able values."""
        return self.model_dump(mode="json")["overrides"].get(self.method, {})

    def key_values(self) -> dict[str, Any]:
        """Without the overrides of other methods."""
        return {**super().key_values(), "overrides": self.method_overrides}


def _out_of_range(name: str, expected: str, got: object) -> RhasError:
    return RhasError(
        "parameter out of range", where=f"train.{name}", expected=expected, got=str(got)
    )
