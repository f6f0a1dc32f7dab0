"""What the tests of this room ask for: the film in small parts, by a model of short windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rhas.base.classes import CLASSES
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import FilmParams
from rhas.evaluate.fitted import FittedReadout, Provenance, hash_model
from rhas.extract.encoders import checkpoint_hash
from rhas.segment.request import SegmentRequest

PART = 20  # frames; a multiple of ground's stride x batch and of extract's batch
LENGTH = 32  # L of the method
READOUT = ReadoutConfig(median=5, min_frames=3)


def origin(model: Path, params: FilmParams) -> Provenance:
    encoder = checkpoint_hash(Path(params.extract.checkpoint))
    return Provenance(hash_model(model), "blip2", encoder, params.fps)


def readout(origin: Provenance, threshold: float = 0.5) -> FittedReadout:
    return FittedReadout(origin, CLASSES, READOUT, (threshold,) * len(CLASSES), None)


def request(
    rendered: tuple[Path, tuple[str, ...]], model: Path, params: FilmParams, out: Path,
    **changed: Any,
) -> SegmentRequest:  # fmt: skip
    film, references = rendered
    usual = {
        "film": film, "references": references, "out": out, "model": model,
        "readout": readout(origin(model, params)),
        "params": params, "overlay": False, "chunk_frames": PART,
    }  # fmt: skip
    return SegmentRequest(**(usual | changed))
