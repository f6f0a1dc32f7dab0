"""films -> data/frames/<movie>.h5: constant rate, JPEG bytes per frame."""

from pathlib import Path

from rhas.decode import decode_film

from rhas.manifest import Manifest
from rhas.stage import params, run, run_stage
from rhas.workcache import Job

RAW, OUT = Path("data/raw"), Path("data/frames")


def main() -> None:
    values = params("decode")
    config = {"fps": values["fps"], **values["decode"]}
    jobs = [
        Job(
            film.movie,
            inputs={"film": RAW / film.file},
            arguments={"movie": film.movie, "config": config},
            target=f"{film.movie}.h5",
        )
        for film in Manifest.read(RAW).films
    ]
    run_stage("decode", decode_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
