"""Parameters of the ground stage."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rhas.base.errors import RhasError
from rhas.config.section import Count, DeviceChoice, Dtype, Section

Backend = Literal["transformers", "official", "tracks", "truth"]
Policy = Literal["max", "mean", "logit_mean", "last"]
Prompting = Literal["packed", "separate"]


class GroundConfig(Section):
    """How persons are found in frames."""

    section: ClassVar[str] = "ground"

    backend: Backend = "transformers"
    """Implementation: ``transformers`` (hub format), ``official`` (groundingdino-py: .pth and
    config), ``tracks`` (the boxes of boxes.csv; whom nobody drew, and stretches that nobody looked
    at, as ``transformers``), or ``truth`` (RHAS-mini alone: its true boxes, which marks every
    output)."""
    checkpoint: str = "weights/grounding"
    """A local folder, or a hub name that is on this machine already. ``truth`` reads none."""
    stride: Count = 5
    """Every stride-th working frame is grounded: 0, stride, 2·stride, ..."""
    prompting: Prompting = "packed"
    """How a film's references share a frame's work. ``packed``: all in one prompt, one run of the
    model; they are kept apart in the text encoder, yet share queries and change each other a
    little. ``separate``: the image backbone once, the rest once per reference; each gives exactly
    what it gives alone."""
    batch_size: Count | Literal["auto"] = 8
    """Frames per run of the model. ``auto`` (CUDA alone): 64, halved until memory suffices; the
    whole film is then done with the number found, which the report names."""
    device: DeviceChoice = "cpu"
    """Where the model runs; ``auto``: a GPU where there is one."""
    dtype: Dtype = "float32"
    """Precision of the model's matrix products; weights, normalisation and boxes stay float32
    (autocast). ``float16`` on CUDA alone."""
    compile: bool = False
    """``torch.compile`` for the image backbone: worth a try where many frames of one size follow;
    the first batch waits for the compiler."""
    policy: Policy = "mean"
    """How the scores of a reference's tokens become one (`rhas.ground.policies`)."""
    rival: str = Field(default="the person", max_length=200)
    """A further phrase in the prompt of films with one reference: where it fits a box better than
    the reference does, the box scores less (docs/GROUNDING.md). Empty: none."""
    top_k: Count = 5
    """Candidates per frame and reference at most."""
    min_score: float = Field(default=0.05, ge=0, le=1)
    """Candidates with a lower score are dropped."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.backend != "truth" and not self.checkpoint:
            raise RhasError(
                "no checkpoint named",
                where="ground.checkpoint",
                expected="a folder or a hub name",
                do="set it to weights/grounding for the built-in one",
            )
        if self.device == "cpu" and self.dtype == "float16":
            raise RhasError(
                "half precision on a CPU is slow and overflows",
                where="ground.dtype",
                expected="float32 or bfloat16, or ground.device: cuda",
                got="float16",
            )
        if self.device == "cpu" and self.batch_size == "auto":
            raise RhasError(
                "a process on a CPU is killed when memory runs out, it cannot try a smaller batch",
                where="ground.batch_size",
                expected="a number of frames, or ground.device: cuda",
                got="auto",
            )
        return self

    def check_machine(self) -> None:
        if self.backend != "truth":  # which runs no model
            super().check_machine()
