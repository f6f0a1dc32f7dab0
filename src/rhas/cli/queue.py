"""``rhas queue``: a list of experiments, run as far as they are not done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.config import load_params
from rhas.base.errors import RhasError
from rhas.cli.project import params_here


def queue(
    listing: Annotated[Path, typer.Argument(help="E.g. benchmarks/ablations.yaml.")],
    workers: Annotated[int, typer.Option(min=1, help="Experiments at once.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Name of a table; repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what is done and what is not.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = Path("results"),
    costs: Annotated[
        Path | None, typer.Option(help="What benchmarks/methods.py --json printed.")
    ] = None,
) -> None:
    """Run the experiments of a list that are not done yet, and write their figures.

    They go to results/LIST.json, .md and .png, to LIST.tex in the paper's
    layout, and to LIST.jsonl for `rhas table --runs`.

    Stopped at any time, it writes what is done; the same command goes on.
    What LIST.json has of the same code and settings is done too, in a fresh
    clone say; without that file all is run anew.
    """
    from rhas.experiments import (
        draw,
        experiment_name,
        markdown,
        read_costs,
        read_listing,
        recorded,
        run_queue,
        runs_of,
        stored,
        write_records,
    )
    from rhas.table.layout import paper_tables
    from rhas.table.runs import write_file
    from rhas.table.text import render

    root, params = Path.cwd(), load_params(params_here())
    cost = read_costs(costs) if costs else None  # before the runs, not after them
    whole = read_listing(listing, params)
    listed = whole.only(only or [])
    target = out / f"{whole.name}.json"
    records = recorded(target)  # refuses another's file before the runs, not after them
    names = [(experiment_name(e, params, root), e) for e in listed.experiments]
    known = [e for name, e in names if (name, e.table, e.row) in records]
    if dry_run:
        done = stored(root)
        for name, experiment in names:
            state = "done" if name in done else "recorded" if experiment in known else "to do"
            print(f"{state}: {experiment} ({name})")
        return

    def write() -> None:
        said = write_records(whole, params, root, target)
        target.with_suffix(".md").write_text(markdown(said), "utf-8")
        runs = runs_of(said, params)
        write_file(runs, target.with_suffix(".jsonl"))
        if runs:
            told = [table for table in paper_tables(runs) if any(row.runs for row in table.rows)]
            target.with_suffix(".tex").write_text(render(told, "latex"), "utf-8")
        if any(record["table"] == next(iter(said["tables"])) for record in said["experiments"]):
            draw(said, cost, target.with_suffix(".png"))
        print(f"{target}: {len(said['experiments'])} experiments, {len(said['missing'])} missing")

    if known:
        again = "move it away to run them again"
        print(f"recorded in {target}: {len(known)} of {len(names)}; {again}", flush=True)
    try:
        failed = run_queue(
            [e for _, e in names if e not in known], params, root=root, workers=workers,
            tell=lambda line: print(line, flush=True),
        )  # fmt: skip
    except KeyboardInterrupt:
        write()
        raise
    write()
    if failed:
        raise RhasError(
            f"{len(failed)} experiments failed",
            got=", ".join(map(str, failed)),
            do="look at the logs named above, then run the same command again",
        )
