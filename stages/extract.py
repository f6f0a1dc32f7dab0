"""frames + tracks + references -> data/features/<vlm>/<movie>.zarr: holistic and partial."""

from pathlib import Path

from rhas.config.extract import ExtractConfig
from rhas.config.section import read_section
from rhas.engine.jobs import extract_job
from rhas.engine.stage import params, run, run_stage
from rhas.extract import extract_film
from rhas.stores.manifest import Manifest

RAW, FRAMES = Path("data/raw"), Path("data/frames")
TRACKS, OUT = Path("data/tracks"), Path("data/features")


def main() -> None:
    config = read_section(ExtractConfig, params("extract"))
    movies = [film.movie for film in Manifest.read(RAW).films]
    jobs = [extract_job(m, FRAMES / f"{m}.h5", TRACKS / f"{m}.h5", config) for m in movies]
    run_stage("extract", extract_film, jobs, OUT / config.vlm)


if __name__ == "__main__":
    run(main)
