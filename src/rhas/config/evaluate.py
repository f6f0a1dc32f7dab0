"""Parameters of the evaluate stage."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rhas.base.errors import RhasError
from rhas.config.section import Count, Section, Seed


class ReadoutConfig(Section):
    """How scores become intervals."""

    section: ClassVar[str] = "evaluate.readout"

    median: int = Field(default=25, ge=1, le=100_001)
    """Frames of the median filter over time, odd; 1 leaves the scores as they are."""
    min_frames: Count = 8
    """Shorter predicted intervals are dropped; 1 keeps all."""
    objective: Literal["pooled", "class"] = "pooled"
    """What the thresholds maximise on val. ``pooled``: the frame F1 of all classes together, so a
    class is predicted where that is worth its false alarms. Example: a class whose best precision
    is 0.1 is never predicted while the others reach F1 0.6. ``class``: each class's own frame F1;
    the class of the example is predicted nearly everywhere, since any recall beats none."""
    default_threshold: float = Field(default=0.5, gt=0, lt=1)
    """Threshold of classes that do not occur in val."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.median < 1 or self.median % 2 == 0:
            raise RhasError(
                "the median filter needs an odd number of frames",
                where="evaluate.readout.median",
                expected="1, 3, 5, ...",
                got=str(self.median),
            )
        return self


class ProbeConfig(Section):
    """How features are probed."""

    section: ClassVar[str] = "evaluate.probe"

    stride: Count = 5
    """Every stride-th frame of a film is used: 0, stride, 2 stride, ..."""
    l2: float = Field(default=0.01, ge=0, le=1_000_000)
    """Weight of the squared norm of the probe's weights."""


class EvaluateConfig(Section):
    """How a trained method is evaluated."""

    section: ClassVar[str] = "evaluate"
    switches: ClassVar[tuple[str, ...]] = ("seed",)

    seed: Seed
    """Seed of the sampling; each sample draws from its own generator, seeded by this and its name,
    so neither order nor company changes its scores."""
    readout: ReadoutConfig = ReadoutConfig()
    """How scores become intervals."""
    probe: ProbeConfig = ProbeConfig()
    """How features are probed."""
    sheet_frames: int = Field(default=24, ge=1, le=500)
    """Frames of a contact sheet; a JPEG cannot hold more."""
