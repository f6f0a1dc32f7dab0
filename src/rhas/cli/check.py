"""``rhas check``: everything looked at before hours are spent."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from rhas.base.checks import worst
from rhas.cli.output import make_check_table, make_console, print_json, progress_bar
from rhas.cli.project import params_here


def check(
    trial: Annotated[
        float | None,
        typer.Option(
            min=1, metavar="SECONDS",
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:  # fmt: skip
    """Is everything in place for `dvc repro`?

    Parameters (every section, unknown keys), films (each is opened, its first picture decoded,
    its length compared with what it declares), references and annotations, checkpoints, GPU
    memory, disk. Nothing is written.

    Exit status: 0 go ahead (look at the warnings), 1 something would fail.
    """
    from rhas.check.everything import check_everything

    params_here(params)
    if trial is not None and quick:
        raise typer.BadParameter("a trial needs the models", param_hint="--quick")
    with contextlib.chdir(params.absolute().parent), progress_bar("films") as tell:
        checks = check_everything(Path(params.name), trial, not quick, tell)
    level = worst(checks)
    if as_json:
        print_json({"level": level, "checks": [vars(one) for one in checks]})
    else:
        make_console().print(make_check_table(checks))
        advice = {
            "ok": "go ahead",
            "warn": "look at the warnings, then go ahead",
            "fail": "mend what is marked fail, then check again",
        }
        print(advice[level])
    raise typer.Exit(1 if level == "fail" else 0)
