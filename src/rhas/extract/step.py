"""The step of the pipeline."""

from __future__ import annotations

from rhas.base.checkpoints import local_checkpoint
from rhas.config.extract import ExtractConfig
from rhas.engine.steps import FilmFiles, FilmStep
from rhas.extract.encoding import ExtractInput, extract_film
from rhas.stores.frames import count_frames


def _make_input(files: FilmFiles, config: ExtractConfig) -> ExtractInput:
    stores = files.get_path("frames"), files.get_path("tracks")
    return ExtractInput(files.movie, *stores, local_checkpoint(config.checkpoint))


EXTRACT = FilmStep(
    name="extract",
    output="features",
    suffix=".zarr",
    config=ExtractConfig,
    function=extract_film,
    make_input=_make_input,
    measure=lambda source, config: count_frames(source.frames),
)
