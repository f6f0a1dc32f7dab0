"""The command ``rhas``: what people do beside ``dvc repro``. One module per command."""

from __future__ import annotations

import typer

from rhas.base.program import exit_stopped, exit_with_message
from rhas.cli import (
    cache,
    check,
    demo,
    diff,
    export,
    features,
    imports,
    inspect,
    metrics,
    profile,
    queue,
    report,
    review,
    score,
    segment,
    slurm,
    table,
    weights,
)
from rhas.cli.output import print_error

_INTERRUPTED = 130  # typer's exit status after a KeyboardInterrupt

app = typer.Typer(
    help="From a film and a sentence that describes a person to what that person did, and when. "
    "`make repro` runs the whole pipeline; these commands are for everything beside it. Run them "
    "in the project's folder; `demo`, and those with `--profile`, run in any.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
app.command("demo")(demo.demo)
app.command("segment")(segment.segment)
app.command("review")(review.review)
app.command("check")(check.check)
app.command("profile")(profile.profile)
app.add_typer(weights.app, name="weights", no_args_is_help=True)
app.add_typer(imports.app, name="import", no_args_is_help=True)
app.command("export")(export.export)
app.command("inspect")(inspect.inspect)
app.command("diff")(diff.diff)
app.command("features")(features.features)
app.command("metrics")(metrics.metrics)
app.command("score")(score.score)
app.command("report")(report.report)
app.add_typer(table.app, name="table")
app.command("queue")(queue.queue)
app.add_typer(slurm.app, name="slurm", no_args_is_help=True)
app.add_typer(cache.app, name="cache", no_args_is_help=True)


def main() -> None:
    """Entry point: what a user can correct is a message and exit status 1, without a traceback."""
    with exit_with_message(print_error):
        try:
            app()
        except SystemExit as error:
            if error.code == _INTERRUPTED:
                exit_stopped()
            raise
