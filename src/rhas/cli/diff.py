"""``rhas diff``: two stores, sets of samples or checkpoints compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rhas.base.console import print_text
from rhas.base.errors import RhasError
from rhas.cli.numbers import check_finite
from rhas.cli.output import make_console, print_error, print_json

_ROWS = 60


def diff(
    a: Annotated[
        Path,
        typer.Argument(
            help="A feature store, a frames, boxes or tracks file, or a folder of them; "
            "data/samples; models/METHOD; weights/NAME; scores.zarr.",
            show_default=False,
        ),
    ],
    b: Annotated[Path, typer.Argument(help="Another of the same kind.", show_default=False)],
    atol: Annotated[
        float,
        typer.Option(
            min=0,
            callback=check_finite,
            help="Absolute differences of numbers up to this are none.",
        ),
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compare two stores, sets of samples, models or checkpoints.

    Example: rhas diff data/features/blip2 ../other/data/features/blip2 --atol 0.001

    Every value is read; of a trained model all but the report of its training.

    Exit status as diff's: 0 they are equal, 1 they differ, 2 trouble.
    """
    from rhas.stores.compare import compare_paths

    try:
        found = compare_paths(a, b, atol)
    except Exception as error:  # whatever a library raises where a store is damaged
        print_error(error if isinstance(error, RhasError) else _describe_unreadable(a, b, error))
        raise typer.Exit(2) from None
    if as_json:
        print_json({"equal": not found, "differences": [vars(one) for one in found]})
    elif not found:
        print_text("equal" if not atol else f"equal within {atol:g}")
    else:
        table = Table(title=f"A {a}\nB {b}", title_justify="left")
        for heading in ("where", "what", "A", "B", "how many", "largest", "at"):
            table.add_column(heading, overflow="fold")
        for one in found[:_ROWS]:
            values = one.what == "values"
            table.add_row(
                Text(one.where),
                one.what,
                Text(one.a),
                Text(one.b),
                f"{one.count:,}" if values else "",
                f"{one.largest:.4g}" if values else "",
                ", ".join(map(str, one.at)) if values else "",
            )
        make_console().print(table)
        if len(found) > _ROWS:
            print_text(f"and {len(found) - _ROWS} more; --json prints them all")
    raise typer.Exit(1 if found else 0)


def _describe_unreadable(a: Path, b: Path, error: Exception) -> RhasError:
    """What stops a comparison: a file that is absent, may not be read, or holds something else."""
    if isinstance(error, OSError) and error.filename:
        return RhasError("the file cannot be read", where=str(error.filename),
                         got=str(error.strerror))  # fmt: skip
    return RhasError("they cannot be compared", where=f"{a}, {b}",
                     got=f"{type(error).__name__}: {error}")  # fmt: skip
