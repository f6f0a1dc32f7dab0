"""ActDiff (DiffAct, ICCV 2023): HopaDIFF with all ablations of Table 5 off, on one stream.

The network, its losses and its sampler are HopaDIFF's; here are the stream that it reads and the
sizes that DiffAct was published with.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch

from rhas.base.errors import RhasError
from rhas.methods import Batch, Dims, hopadiff
from rhas.methods.hopadiff.inputs import Inputs, Steps
from rhas.methods.hopadiff.method import HopaDIFF
from rhas.methods.layers.inputs import STREAMS

__all__ = ["PRESETS", "Config", "make"]

_OFF = ("partial_branch", "hp_xlstm", "bca", "dft_condition")


@dataclass(frozen=True)
class Config(hopadiff.Config):
    """HopaDIFF's parameters, with the four ablations off.

    Args:
        inputs: the stream is ``both`` features side by side, ``holistic`` (the whole frame alone,
            HopaDIFF with its ablations off and nothing else) or ``partial`` (the crop alone).
        missing: frames without a crop get ``zero`` features, as in the other baselines.
    """

    partial_branch: bool = False
    hp_xlstm: bool = False
    bca: bool = False
    dft_condition: bool = False
    missing: Literal["zero"] = "zero"
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
        names = STREAMS[config.inputs]
        super().__init__(config, replace(dims, D=len(names) * dims.D))
        self.inputs = _SideBySide(config, dims.D, names)


class _SideBySide(Inputs):
    """The streams as one."""

    def forward(self, batch: Batch) -> Steps:
        steps = super().forward(batch)
        return replace(steps, streams=[torch.cat(steps.streams, -1)])


def _like(config: hopadiff.Config, **changes: Any) -> Config:
    values = {item.name: getattr(config, item.name) for item in fields(config)}
    return Config(**{**values, **dict.fromkeys(_OFF, False), "missing": "zero", **changes})


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
