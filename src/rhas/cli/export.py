"""``rhas export``: what people did in films, as files of labelling tools."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from rhas.base.console import print_text
from rhas.base.errors import RhasError
from rhas.base.files import check_writable, replace_file
from rhas.cli.numbers import check_finite


def export(
    source: Annotated[
        Path,
        typer.Argument(
            help="The folder of `rhas segment`, results/, or data/ (annotations, with true boxes "
            "where there are any, otherwise tracks).",
            show_default=False,
        ),
    ],
    form: Annotated[
        Literal["cvat", "events", "activitynet", "ava", "labelstudio", "eaf", "mot", "coco"],
        typer.Option("--format", help="What to write: docs/FORMATS.md.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder to write, or a file with the ending of the format.")
    ],
    movie: Annotated[
        list[str] | None, typer.Option(help="A film to export; repeat. Default: all.")
    ] = None,
    films: Annotated[
        Path | None,
        typer.Option(exists=True, help="The films' files, or a folder of them: needed where a film "
                     "of variable frame rate is not in data/raw."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="data/ that results/ were made from. "
                     "Default: beside results/."),
    ] = None,
    fps: Annotated[
        float,
        typer.Option(min=0.01, max=1000, callback=check_finite,
                     help="Working rate of films not decoded yet."),
    ] = 15.0,
    min_score: Annotated[
        float,
        typer.Option(min=0, max=1, callback=check_finite,
                     help="Leave out intervals with a lower score."),
    ] = 0.0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write into a folder that has files, or over a file.")
    ] = False,
) -> None:  # fmt: skip
    """Write persons, boxes and actions for CVAT, BORIS, Label Studio, ELAN and others.

    Example: rhas export mini_05 --format cvat --out labels

    `rhas import` reads the corrected files. Frames are those of the film itself, whatever its rate.
    """
    from rhas.data.formats import FORMATS
    from rhas.data.sources import ExportRequest, read_films

    if not replace and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise _taken_error(out, "")
    if not out.is_file():
        check_writable(out if out.is_dir() else out.parent)
    request = ExportRequest(source, data, films, tuple(movie or ()), fps, min_score)
    found = read_films(request)
    is_folder = out.is_dir() or out.name == ".."
    place, name = (out, "") if is_folder else (out.parent, out.name)
    with tempfile.TemporaryDirectory() as temporary:
        written = FORMATS[form].write(found, Path(temporary, name))
        targets = {path: place / path.relative_to(temporary) for path in written}
        taken = [path.name for path in targets.values() if path.exists()]
        if taken and not replace:
            raise _taken_error(place, ", ".join(taken))
        for path, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(target) as new:
                shutil.copyfile(path, new)
            print_text(str(target))
    persons = [person for film in found for person in film.persons]
    intervals = sum(len(person.intervals) for person in persons)
    print_text(f"{len(found)} films, {len(persons)} persons, {intervals} intervals")


def _taken_error(place: Path, names: str) -> RhasError:
    return RhasError(
        "there are files already",
        where=str(place),
        got=names,
        do="name another place with --out, or give --replace",
    )
