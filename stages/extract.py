"""frames + tracks + references -> data/features/<vlm>/<movie>.zarr: holistic and partial."""

from pathlib import Path

import rhas.base.program
from rhas.config.extract import ExtractConfig
from rhas.config.section import read_section
from rhas.engine.stage import declared_params, run_step
from rhas.engine.steps import FilmFiles
from rhas.extract.step import EXTRACT
from rhas.stores.manifest import Manifest

RAW, FRAMES = Path("data/raw"), Path("data/frames")
TRACKS, OUT = Path("data/tracks"), Path("data/features")


def main() -> None:
    config = read_section(ExtractConfig, declared_params("extract"))
    movies = [film.movie for film in Manifest.read(RAW).films]
    films = [FilmFiles(m, frames=FRAMES / f"{m}.h5", tracks=TRACKS / f"{m}.h5") for m in movies]
    run_step(EXTRACT, films, config, OUT / config.vlm)


if __name__ == "__main__":
    rhas.base.program.run_script(main)
