"""``rhas metrics``: the figures of the last evaluation as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.console import SafeConsole
from rhas.base.errors import RhasError


def metrics(
    folder: Annotated[Path, typer.Argument(help="Folder of results.")] = Path("results"),
) -> None:
    """Print the metrics of the last evaluation, beside answers that know no film.

    Example: rhas metrics
    """
    from rhas.report.summary import make_summary

    if not (folder / "evaluation.json").is_file():
        raise RhasError("no metrics", where=str(folder), do="run `dvc repro`")
    SafeConsole().print(make_summary(folder))
