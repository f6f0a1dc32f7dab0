"""films -> data/frames/<movie>.h5: constant rate, JPEG bytes per frame."""

from pathlib import Path

from rhas.config.decode import DecodeConfig
from rhas.config.section import read_section
from rhas.decode import decode_film
from rhas.engine.jobs import decode_job
from rhas.engine.stage import params, run, run_stage
from rhas.stores.manifest import Manifest

RAW, OUT = Path("data/raw"), Path("data/frames")


def main() -> None:
    config = read_section(DecodeConfig, params("decode"))
    films = Manifest.read(RAW).films
    jobs = [decode_job(film.movie, RAW / film.file, config) for film in films]
    run_stage("decode", decode_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
