"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.config.params import FilmParams, read_film_params
from rhas.config.profiles import PROFILES, read_profiled_params

_DEFAULT = Path("params.yaml")

PersonReferences = Annotated[
    list[str], typer.Option(help="A sentence that describes a person; once per person.")
]
ParamsOption = Annotated[
    Path | None,
    typer.Option(
        "--params", exists=True, dir_okay=False,
        help="Settings of the stages; checkpoints in it are relative to the current folder. "
        "Default: params.yaml.",
    ),
]  # fmt: skip
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="|".join(PROFILES),
        help="Parameters in the place of those of params.yaml, which is not needed then "
        "(`rhas profile`).",
    ),
]  # fmt: skip


def read_settings(path: Path | None, profile: str | None) -> FilmParams:
    """The parameters that the options name.

    Raises:
        RhasError: an unknown profile, or a wrong parameter.
        typer.BadParameter: neither a file nor a profile.
    """
    path = path or (_DEFAULT if _DEFAULT.is_file() else None)
    if profile is not None:
        return read_profiled_params(path, profile)
    if path is None:
        raise typer.BadParameter(
            f"no {_DEFAULT} here: go to the project's folder, or give --profile",
            param_hint="--params",
        )
    return read_film_params(path)
