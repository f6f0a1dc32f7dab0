"""films -> data/frames/<movie>.h5: constant rate, JPEG bytes per frame."""

from pathlib import Path

import rhas.base.program
from rhas.config.decode import DecodeConfig
from rhas.config.section import read_section
from rhas.decode.step import DECODE
from rhas.engine.stage import declared_params, run_step
from rhas.engine.steps import FilmFiles
from rhas.stores.manifest import Manifest

RAW, OUT = Path("data/raw"), Path("data/frames")


def main() -> None:
    config = read_section(DecodeConfig, declared_params("decode"))
    films = [FilmFiles(film.movie, film=RAW / film.file) for film in Manifest.read(RAW).films]
    run_step(DECODE, films, config, OUT)


if __name__ == "__main__":
    rhas.base.program.run_script(main)
