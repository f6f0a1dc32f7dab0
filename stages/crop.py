"""frames + boxes -> data/tracks/<movie>.h5: one track per reference, the person's crops."""

from pathlib import Path

from rhas.config.crop import CropConfig
from rhas.config.section import read_section
from rhas.crop import crop_film
from rhas.engine.jobs import crop_job
from rhas.engine.stage import params, run, run_stage
from rhas.stores.manifest import Manifest

RAW, FRAMES = Path("data/raw"), Path("data/frames")
BOXES, OUT = Path("data/boxes"), Path("data/tracks")


def main() -> None:
    config = read_section(CropConfig, params("crop"))
    movies = [film.movie for film in Manifest.read(RAW).films]
    jobs = [crop_job(m, FRAMES / f"{m}.h5", BOXES / f"{m}.h5", config) for m in movies]
    run_stage("crop", crop_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
