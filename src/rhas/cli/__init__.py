"""The command ``rhas``: what people do beside ``dvc repro``. One module per command."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from rhas.base.errors import RhasError
from rhas.cli import cache, features, metrics

app = typer.Typer(
    help="Referring Human Action Segmentation: what did the person a sentence names do, and when.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("features")(features.features)
app.command("metrics")(metrics.metrics)
app.add_typer(cache.app, name="cache", no_args_is_help=True)


def main() -> None:
    """Entry point: a user's error is a message and exit status 1, no traceback."""
    try:
        app()
    except RhasError as error:
        told = Text.assemble(("error: ", "bold red"), str(error))  # a name may hold brackets
        Console(stderr=True).print(told)
        raise SystemExit(1) from None
