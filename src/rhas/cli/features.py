"""``rhas features``: films and sentences to feature stores, without a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.console import print_text
from rhas.base.files import check_writable
from rhas.cli.output import print_error
from rhas.cli.project import ParamsOption, PersonReferences, ProfileOption, read_settings
from rhas.engine.stage import work_root
from rhas.engine.workcache import WorkCache


def features(
    films: Annotated[list[Path], typer.Argument(help="Film files.", show_default=False)],
    ref: PersonReferences,
    out: Annotated[Path, typer.Option(help="Folder for frames, boxes, tracks and features.")],
    parameters: ParamsOption = None,
    profile: ProfileOption = None,
) -> None:
    """Extract features of films, of each described person, without the pipeline.

    Example: rhas features a.mp4 b.mkv --ref "the woman in the red coat" --out features

    Read them with rhas.read_features("OUT/features/FILM.zarr", person=0).

    A broken film does not stop the others; it is named at the end and makes the exit status 1.
    """
    from rhas.pipeline.features import extract_features

    params = read_settings(parameters, profile)
    check_writable(out)
    cache = WorkCache(work_root() if Path(".dvc").is_dir() else out / ".work")
    failures = extract_features(films, ref, params, cache, out)
    for movie, error in failures.items():
        print_error(error, movie)
    print_text(f"{len(films) - len(failures)} of {len(films)} films in {out}")
    raise typer.Exit(1 if failures else 0)
