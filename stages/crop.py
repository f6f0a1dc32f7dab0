"""frames + boxes -> data/tracks/<movie>.h5: one track per reference, the person's crops."""

from pathlib import Path

import rhas.base.program
from rhas.config.crop import CropConfig
from rhas.config.section import read_section
from rhas.crop.step import CROP
from rhas.engine.stage import declared_params, run_step
from rhas.engine.steps import FilmFiles
from rhas.stores.manifest import Manifest

RAW, FRAMES = Path("data/raw"), Path("data/frames")
BOXES, OUT = Path("data/boxes"), Path("data/tracks")


def main() -> None:
    config = read_section(CropConfig, declared_params("crop"))
    movies = [film.movie for film in Manifest.read(RAW).films]
    films = [FilmFiles(m, frames=FRAMES / f"{m}.h5", boxes=BOXES / f"{m}.h5") for m in movies]
    run_step(CROP, films, config, OUT)


if __name__ == "__main__":
    rhas.base.program.run_script(main)
