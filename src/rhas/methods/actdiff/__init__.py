"""ActDiff (DiffAct, ICCV 2023): HopaDIFF with all ablations of Table 5 off, on one stream.

Network, losses and sampler are HopaDIFF's; this package has the stream that it reads and the sizes
that DiffAct was published with.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch

from rhas.base.batch import Batch
from rhas.base.errors import RhasError
from rhas.methods.base import Dims, MethodSpec
from rhas.methods.hopadiff.branches import BranchFeatures, BranchReader
from rhas.methods.hopadiff.config import PRESETS as HOPADIFF
from rhas.methods.hopadiff.config import HopaDiffConfig
from rhas.methods.hopadiff.method import HopaDIFF
from rhas.methods.layers.config import STREAMS, Inputs

__all__ = ["METHOD"]

_OFF = ("partial_branch", "hp_xlstm", "bca", "dft_condition", "linear_path")


@dataclass(frozen=True)
class ActDiffConfig(HopaDiffConfig):
    """HopaDIFF's parameters, with the four ablations and the linear path off.

    Args:
        inputs: the stream is ``both`` features side by side, ``holistic`` (the whole frame alone,
            exactly HopaDIFF with its ablations off) or ``partial`` (the crop alone).
        missing: frames without a crop get ``zero`` features, as in the other baselines.
    """

    partial_branch: bool = False
    hp_xlstm: bool = False
    bca: bool = False
    dft_condition: bool = False
    linear_path: bool = False
    missing: Literal["zero"] = "zero"
    inputs: Inputs = "both"

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

    def __init__(self, config: ActDiffConfig, dims: Dims) -> None:
        names = STREAMS[config.inputs]
        super().__init__(config, replace(dims, D=len(names) * dims.D))
        self.reader = JoinedReader(config, dims.D, names)


class JoinedReader(BranchReader):
    """The named streams side by side, as one branch."""

    def forward(self, batch: Batch) -> BranchFeatures:
        features = super().forward(batch)
        return replace(features, streams=[torch.cat(features.streams, -1)])


def _switch_off(config: HopaDiffConfig, **changes: Any) -> ActDiffConfig:
    values = {item.name: getattr(config, item.name) for item in fields(config)}
    return ActDiffConfig(**{**values, **dict.fromkeys(_OFF, False), "missing": "zero", **changes})


METHOD = MethodSpec(
    config=ActDiffConfig,
    presets={
        "paper": _switch_off(
            HOPADIFF["paper"],
            condition_masks=("full", "zero", "boundary", "class"),
            bce_weight=0.5,
            smoothing_weight=0.1,
            boundary_weight=0.1,
        ),
        "mini": _switch_off(HOPADIFF["mini"]),
    },
    build=ActDiff,
)
