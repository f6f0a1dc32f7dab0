"""``rhas check``: checks everything before `dvc repro` spends hours."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from rhas.base.checks import worst_level
from rhas.base.console import print_text
from rhas.cli.numbers import check_finite
from rhas.cli.output import make_check_table, make_console, print_json, progress_bar
from rhas.config.params import find_params
from rhas.config.profiles import PROFILES


def check(
    trial: Annotated[
        float | None,
        typer.Option(
            min=1, metavar="SECONDS", callback=check_finite,
            help="Run an excerpt of this length through decode, ground, crop and extract, and "
            "estimate what they take for all films. 20 is enough.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not load the models (large ones take minutes).")
    ] = False,
    params: Annotated[
        Path, typer.Option("--params", help="Its folder is the project's.")
    ] = Path("params.yaml"),
    profile: Annotated[
        str | None,
        typer.Option(metavar="|".join(PROFILES),
                     help="Check with the parameters of this profile (`rhas profile`)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:  # fmt: skip
    """Check parameters, films, tables, checkpoints and disk before `dvc repro`.

    Example: rhas check --trial 20

    Checked are parameters (every section, unknown keys), films (each is opened, its first frame
    decoded, its length compared with the declared one), references and annotations, checkpoints,
    GPU memory and disk space. Nothing is written.

    Exit status: 0 go ahead (read the warnings), 1 something would fail.
    """
    from rhas.check.everything import check_everything

    find_params(params)
    if trial is not None and quick:
        raise typer.BadParameter("a trial needs the models", param_hint="--quick")
    with contextlib.chdir(params.absolute().parent), progress_bar("films") as progress:
        checks = check_everything(Path(params.name), trial, not quick, progress, profile)
    level = worst_level(checks)
    if as_json:
        print_json({"level": level, "checks": [vars(one) for one in checks]})
    else:
        make_console().print(make_check_table(checks))
        advice = {
            "ok": "go ahead",
            "warn": "read the warnings, then go ahead",
            "fail": "correct what is marked fail, then check again",
        }
        print_text(advice[level])
    raise typer.Exit(1 if level == "fail" else 0)
