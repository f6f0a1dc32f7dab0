"""``rhas cache``: show and prune the work cache."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rhas.engine.lock import if_idle
from rhas.engine.stage import LOCK, work_root
from rhas.engine.workcache import Entry, WorkCache

_COPIES = (
    "the workspace or DVC's cache holds copies of the entries, not links (another disk or file "
    "system, or cache.type): what is in use cannot be told, `rhas cache prune --all` removes all"
)

app = typer.Typer(help="Show and prune the work cache: each film's result of each stage.")


@app.command("show")
def cache_show(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Entries and bytes per stage, and how much of it nothing else links to any more."""
    cache = WorkCache(work_root())
    stages = _by_stage(cache)
    known = not stages or _links_tell(cache.root)
    rows: list[dict[str, object]] = []
    for stage, entries in stages.items():
        unlinked = [entry for entry in entries if not _linked(entry)]
        rows.append(
            {
                "stage": stage,
                "entries": len(entries),
                "films": len({entry.name for entry in entries}),
                "bytes": sum(map(_bytes, entries)),
                "unlinked_entries": len(unlinked) if known else None,
                "unlinked_bytes": sum(map(_bytes, unlinked)) if known else None,
            }
        )
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
            str(row["unlinked_entries"]) if known else "?",
            _mb(row["unlinked_bytes"]) if known else "?",
        )
    Console().print(table)
    if not known:
        print(_COPIES)


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

    Run `dvc gc -w` first to let go of what no current stage uses. A stage or training that is at
    work is left alone. Where entries are copied and not linked, nothing is removed without --all.
    """
    cache = WorkCache(work_root())
    stages = list(_by_stage(cache))
    if stages and not everything and not _links_tell(cache.root):
        print(_COPIES)
        stages = []
    entries = [size for s in stages for size in _pruned_entries(cache, s, everything, dry_run)]
    trainings = list(_pruned_trainings(cache, dry_run)) if everything else []
    verb = "would remove" if dry_run else "removed"
    also = f" and {len(trainings)} unfinished trainings" if trainings else ""
    print(f"{verb} {len(entries)} entries{also}, {_mb(sum(entries) + sum(trainings))} MB")


def _pruned_entries(cache: WorkCache, stage: str, everything: bool, dry_run: bool) -> Iterator[int]:
    """The size of every entry of a stage that is not needed, which goes unless ``dry_run``."""
    with _idle(cache.root, stage) as idle:
        for entry in cache.entries() if idle else ():
            if entry.stage == stage and (everything or not _linked(entry)):
                yield _bytes(entry)
                if not dry_run:
                    cache.remove(entry)


def _pruned_trainings(cache: WorkCache, dry_run: bool) -> Iterator[int]:
    """The size of every checkpoint of a training that has not come to its end, likewise."""
    from rhas.train import CHECKPOINT

    for checkpoint in sorted((cache.root / "train").glob(f"*/{CHECKPOINT}")):
        with _idle(cache.root, f"train/{checkpoint.parent.name}") as idle:
            if idle and checkpoint.is_file():
                yield checkpoint.stat().st_size
                if not dry_run:
                    checkpoint.unlink()


def _by_stage(cache: WorkCache) -> dict[str, list[Entry]]:
    stages: dict[str, list[Entry]] = defaultdict(list)
    for entry in cache.entries():
        stages[entry.stage].append(entry)
    return stages


@contextmanager
def _idle(root: Path, stage: str) -> Iterator[bool]:
    """Whether no run has this `stage_lock`; none gets it meanwhile.

    Entries of a stage at work are linked to its output at its end.
    """
    with if_idle(root / stage / LOCK) as idle:
        if not idle:
            print(f"{stage}: at work, left alone")
        yield idle


def _links_tell(root: Path) -> bool:
    """Whether entries that are in use have another hard link.

    They have none where the workspace or DVC's cache is on another disk, or on a file system whose
    copies share their blocks (DVC prefers those), or where `cache.type` does not begin with
    hardlink.
    """
    from dvc.repo import Repo
    from dvc_objects.fs.generic import test_links

    with Repo() as repo:
        odb = repo.cache.local
        places = repo.root_dir, repo.cache.local_cache_dir
        kinds = ["reflink", "hardlink"]
        try:
            made = [test_links(kinds, odb.fs, str(root), odb.fs, f"{p}/file") for p in places]
        except OSError:
            return False
        return odb.cache_types[:1] == ["hardlink"] and all(kind == ["hardlink"] for kind in made)


def _linked(entry: Entry) -> bool:
    return any(path.stat().st_nlink > 1 for path in entry.files())


def _bytes(entry: Entry) -> int:
    return sum(path.stat().st_size for path in entry.files())


def _mb(size: object) -> str:
    return f"{int(str(size)) / 1e6:,.1f}"
