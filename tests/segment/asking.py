"""What the tests of this room ask for: the film in small parts, by a model of short windows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rhas.base.classes import CLASSES
from rhas.evaluate.fitted import FittedReadout, Origin, model_hash
from rhas.extract.encoders import checkpoint_hash
from rhas.metrics.readout import ReadoutConfig
from rhas.segment.request import Request

PART = 20  # frames; a multiple of ground's stride x batch and of extract's batch
LENGTH = 32  # L of the method
READOUT = ReadoutConfig(median=5, min_frames=3)


def origin(model: Path, values: Mapping[str, Any]) -> Origin:
    encoder = checkpoint_hash(Path(values["extract"]["checkpoints"]["blip2"]))
    return Origin(model_hash(model), "blip2", encoder, float(values["fps"]))


def readout(origin: Origin, threshold: float = 0.5) -> FittedReadout:
    return FittedReadout(origin, CLASSES, READOUT, (threshold,) * len(CLASSES), None)


def request(
    rendered: tuple[Path, tuple[str, ...]], model: Path, values: Mapping[str, Any], out: Path,
    **changed: Any,
) -> Request:  # fmt: skip
    film, references = rendered
    usual = {
        "film": film, "references": references, "out": out, "model": model,
        "readout": readout(origin(model, values)),
        "values": values, "overlay": False, "part_frames": PART,
    }  # fmt: skip
    return Request(**(usual | changed))
