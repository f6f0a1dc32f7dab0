"""ActDiff (DiffAct, ICCV 2023): HopaDIFF with all ablations of Table 5 off, on one stream.

The network, its losses and its sampler are HopaDIFF's; here are the stream that it reads and the
sizes that DiffAct was published with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.methods import Batch, Dims, hopadiff
from rhas.methods.hopadiff.method import HopaDIFF

__all__ = ["PRESETS", "Config", "make"]

_OFF = ("partial_branch", "hp_xlstm", "bca", "dft_condition")


@dataclass(frozen=True)
class Config(hopadiff.Config):
    """HopaDIFF's parameters, with the four ablations off.

    Args:
        inputs: the stream is ``both`` features side by side, ``holistic`` (the whole frame alone,
            HopaDIFF with its ablations off and nothing else) or ``partial`` (the crop alone).
    """

    partial_branch: bool = False
    hp_xlstm: bool = False
    bca: bool = False
    dft_condition: bool = False
    inputs: Literal["both", "holistic", "partial"] = "both"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _OFF:
            if getattr(self, name):
                raise RhasError(
                    "ActDiff has no such part",
                    where=f"method actdiff, {name}",
                    expected="false",
                    got="true",
                    do="choose `method: hopadiff`",
                )


class ActDiff(HopaDIFF):
    """HopaDIFF whose one stream is made of the features that ``inputs`` names."""

    def __init__(self, config: Config, dims: Dims) -> None:
        width = 2 * dims.D if config.inputs == "both" else dims.D
        super().__init__(config, replace(dims, D=width))

    def adapt(self, samples: Iterable[Batch]) -> None:
        """As HopaDIFF; a frame without a crop counts as 0 in the statistics."""
        super().adapt(self._stream(sample) for sample in samples)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """As HopaDIFF."""
        return super().losses(self._stream(batch))

    def scores(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """As HopaDIFF."""
        return super().scores(self._stream(batch), generator)

    def _stream(self, batch: Batch) -> Batch:
        if self.config.inputs == "holistic":
            return batch
        there = batch["present"] & batch["mask"]
        partial = torch.where(there[..., None], batch["partial"], 0)
        if self.config.inputs == "partial":
            return {**batch, "holistic": partial}
        return {**batch, "holistic": torch.cat([batch["holistic"], partial], -1)}


def _like(config: hopadiff.Config, **changes: Any) -> Config:
    values = {item.name: getattr(config, item.name) for item in fields(config)}
    return Config(**{**values, **dict.fromkeys(_OFF, False), **changes})


PRESETS = {
    "paper": _like(
        hopadiff.PRESETS["paper"],
        condition_masks=("full", "zero", "boundary", "class"),
        bce_weight=0.5,
        smoothing_weight=0.1,
        boundary_weight=0.1,
    ),
    "mini": _like(hopadiff.PRESETS["mini"]),
}


def make(config: Config, dims: Dims) -> ActDiff:
    """The method with fresh parameters, drawn from torch's generator."""
    return ActDiff(config, dims)
