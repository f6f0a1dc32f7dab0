"""``rhas cache``: show and prune the work cache."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rhas.engine.stage import work_root
from rhas.engine.workcache import Entry, WorkCache

app = typer.Typer(help="Show and prune the work cache: each film's result of each stage.")


@app.command("show")
def cache_show(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Entries and bytes per stage, and how much of it nothing else links to any more."""
    stages: dict[str, list[Entry]] = defaultdict(list)
    cache = WorkCache(work_root())
    for entry in cache.entries():
        stages[entry.stage].append(entry)
    rows = [
        {
            "stage": stage,
            "entries": len(entries),
            "films": len({entry.name for entry in entries}),
            "bytes": sum(_bytes(entry) for entry in entries),
            "unlinked_entries": sum(not _linked(entry) for entry in entries),
            "unlinked_bytes": sum(_bytes(entry) for entry in entries if not _linked(entry)),
        }
        for stage, entries in stages.items()
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(title=str(cache.root), title_justify="left")
    for heading in ("stage", "films", "entries", "MB", "unlinked", "MB unlinked"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for row in rows:
        table.add_row(
            str(row["stage"]),
            str(row["films"]),
            str(row["entries"]),
            _mb(row["bytes"]),
            str(row["unlinked_entries"]),
            _mb(row["unlinked_bytes"]),
        )
    Console().print(table)


@app.command("prune")
def cache_prune(
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Remove linked entries too, and where unfinished trainings are; "
            "the next run computes again.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be removed.")] = False,
) -> None:
    """Remove entries whose files neither the workspace nor DVC's cache links to.

    Run `dvc gc -w` first to let go of what no current stage uses.
    """
    cache = WorkCache(work_root())
    doomed = [entry for entry in cache.entries() if everything or not _linked(entry)]
    unfinished = _unfinished(cache) if everything else []
    freed = sum(_bytes(entry) for entry in doomed) + sum(p.stat().st_size for p in unfinished)
    if not dry_run:
        for entry in doomed:
            cache.remove(entry)
        for checkpoint in unfinished:
            checkpoint.unlink()
    verb = "would remove" if dry_run else "removed"
    trainings = f" and {len(unfinished)} unfinished trainings" if unfinished else ""
    print(f"{verb} {len(doomed)} entries{trainings}, {_mb(freed)} MB")


def _unfinished(cache: WorkCache) -> list[Path]:
    """Checkpoints of trainings that have not come to their end."""
    from rhas.train import CHECKPOINT

    return sorted((cache.root / "train").glob(f"*/{CHECKPOINT}"))


def _linked(entry: Entry) -> bool:
    return any(path.stat().st_nlink > 1 for path in entry.files())


def _bytes(entry: Entry) -> int:
    return sum(path.stat().st_size for path in entry.files())


def _mb(size: object) -> str:
    return f"{int(str(size)) / 1e6:,.1f}"
