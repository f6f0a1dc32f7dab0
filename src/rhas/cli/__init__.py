"""The command ``rhas``: what people do beside ``dvc repro``. One module per command."""

from __future__ import annotations

import os
import sys

import typer

from rhas.base.errors import RhasError
from rhas.cli import (
    cache,
    check,
    diff,
    features,
    imports,
    inspect,
    metrics,
    queue,
    report,
    score,
    segment,
    table,
)
from rhas.cli.errors import explain_os_error, is_disk_full
from rhas.cli.output import print_error

app = typer.Typer(
    help="From a film and a sentence that describes a person to what that person did, and when. "
    "`make repro` runs the whole pipeline; these commands are for everything beside it. Run them "
    "in the project's folder.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
app.command("segment")(segment.segment)
app.command("check")(check.check)
app.add_typer(imports.app, name="import", no_args_is_help=True)
app.command("inspect")(inspect.inspect)
app.command("diff")(diff.diff)
app.command("features")(features.features)
app.command("metrics")(metrics.metrics)
app.command("score")(score.score)
app.command("report")(report.report)
app.add_typer(table.app, name="table")
app.command("queue")(queue.queue)
app.add_typer(cache.app, name="cache", no_args_is_help=True)


def main() -> None:
    """Entry point: what a user can correct is a message and exit status 1, without a traceback."""
    try:
        app()
    except RhasError as error:
        _exit_with(error, error.__cause__)
    except OSError as error:
        message = explain_os_error(error)
        if message is None:
            raise
        _exit_with(message, error)


def _exit_with(error: RhasError, cause: BaseException | None) -> None:
    print_error(error)
    if is_disk_full(cause):
        sys.stderr.flush()
        os._exit(1)  # HDF5 crashes at a regular exit where it could not close a file
    raise SystemExit(1) from None
