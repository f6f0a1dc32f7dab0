"""``rhas inspect``: what the stages wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.checks import worst_level
from rhas.base.console import print_text
from rhas.cli.output import make_check_table, make_console, print_json


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            help="A feature store or a folder of them; a frames, boxes or tracks file or a folder "
            "of them; data/samples; models/METHOD; weights/NAME; scores.zarr.",
            show_default=False,
        ),
    ],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read every value: compare statistics, counts and checksums with what was "
            "recorded, and look for NaN, constant features, undecodable pictures."
        ),
    ] = False,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="START:STOP",
            help="Show these frames of a store, or these samples of the index, STOP exclusive.",
        ),
    ] = None,
    person: Annotated[
        int | None, typer.Option(min=0, help="This person alone, for --window and --plot.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the window's arrays to this file (.npz) instead.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw a store into this picture (.png, .pdf, .svg): features as principal "
            "components over time, labels, coverage, self-similarity; boxes, tracks and scores "
            "over time; frames as a contact sheet; samples by class.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:  # fmt: skip
    """Show what is in a store, a folder of stores, the samples, a model or a checkpoint.

    Example: rhas inspect data/tracks/mini_05.h5 --plot tracks.png

    Without an option only metadata are read, so hundreds of stores take a second or two.

    Exit status: 0; 1 where --verify finds something wrong, or the path or a store in it cannot be
    read.
    """
    _check_options(window, verify, plot, person, out)
    from rhas.inspection.describe import describe_path
    from rhas.inspection.plot import draw_store
    from rhas.inspection.show import format_facts
    from rhas.inspection.verify import verify_path
    from rhas.inspection.window import format_window, parse_window, read_window, write_window
    from rhas.stores.checking import guard_reading

    screen = make_console()
    if window is not None:
        arrays = read_window(path, *parse_window(window), person)
        with guard_reading(path):
            tables = list(format_window(arrays))
        if out is not None:
            write_window(arrays, out)
            print_text(f"{len(arrays)} arrays in {out}: {', '.join(arrays)}")
        elif as_json:
            print_json({name: values.tolist() for name, values in arrays.items()})
        else:
            for table in tables:
                screen.print(table)
        return
    facts = describe_path(path)
    with guard_reading(path):
        pieces = list(format_facts(facts))
    checks = verify_path(path) if verify else []
    if plot is not None:
        draw_store(path, plot, person)
    if as_json:
        print_json(facts | ({"checks": [vars(check) for check in checks]} if verify else {}))
    else:
        for piece in pieces:
            screen.print(piece)
        if verify:
            screen.print(make_check_table(checks, "verified"))
        if plot is not None:
            screen.print(f"picture in {plot}")
    raise typer.Exit(1 if worst_level(checks) == "fail" or facts.get("damaged") else 0)


def _check_options(
    window: str | None, verify: bool, plot: Path | None, person: int | None, out: Path | None
) -> None:
    """Raises typer.BadParameter where one option would have no effect beside the others."""
    if window is not None and (verify or plot is not None):
        other = "--verify" if verify else "--plot"
        raise typer.BadParameter(f"give {other} in a command of its own", param_hint="--window")
    if out is not None and window is None:
        raise typer.BadParameter("--out goes with --window", param_hint="--out")
    if person is not None and window is None and plot is None:
        raise typer.BadParameter("--person goes with --window or --plot", param_hint="--person")
