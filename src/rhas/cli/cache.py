"""``rhas cache``: show, verify and prune the work cache."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rhas.base.console import print_text
from rhas.cli.output import Column, print_json, print_table
from rhas.engine.pruning import (
    StageUsage,
    links_are_countable,
    measure_stages,
    prune_entries,
    prune_trainings,
)
from rhas.engine.stage import work_root
from rhas.engine.taking import find_dvc_objects
from rhas.engine.verifying import Repair, repair_caches, verify_caches
from rhas.engine.workcache import WorkCache
from rhas.engine.workers import count_workers

_COPIES = (
    "the workspace or DVC's cache contains copies of the entries, not links (another disk or file "
    "system, or cache.type): what is in use is unknown, `rhas cache prune --all` removes all"
)

app = typer.Typer(help="Show, verify and prune the work cache: each film's result of each stage.")


@app.command("show")
def show_cache(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show how many results the work cache has per stage, and how many nothing else uses.

    Example: rhas cache show
    """
    cache = WorkCache(work_root())
    usages = measure_stages(cache)
    if as_json:
        print_json([asdict(usage) for usage in usages])
        return
    headings = ("films", "entries", "MB", "unlinked", "MB unlinked")
    columns = [Column("stage"), *(Column(heading, right=True) for heading in headings)]
    print_table(columns, map(_format_usage, usages), str(cache.root))
    if any(usage.unlinked_entries is None for usage in usages):
        print_text(_COPIES)
    if aside := len(cache.list_damaged()):
        print_text(f"damaged and set aside: {aside} entries; `rhas cache prune` removes them")


@app.command("prune")
def prune_cache(
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Remove linked entries and the checkpoints of unfinished trainings, too; "
            "the next run computes them again.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be removed.")] = False,
) -> None:
    """Remove results that neither the workspace nor DVC's cache uses.

    Example: rhas cache prune --dry-run

    Run `dvc gc -w` first to release what no current stage uses. A stage or training that is
    running is left alone. Where entries are copied and not linked, nothing is removed without
    --all.
    """
    from rhas.train import CHECKPOINT

    cache = WorkCache(work_root())
    entries: list[int] = []
    if not everything and any(cache.list_entries()) and not links_are_countable(cache.root):
        print_text(_COPIES)
    else:
        entries = prune_entries(cache, everything, dry_run, _print_busy)
    trainings = prune_trainings(cache, CHECKPOINT, dry_run, _print_busy) if everything else []
    verb = "would remove" if dry_run else "removed"
    also = f" and {len(trainings)} unfinished trainings" if trainings else ""
    size = _format_mb(sum(entries) + sum(trainings))
    print_text(f"{verb} {len(entries)} entries{also}, {size} MB")


@app.command("verify")
def verify_cache(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Set damaged entries aside, remove damaged files of DVC's cache and of the "
            "workspace, and run the stages that wrote those (`dvc repro --single-item`).",
        ),
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Read only entries whose files have another size or time than when they were "
            "written, and nothing of DVC's cache.",
        ),
    ] = False,
) -> None:
    """Compare results with the checksums of when they were computed; --repair makes them again.

    Example: rhas cache verify --repair

    Reads every file of the work cache and of DVC's cache.

    Exit status: 0; 1 where something is damaged and was not repaired. The damaged results of a
    stage that is running are left alone.
    """
    cache = WorkCache(work_root())
    found = verify_caches(cache, find_dvc_objects(cache.root), quick=quick, threads=count_workers())
    for damage in found.damaged:
        print_text(f"damaged: {damage.folder.parent.name}, {damage}")
    for path in found.damaged_objects:
        print_text(f"damaged: DVC's cache, other content than its name says ({path})")
    count = len(found.damaged) + len(found.damaged_objects)
    print_text(
        f"checked {found.entries} entries and {found.objects} files of DVC's cache: {count} damaged"
    )
    if count and not repair:
        print_text("repair: `rhas cache verify --repair`")
        raise typer.Exit(1)
    if count:
        _finish_repair(repair_caches(cache, found))


def _finish_repair(done: Repair) -> None:
    """Makes the outputs of stages again, what is missing of them; says what is still damaged."""
    _run_stages(done.stages)
    if done.running:
        verb = "is" if len(done.running) == 1 else "are"
        print_text(f"not repaired: {', '.join(done.running)} {verb} running")
        print_text("repair, once that has ended: `rhas cache verify --repair`")
        raise typer.Exit(1)
    print_text("repaired; other checkouts that share the cache: run `dvc repro` there")


def _run_stages(stages: list[str]) -> None:
    for stage in stages:
        print_text(f"{stage}: its output had damaged files, it runs again")
        command = [sys.executable, "-m", "dvc", "repro", "--single-item", stage]
        if status := subprocess.run(command, env=_same_python(), check=False).returncode:
            raise typer.Exit(status)


def _same_python() -> dict[str, str]:
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {**os.environ, "PATH": os.pathsep.join(paths)}


def _print_busy(stage: str) -> None:
    print_text(f"{stage}: running, left alone")


def _format_usage(usage: StageUsage) -> list[str]:
    return [
        usage.stage,
        str(usage.films),
        str(usage.entries),
        _format_mb(usage.bytes),
        "?" if usage.unlinked_entries is None else str(usage.unlinked_entries),
        "?" if usage.unlinked_bytes is None else _format_mb(usage.unlinked_bytes),
    ]


def _format_mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"
