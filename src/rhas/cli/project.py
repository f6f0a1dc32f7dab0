"""Options and parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rhas.base.config import load_params
from rhas.base.errors import RhasError

PersonReferences = Annotated[
    list[str], typer.Option(help="A sentence that describes a person; once per person.")
]
FilmParams = Annotated[
    Path,
    typer.Option(
        "--params", exists=True, dir_okay=False,
        help="Settings of the stages; checkpoints in it are relative to the current folder.",
    ),
]  # fmt: skip


def find_params(path: Path = Path("params.yaml")) -> Path:
    """The path of an existing params.yaml.

    Raises:
        RhasError: there is no such file.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    return path


def read_film_params(path: Path) -> dict[str, Any]:
    """All of params.yaml as plain values, for a command that looks at films.

    Raises:
        RhasError: as `load_params`; the first parameter that such a command needs and that is
            missing or wrong.
    """
    from rhas.check.parameters import check_film_parameters, ready_for_jobs

    values = load_params(path)
    wrong = check_film_parameters(values)
    if wrong:
        where = wrong[0].name.replace("params.yaml", str(path))
        raise RhasError(wrong[0].found, where=where, do=wrong[0].do)
    return ready_for_jobs(values)
