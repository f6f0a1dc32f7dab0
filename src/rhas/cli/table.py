"""``rhas table``: our runs beside the paper's figures, and the statistics of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console

from rhas.base.errors import RhasError

app = typer.Typer(help="Our runs in the layout of the paper's tables.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def table(
    context: typer.Context,
    number: Annotated[
        list[int] | None,
        typer.Option("--table", help="2 to 6, as in the paper; may be repeated. Default: all."),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of runs (JSON lines, as --save writes) instead of this project's."
        ),
    ] = None,
    all_commits: Annotated[
        bool, typer.Option(help="Experiments of all commits, not of the last one alone.")
    ] = False,
    further: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Another column of the clean tables: map, interval_f1_10, interval_f1_25, "
            "interval_f1_50, label_set_iou; may be repeated.",
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex or json.")
    ] = "markdown",
    out: Annotated[Path | None, typer.Option(help="Write into this file.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the runs into this file, too, for --runs.")
    ] = None,
) -> None:
    """Tables 2 to 6 of the paper from `dvc exp` results: ours beside the paper's, clean figures
    first, then as published.

    The workspace, the last commit and its experiments are read, with the settings they were made
    with. Runs that differ in their seed alone are one row, mean ± standard deviation; a row whose
    other settings differ from the usual ones names them. What has not been measured is a dash.
    """
    if context.invoked_subcommand is not None:
        return
    from rhas.table.layout import paper_tables
    from rhas.table.runs import read_experiments, read_file, write_file
    from rhas.table.text import Format, render

    if form not in (known := get_args(Format)):
        raise RhasError("no such format", where="--format", expected=", ".join(known), got=form)
    told = Console(stderr=True, highlight=False)
    if runs:
        found = [run for path in runs for run in read_file(path)]
    else:
        found = read_experiments(
            Path.cwd(), all_commits, lambda reason: told.print(f"left out: {reason}", markup=False)
        )
    text = render(paper_tables(found, number or (), further or ()), form)  # type: ignore[arg-type]
    if save:
        write_file(found, save)
    if out:
        out.write_text(text, "utf-8")
    else:
        print(text, end="")
