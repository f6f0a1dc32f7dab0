"""frames + tracks + references -> data/features/<vlm>/<movie>.zarr: holistic and partial."""

from pathlib import Path

from rhas.extract import extract_film

from rhas.jpegstore import frame_count
from rhas.manifest import Film, Manifest
from rhas.stage import params, run, run_stage
from rhas.workcache import Job

RAW, FRAMES = Path("data/raw"), Path("data/frames")
TRACKS, OUT = Path("data/tracks"), Path("data/features")


def main() -> None:
    values = params("extract")
    vlm = values["vlm"]
    section = dict(values["extract"])
    checkpoint = section.pop("checkpoints")[vlm]
    config = {"vlm": vlm, "checkpoint": checkpoint, **section}

    def inputs(film: Film) -> dict[str, Path]:
        found = {"frames": FRAMES / f"{film.movie}.h5", "tracks": TRACKS / f"{film.movie}.h5"}
        if Path(config["checkpoint"]).exists():
            return {**found, "checkpoint": Path(config["checkpoint"])}
        return found

    jobs = [
        Job(
            film.movie,
            inputs=inputs(film),
            arguments={"movie": film.movie, "config": config},
            target=f"{film.movie}.zarr",
            size=frame_count(FRAMES / f"{film.movie}.h5"),
        )
        for film in Manifest.read(RAW).films
    ]
    run_stage("extract", extract_film, jobs, OUT / vlm)


if __name__ == "__main__":
    run(main)
