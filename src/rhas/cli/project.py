"""Options and parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.errors import RhasError
from rhas.config.params import FilmParams, parse_params, read_yaml

PersonReferences = Annotated[
    list[str], typer.Option(help="A sentence that describes a person; once per person.")
]
ParamsOption = Annotated[
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


def read_film_params(path: Path) -> FilmParams:
    """The parameters of a command that looks at films.

    Raises:
        RhasError: the file cannot be read, or a parameter that such a command needs is missing or
            wrong.
    """
    values = read_yaml(path)
    try:
        return parse_params(FilmParams, values)
    except RhasError as error:
        where = str(path) if error.where == "params.yaml" else f"{path}, {error.where}"
        raise RhasError(
            error.what, where=where, expected=error.expected, got=error.got, do=error.do
        ) from error
