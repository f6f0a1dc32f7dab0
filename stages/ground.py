"""frames + references -> data/boxes/<movie>.h5: GroundingDINO's scored candidates."""

from pathlib import Path

import rhas.base.program
from rhas.config.ground import GroundConfig
from rhas.config.section import read_section
from rhas.engine.stage import declared_params, run_step
from rhas.engine.steps import FilmFiles
from rhas.ground.step import GROUND
from rhas.stores.manifest import Manifest

RAW, FRAMES, OUT = Path("data/raw"), Path("data/frames"), Path("data/boxes")


def main() -> None:
    config = read_section(GroundConfig, declared_params("ground"))
    films = [
        FilmFiles(film.movie, film.references, frames=FRAMES / f"{film.movie}.h5",
                  truth=RAW / "truth" / f"{film.movie}.h5",
                  drawn=RAW / "boxes" / f"{film.movie}.h5")
        for film in Manifest.read(RAW).films
    ]  # fmt: skip
    run_step(GROUND, films, config, OUT)


if __name__ == "__main__":
    rhas.base.program.run_script(main)
