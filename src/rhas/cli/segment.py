"""``rhas segment``: what the persons that sentences describe do in a film, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from rhas.base.errors import RhasError
from rhas.base.formatting import format_duration
from rhas.base.system_errors import is_disk_full
from rhas.cli.output import Column, make_console, print_json, print_note, print_table
from rhas.cli.project import ParamsOption, PersonReferences, ProfileOption, read_settings
from rhas.config.params import FilmParams

if TYPE_CHECKING:  # takes seconds to import
    from rhas.segment.records import FilmSummary

_MAX_ACTIONS = 6  # of a person, those of most frames


def segment(
    film: Annotated[Path, typer.Argument(help="A film file.", show_default=False)],
    ref: PersonReferences,
    out: Annotated[Path, typer.Option(help="Folder for all results.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of a trained method. Default: models/METHOD of params.yaml."),
    ] = None,
    parameters: ParamsOption = None,
    profile: ProfileOption = None,
    overlay: Annotated[
        bool, typer.Option(help="Draw a film with boxes and actions; takes about half the time.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Segment one film: what each described person does, and when.

    Example: rhas segment film.mp4 --ref "the woman in the red coat" --out film

    Writes index.html (open it), intervals.csv and intervals.json, scores.zarr, tracks.h5,
    actions.vtt and overlay.webm into the folder. You can stop the command; run it again and it
    continues. What it needs for that is in .work in the same folder; delete it when you are done.
    """
    try:
        summary = _segment_film(film, ref, out, model, read_settings(parameters, profile), overlay)
    except KeyboardInterrupt:
        print_note("the same command continues from here", "yellow")
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise RhasError(
            "the disk is full",
            where=str(out),
            do="free space, or name a folder on another disk; the same command continues from here",
        ) from error
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


def _segment_film(
    film: Path, ref: list[str], out: Path, model: Path | None, params: FilmParams, overlay: bool
) -> FilmSummary:
    """Checks the request before the models are loaded, then segments the film."""
    from rhas.segment.request import (
        SegmentRequest,
        check_output_folder,
        check_references,
        identify_film,
        list_warnings,
    )

    check_references(ref)
    check_output_folder(out)
    _, info = identify_film(film, params.decode)
    width, height = (round(side) for side in info.display_size())
    length = format_duration(info.seconds)
    print_note(f"{film.name}: {length}, {width}×{height}, {info.codec}; loading the models")
    for warning in list_warnings(film, params.decode):
        print_note(warning, "yellow")
    from rhas.segment.models import find_readout  # takes seconds; the checks above do not wait
    from rhas.segment.run import segment_film
    from rhas.train import load_method

    folder = model or Path("models") / params.method
    load_method(folder)  # its error is clearer than that of a missing read-out
    readout = find_readout(folder, Path("results"))
    request = SegmentRequest(film, tuple(ref), out, folder, readout, params, overlay)
    if readout is None:
        print_note(
            f"no read-out fitted for {folder}: every class is reported from score 0.5 on, and "
            "confidences are unknown; `dvc repro evaluate` fits one",
            "yellow",
        )
    return segment_film(request, print_note)


def _print_summary(summary: FilmSummary) -> None:
    columns = [Column("person", fold=True), Column("reference", fold=True),
               Column("seen", right=True, fold=True), Column("intervals", fold=True),
               Column("actions", fold=True)]  # fmt: skip
    rows = []
    for person in summary["persons"]:
        actions = person["actions"]
        more = f" and {len(actions) - _MAX_ACTIONS} more" if len(actions) > _MAX_ACTIONS else ""
        listed = ", ".join(actions[:_MAX_ACTIONS]) + more
        rows.append([
            str(person["person"]), person["reference"], f"{person['seen']:.0%}",
            str(person["intervals"]), listed if person["found"] else "not found: no actions",
        ])  # fmt: skip
    title = Text(f"{summary['film']}, {format_duration(summary['seconds'])}", style="italic")
    print_table(columns, rows, title)
    make_console().print(f"{summary['out']}/index.html", markup=False, soft_wrap=True)
