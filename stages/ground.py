"""frames + references -> data/boxes/<movie>.h5: GroundingDINO's scored candidates."""

from pathlib import Path

from rhas.config.ground import GroundConfig
from rhas.config.section import read_section
from rhas.engine.jobs import ground_job
from rhas.engine.stage import params, run, run_stage
from rhas.ground import ground_film
from rhas.stores.manifest import Manifest

RAW, FRAMES, OUT = Path("data/raw"), Path("data/frames"), Path("data/boxes")


def main() -> None:
    config = read_section(GroundConfig, params("ground"))
    jobs = [
        ground_job(
            film.movie,
            film.references,
            frames=FRAMES / f"{film.movie}.h5",
            truth=RAW / "truth" / f"{film.movie}.h5",
            config=config,
        )
        for film in Manifest.read(RAW).films
    ]
    run_stage("ground", ground_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
