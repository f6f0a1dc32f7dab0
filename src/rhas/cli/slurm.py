"""``rhas slurm``: what a stage with ``RHAS_EXECUTOR=slurm`` would submit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.console import print_text
from rhas.base.names import unknown_name

app = typer.Typer(help="See what `RHAS_EXECUTOR=slurm dvc repro` submits (docs/SCALE.md).")


@app.callback()
def slurm() -> None:
    """A group, though it has one command."""


@app.command("script")
def print_script(
    step: Annotated[str, typer.Argument(help="decode, ground, crop or extract.")],
    films: Annotated[int, typer.Option(min=1, help="Films to be computed.")] = 100,
) -> None:
    """Print the script that sbatch is given for a step, with params.yaml and RHAS_SLURM as now.

    Example: RHAS_SLURM='--partition=gpu --time=4:00:00' rhas slurm script ground --films 2
    """
    from rhas.config.params import find_params, read_film_params
    from rhas.engine.executors import Task
    from rhas.engine.executors.slurm import FOLDER, count_jobs, make_script
    from rhas.engine.steps import FilmFiles, Job
    from rhas.pipeline.steps import FILM_STEPS

    found = {known.name: known for known in FILM_STEPS}
    if step not in found:
        raise unknown_name("step", step, list(found), "rhas slurm script")
    chosen = found[step]
    config = read_film_params(find_params()).get_section(chosen.config)
    data = {name: Path(f"data/{name}/FILM") for name in ("film", "frames", "boxes", "tracks")}
    source = chosen.make_input(FilmFiles("FILM", ("a person",), **data), config)
    memory = chosen.estimate_memory(source, config)
    job = Job("FILM", step, chosen.function, (source, config), f"FILM{chosen.suffix}", 0.0, memory)
    folder = FOLDER.absolute() / f"{step}-ARRAY"
    print_text(make_script([Task(Path("work"), "KEY", job)], count_jobs(films), folder).rstrip())
