"""The step of the pipeline."""

from __future__ import annotations

from rhas.config.decode import DecodeConfig
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.engine.steps import FilmFiles, FilmStep


def _make_input(files: FilmFiles, config: DecodeConfig) -> DecodeInput:
    return DecodeInput(files.movie, files.get_path("film"))


DECODE = FilmStep(
    name="decode",
    output="frames",
    suffix=".h5",
    config=DecodeConfig,
    function=decode_film,
    make_input=_make_input,
    measure=lambda source, config: 0.0,  # known once the film is open
)
