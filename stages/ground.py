"""frames + references -> data/boxes/<movie>.h5: GroundingDINO's scored candidates."""

from pathlib import Path

from rhas.grounding import ground_film

from rhas.errors import RhasError
from rhas.jpegstore import frame_count
from rhas.manifest import Film, Manifest
from rhas.stage import params, run, run_stage
from rhas.workcache import Job

RAW, FRAMES, OUT = Path("data/raw"), Path("data/frames"), Path("data/boxes")


def main() -> None:
    config = params("ground")["ground"]
    manifest = Manifest.read(RAW)
    if config["backend"] == "truth" and not manifest.truth:
        raise RhasError(
            "this data set has no true boxes",
            where="params.yaml, ground.backend",
            expected="transformers or official",
            got="truth",
        )

    def inputs(film: Film) -> dict[str, Path]:
        found = {"frames": FRAMES / f"{film.movie}.h5"}
        if config["backend"] == "truth":
            return {**found, "truth": RAW / "truth" / f"{film.movie}.h5"}
        if Path(config["checkpoint"]).exists():
            return {**found, "checkpoint": Path(config["checkpoint"])}
        return found

    jobs = [
        Job(
            film.movie,
            inputs=inputs(film),
            arguments={
                "movie": film.movie,
                "references": list(film.references),
                "config": config,
            },
            target=f"{film.movie}.h5",
            size=frame_count(FRAMES / f"{film.movie}.h5") / config["stride"],
        )
        for film in manifest.films
    ]
    run_stage("ground", ground_film, jobs, OUT)


if __name__ == "__main__":
    run(main)
