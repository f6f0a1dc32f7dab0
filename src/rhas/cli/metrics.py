"""``rhas metrics``: the figures of the last evaluation as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rhas.base.errors import RhasError


def metrics(
    folder: Annotated[Path, typer.Argument(help="Where evaluate wrote.")] = Path("results"),
) -> None:
    """The figures of the last evaluation beside a constant answer and chance."""
    from rhas.report.summary import summary

    if not (folder / "evaluation.json").is_file():
        raise RhasError("no metrics", where=str(folder), do="run `dvc repro`")
    Console().print(summary(folder))
