"""The command ``rhas``: what people do beside ``dvc repro``. One module per command."""

from __future__ import annotations

import typer

from rhas.base.errors import RhasError
from rhas.cli import (
    cache,
    check,
    diff,
    features,
    importing,
    inspect,
    metrics,
    queue,
    report,
    segment,
    table,
)
from rhas.cli.output import print_error

app = typer.Typer(
    help="Referring Human Action Segmentation: what did the person a sentence names do, and when.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("segment")(segment.segment)
app.command("check")(check.check)
app.add_typer(importing.app, name="import", no_args_is_help=True)
app.command("inspect")(inspect.inspect)
app.command("diff")(diff.diff)
app.command("features")(features.features)
app.command("metrics")(metrics.metrics)
app.command("report")(report.report)
app.add_typer(table.app, name="table")
app.command("queue")(queue.queue)
app.add_typer(cache.app, name="cache", no_args_is_help=True)


def main() -> None:
    """Entry point: a user's error is a message and exit status 1, no traceback."""
    try:
        app()
    except RhasError as error:
        print_error(error)
        raise SystemExit(1) from None
