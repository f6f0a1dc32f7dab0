"""frames + boxes -> data/tracks/<movie>.h5: one track per reference, the person's crops."""

from pathlib import Path

from rhas.crop import crop_film

from rhas.jpegstore import frame_count
from rhas.manifest import Manifest
from rhas.stage import params, run, run_stage
from rhas.workcache import Job

RAW, FRAMES = Path("data/raw"), Path("data/frames")
BOXES, OUT = Path("data/boxes"), Path("data/tracks")


def main() -> None:
    config = params("crop")["crop"]
    jobs = [
        Job(
            film.movie,
            inputs={"frames": FRAMES / f"{film.movie}.h5", "boxes": BOXES / f"{film.movie}.h5"},
            arguments={"movie": film.movie, "config": config},
            target=f"{film.movie}.h5",
            size=frame_count(FRAMES / f"{film.movie}.h5"),
        )
        for film in Manifest.read(RAW).films
    ]
    run_stage("crop", crop_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
