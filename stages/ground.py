"""frames + references -> data/boxes/<movie>.h5: GroundingDINO's scored candidates."""

from dataclasses import asdict
from pathlib import Path

from rhas.base.config import from_mapping
from rhas.engine.jobs import ground_job
from rhas.engine.stage import params, run, run_stage
from rhas.ground import GroundConfig, ground_film
from rhas.stores.manifest import Manifest

RAW, FRAMES, OUT = Path("data/raw"), Path("data/frames"), Path("data/boxes")


def main() -> None:
    values = params("ground")
    config = from_mapping(GroundConfig, values["ground"], "ground")
    jobs = [
        ground_job(
            film.movie,
            film.references,
            frames=FRAMES / f"{film.movie}.h5",
            truth=RAW / "truth" / f"{film.movie}.h5",
            values={"ground": asdict(config)},
        )
        for film in Manifest.read(RAW).films
    ]
    run_stage("ground", ground_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
