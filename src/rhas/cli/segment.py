"""``rhas segment``: one film and sentences to what each person does, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rhas.base.config import load_params
from rhas.base.errors import RhasError
from rhas.base.formatting import format_duration
from rhas.cli.errors import is_disk_full
from rhas.cli.output import make_console, print_json
from rhas.cli.project import read_film_params

_SHOWN = 6  # actions of a person, those of most frames
_STOPPED = 130  # what shells call a command that Ctrl-C ended


def segment(
    film: Annotated[Path, typer.Argument(help="A film file.", show_default=False)],
    ref: Annotated[
        list[str], typer.Option(help="A sentence that describes a person; once per person.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for everything that is found.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of a trained method.  [default: models/<method>]"),
    ] = None,
    parameters: Annotated[
        Path,
        typer.Option(
            "--params", exists=True, dir_okay=False,
            help="Settings of the stages; checkpoints in it are relative to the folder you are in.",
        ),
    ] = Path("params.yaml"),
    overlay: Annotated[
        bool, typer.Option(help="Draw a film with boxes and actions; about half of the time.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="A summary for programs.")] = False,
) -> None:  # fmt: skip
    """Tell what the persons that sentences name do in a film, and when.

    Writes index.html (open it), intervals.csv and intervals.json, scores.zarr, tracks.h5,
    actions.vtt and overlay.webm into the folder. Stop it and run it again: it goes on. What it
    needs for that lies in .work in the same folder; delete it when you are done.
    """
    from rhas.segment.request import Request, check_out, check_references, look_at

    screen = Console(stderr=True, highlight=False)
    try:
        check_references(ref)
        check_out(out)
        _, info = look_at(film, load_params(parameters))
        width, height = (round(side) for side in info.display_size())
        screen.print(
            f"{film.name}: {format_duration(info.seconds)}, {width}×{height}, {info.codec}; "
            "loading the models",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        values = read_film_params(parameters)
        from rhas.segment.models import find_readout  # seconds, which no error above waits for
        from rhas.segment.run import segment_film
        from rhas.train import load_method

        folder = model or Path("models") / values["method"]
        load_method(folder)  # a clear word on it before its read-out is looked for
        readout = find_readout(folder, Path("results"))
        request = Request(film, tuple(ref), out, folder, readout, values, overlay)
        if readout is None:
            screen.print(
                f"no read-out fitted for {folder}: every class is told from score 0.5 on, and "
                "confidences are unknown; `dvc repro evaluate` fits one",
                style="yellow", markup=False, soft_wrap=True,
            )  # fmt: skip
        told = segment_film(request, lambda line: screen.print(line, markup=False, soft_wrap=True))
    except KeyboardInterrupt:
        screen.print("stopped; the same command goes on from here", style="yellow", markup=False)
        raise typer.Exit(_STOPPED) from None
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise RhasError(
            "the disk is full",
            where=str(out),
            do="make room, or name a folder on another disk; the same command goes on from here",
        ) from error
    if as_json:
        print_json(told)
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    screen = make_console()
    title = Text(f"{told['film']}, {format_duration(told['seconds'])}", style="italic")
    table = Table(title=title, title_justify="left")
    for name in ("person", "reference", "seen", "intervals", "actions"):
        table.add_column(name, overflow="fold", justify="right" if name == "seen" else "left")
    for person in told["persons"]:
        actions = person["actions"]
        more = f" and {len(actions) - _SHOWN} more" if len(actions) > _SHOWN else ""
        said = ", ".join(actions[:_SHOWN]) + more
        table.add_row(
            str(person["person"]),
            Text(person["reference"]),
            f"{person['seen']:.0%}",
            str(person["intervals"]),
            Text(said if person["found"] else "not found: nothing is said of them"),
        )
    screen.print(table)
    screen.print(f"{told['out']}/index.html", markup=False, soft_wrap=True)
