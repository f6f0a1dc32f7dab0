"""Parameters of the extract stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from rhas.base.errors import RhasError
from rhas.config.section import Count, DeviceChoice, Dtype, Section, Vlm


class ExtractConfig(Section):
    """How features are made."""

    section: ClassVar[str] = "extract"
    switches: ClassVar[tuple[str, ...]] = ("vlm",)

    vlm: Vlm
    """The encoder."""
    checkpoints: Mapping[str, str | None]
    """Weights of each encoder: a folder, or a hub name."""
    batch_size: Count | Literal["auto"] = 64
    """Images that go through the model at once, for speed and memory; ``auto`` starts with 64 (on a
    GPU 256) and halves whenever memory runs out."""
    device: DeviceChoice = "cpu"
    """Torch device of the model; ``auto``: a GPU where there is one."""
    dtype: Dtype = "float32"
    """In which the vision tower computes; features are stored as float16 in any case."""
    compile: bool = False
    """Pass the model through ``torch.compile``, anew in every process; on a CPU that needs a C++
    compiler."""
    keep_tokens: bool = False
    """Store the query tokens too (BLIP-2), each as large as a feature."""

    @field_validator("checkpoints", mode="before")
    @classmethod
    def _none_as_empty(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.checkpoints.get(self.vlm):
            raise RhasError(
                "no checkpoint of this vlm",
                where="extract.checkpoints",
                expected=f"a folder or hub name for {self.vlm!r}",
                got=", ".join(self.checkpoints) or "none",
                do="set `vlm` to one of them, or add the checkpoint",
            )
        return self

    @property
    def checkpoint(self) -> str:
        """The one of ``vlm``."""
        return str(self.checkpoints[self.vlm])

    def key_values(self) -> dict[str, Any]:
        """Without the checkpoints of other encoders."""
        return {**super().key_values(), "checkpoints": {self.vlm: self.checkpoint}}
