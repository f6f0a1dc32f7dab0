"""``rhas report``: the report of the last run again, with the spread over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    out: Annotated[Path, typer.Option(help="The page to write, e.g. report.html.")],
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="Files of runs (`rhas table --save`) beside this project's experiments."),
    ] = None,
    all_commits: Annotated[
        bool, typer.Option(help="Experiments of all commits, not of the last one alone.")
    ] = False,
) -> None:
    """Write the report of the last run again, with mean and standard deviation over seeds.

    Example: rhas report --out report.html

    The seeds are the runs that differ from this one in nothing else. The stage evaluate writes the
    page of one run: what it makes may depend on nothing but that run.
    """
    from rhas.base.console import SafeConsole, print_text
    from rhas.report.paper_tables.runs import read_runs
    from rhas.report.seeds import write_page_with_seeds

    told = SafeConsole(stderr=True, highlight=False)
    further = [run for path in runs or () for run in read_runs(path)]
    seeds = write_page_with_seeds(
        out, further, all_commits,
        lambda reason: told.print(f"left out: {reason}"),
    )  # fmt: skip
    print_text(f"{out}: seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}")
