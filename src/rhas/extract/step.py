"""The step of the pipeline."""

from __future__ import annotations

from rhas.base.checkpoints import local_checkpoint
from rhas.config.extract import ExtractConfig
from rhas.engine.steps import GIB, Cutting, FilmFiles, FilmStep
from rhas.extract.encoding import (
    ExtractInput,
    ExtractReport,
    extract_film,
    merge_film,
    split_film,
)
from rhas.stores.checkpoints import estimate_weight_bytes
from rhas.stores.frames import count_frames


def _make_input(files: FilmFiles, config: ExtractConfig) -> ExtractInput:
    stores = files.get_path("frames"), files.get_path("tracks")
    return ExtractInput(files.movie, *stores, local_checkpoint(config.checkpoint))


def _estimate_memory(source: ExtractInput, config: ExtractConfig) -> int:
    """BLIP-2, 8 images: 4.8 GiB measured, of which 4.4 are weights."""
    images = 64 if config.batch_size == "auto" else config.batch_size
    return GIB + int((1 + images / 256) * estimate_weight_bytes(source.checkpoint))


EXTRACT = FilmStep(
    name="extract",
    output="features",
    suffix=".zarr",
    config=ExtractConfig,
    function=extract_film,
    make_input=_make_input,
    measure=lambda source, config: count_frames(source.frames),
    estimate_memory=_estimate_memory,
    cutting=Cutting(split_film, merge_film, ExtractReport),
)
