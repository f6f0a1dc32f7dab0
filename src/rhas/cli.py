"""The command ``rhas``: what people do beside ``dvc repro``."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rhas.base.config import load_params
from rhas.base.errors import RhasError
from rhas.engine.stage import work_root
from rhas.engine.workcache import Entry, WorkCache

app = typer.Typer(
    help="Referring Human Action Segmentation: what did the person a sentence names do, and when.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
cache_app = typer.Typer(help="Show and prune the work cache: each film's result of each stage.")
app.add_typer(cache_app, name="cache", no_args_is_help=True)


@app.command()
def features(
    films: Annotated[list[Path], typer.Argument(help="Film files.", show_default=False)],
    ref: Annotated[
        list[str], typer.Option(help="A sentence that describes a person; once per person.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for frames, boxes, tracks and features.")],
    parameters: Annotated[
        Path,
        typer.Option(
            "--params", exists=True, dir_okay=False,
            help="Settings of the stages; checkpoints in it are relative to the folder you are in.",
        ),
    ] = Path("params.yaml"),
) -> None:  # fmt: skip
    """Decode films, find the persons, and extract their features, as the pipeline does.

    Every film is tried; a broken one is named at the end and makes the exit status 1.
    """
    from rhas.features import extract_features

    out.mkdir(parents=True, exist_ok=True)
    cache = WorkCache(work_root() if Path(".dvc").is_dir() else out / ".work")
    failures = extract_features(films, ref, load_params(parameters), cache, out)
    for movie, error in failures.items():
        Console(stderr=True).print(f"[bold red]{movie}:[/] {error}", highlight=False)
    print(f"{len(films) - len(failures)} of {len(films)} films in {out}")
    raise typer.Exit(1 if failures else 0)


@app.command()
def metrics(
    folder: Annotated[Path, typer.Argument(help="Where evaluate wrote.")] = Path("results"),
) -> None:
    """The figures of the last evaluation beside a constant answer and chance."""
    from rhas.evaluate.summary import summary

    if not (folder / "metrics.json").is_file():
        raise RhasError("no metrics", where=str(folder), do="run `dvc repro`")
    Console().print(summary(folder))


@cache_app.command("show")
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


@cache_app.command("prune")
def cache_prune(
    everything: Annotated[
        bool, typer.Option("--all", help="Remove linked entries too; the next run computes again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be removed.")] = False,
) -> None:
    """Remove entries whose files neither the workspace nor DVC's cache links to.

    Run `dvc gc -w` first to let go of what no current stage uses.
    """
    cache = WorkCache(work_root())
    doomed = [entry for entry in cache.entries() if everything or not _linked(entry)]
    freed = sum(_bytes(entry) for entry in doomed)
    if not dry_run:
        for entry in doomed:
            cache.remove(entry)
    verb = "would remove" if dry_run else "removed"
    print(f"{verb} {len(doomed)} entries, {_mb(freed)} MB")


def _linked(entry: Entry) -> bool:
    return any(path.stat().st_nlink > 1 for path in entry.files())


def _bytes(entry: Entry) -> int:
    return sum(path.stat().st_size for path in entry.files())


def _mb(size: object) -> str:
    return f"{int(str(size)) / 1e6:,.1f}"


def main() -> None:
    """Entry point: a user's error is a message and exit status 1, no traceback."""
    try:
        app()
    except RhasError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {error}", highlight=False)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
