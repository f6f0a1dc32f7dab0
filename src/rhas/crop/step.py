"""The step of the pipeline."""

from __future__ import annotations

from rhas.config.crop import CropConfig
from rhas.crop.cropping import CropInput, crop_film
from rhas.engine.steps import FilmFiles, FilmStep
from rhas.stores.frames import count_frames


def _make_input(files: FilmFiles, config: CropConfig) -> CropInput:
    return CropInput(files.movie, files.get_path("frames"), files.get_path("boxes"))


CROP = FilmStep(
    name="crop",
    output="tracks",
    suffix=".h5",
    config=CropConfig,
    function=crop_film,
    make_input=_make_input,
    measure=lambda source, config: count_frames(source.frames),
)
