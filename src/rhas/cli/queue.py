"""``rhas queue``: a list of experiments, run as far as they are not done."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rhas.base.console import print_text
from rhas.base.errors import RhasError
from rhas.base.files import check_writable, replace_file
from rhas.config.params import find_params, read_yaml

if TYPE_CHECKING:
    from rhas.experiments.listing import Listing, Values
    from rhas.experiments.summary import Costs
    from rhas.report.paper_tables.runs import Run


def queue(
    listing: Annotated[Path, typer.Argument(help="The list, such as benchmarks/ablations.yaml.")],
    workers: Annotated[int, typer.Option(min=1, help="Experiments at once.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Name of a table; repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only print what is done and what is not.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("results"),
    costs: Annotated[
        Path | None, typer.Option(help="What benchmarks/method_cost.py --json printed.")
    ] = None,
) -> None:
    """Run the experiments of a list that are not done yet, and write their metrics.

    Example: rhas queue benchmarks/ablations.yaml --workers 2

    The results are results/LIST.json, .md and .png, LIST.tex in the paper's layout, and LIST.jsonl
    for `rhas table --runs`. You can stop it: it writes what is done, and the same command goes on.
    An experiment that LIST.json has with the same code, settings and data is not run again. A row
    of other code or data stays there until its experiment has been run again.
    """
    from rhas.experiments import (
        experiment_name,
        find_stale_stages,
        list_stored,
        read_costs,
        read_listing,
        read_results,
        run_queue,
    )
    from rhas.report.paper_tables.runs import read_runs

    root, params = Path.cwd(), read_yaml(find_params())
    cost = read_costs(costs) if costs else None  # before the runs, not after them
    whole = read_listing(listing, params)
    target = out / f"{whole.name}.json"
    before = read_results(target)  # refuses another's file before the runs, not after them
    check_writable(out)
    lines = target.with_suffix(".jsonl")
    runs = {run.name: run for run in read_runs(lines)} if lines.is_file() else {}
    named = [
        (experiment_name(e, params, root), e) for e in whole.select_tables(only or []).experiments
    ]
    if stale := find_stale_stages(params, root):
        print_text(
            f"dvc.lock is not of this code and these parameters: {', '.join(stale)}. Until "
            "`dvc repro chunk`, experiments are named by what these stages do, not by what they "
            "make, and what is recorded may not be found", file=sys.stderr,
        )  # fmt: skip
    if dry_run:
        done = list_stored(root)
        for name, experiment in named:
            known = "recorded" if before.find(experiment, name) else "to do"
            print_text(f"{'done' if name in done else known}: {experiment} ({name})")
        return
    to_run = [experiment for name, experiment in named if not before.find(experiment, name)]
    if recorded := len(named) - len(to_run):
        again = "move it away to run them again"
        print_text(f"recorded in {target}: {recorded} of {len(named)}; {again}")
    try:
        failed = run_queue(
            to_run, params, root=root, workers=workers,
            report=lambda line: print_text(line),
        )  # fmt: skip
    except KeyboardInterrupt:
        print_text("stopping; what is done is written first", file=sys.stderr)
        _write_figures(whole, params, root, target, runs, cost)
        raise
    _write_figures(whole, params, root, target, runs, cost)
    if failed:
        raise RhasError(
            f"{len(failed)} experiments failed",
            got=", ".join(map(str, failed)),
            do="look at the logs named above, then run the same command again",
        )


def _write_figures(
    listing: Listing,
    params: Values,
    root: Path,
    target: Path,
    runs: Mapping[str, Run],
    costs: Costs | None,
) -> None:
    """Writes every file of a list; ``runs`` are those of an earlier time, by name."""
    from rhas.experiments import convert_to_runs, draw_costs, format_markdown, write_results
    from rhas.report.paper_tables.layout import make_tables
    from rhas.report.paper_tables.runs import write_runs
    from rhas.report.paper_tables.text import format_tables

    results = write_results(listing, params, root, target)
    with replace_file(target.with_suffix(".md")) as new:
        new.write_text(format_markdown(results), "utf-8")
    found = convert_to_runs(results, params, runs)
    write_runs(found, target.with_suffix(".jsonl"))
    if tables := [t for t in make_tables(found) if any(row.runs for row in t.rows)]:
        with replace_file(target.with_suffix(".tex")) as new:
            new.write_text(format_tables(tables, "latex"), "utf-8")
    if results.select(next(iter(results.tables))):
        draw_costs(results, costs, target.with_suffix(".png"))
    count, earlier = len(results.experiments), len(results.earlier)
    others = f" (of other code or data: {earlier})" if earlier else ""
    print_text(f"{target}: {count} experiments{others}, {len(results.missing)} missing")
