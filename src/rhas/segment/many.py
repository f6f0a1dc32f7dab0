"""Several films in one go (`rhas segment FILMS...`): each in a folder, and an overview of all.

A film that fails stops no other. The overview is written anew after every film.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from rhas.base.errors import RhasError
from rhas.base.files import check_writable, read_csv, replace_file, write_csv, write_json
from rhas.base.names import add_film, movie_name, suggest_name
from rhas.base.sentences import check_references
from rhas.data.films import find_films
from rhas.data.references import read_references
from rhas.report.images import embed_thumbnail
from rhas.report.templates import render
from rhas.segment.records import FilmSummary
from rhas.segment.request import INTERVALS, PAGE
from rhas.segment.tables import COLUMNS
from rhas.stores.tracks import BoxSource, open_tracks

OVERVIEW = "films.json"
TABLE = "intervals.csv"
_CROP_SIDE = 72  # pixels


@dataclass(frozen=True)
class FilmTask:
    """A film to segment.

    Args:
        movie: its name, and that of its folder.
        film: the file.
        references: a sentence per person.
    """

    movie: str
    film: Path
    references: tuple[str, ...]


class FilmOutcome(TypedDict):
    """What became of a film, as in films.json: its summary, or why there is none."""

    movie: str
    film: str
    summary: FilmSummary | None
    error: str | None


@dataclass(frozen=True)
class _Part:
    """What the overview shows of a film: rows of its intervals, and a picture per person."""

    rows: list[list[str]]
    crops: list[str | None]


def plan_films(
    paths: Sequence[Path], table: Path | None, references: Sequence[str]
) -> tuple[list[FilmTask], list[str]]:
    """The films to segment, and warnings.

    Args:
        paths: films, and folders whose films are taken.
        table: a references.csv (movie, person, reference); None without one.
        references: sentences for every film that is not in the table.

    Raises:
        RhasError: a folder without films, two films of one name, a film without a sentence, a
            wrong sentence or table.
    """
    if references:
        check_references(references)
    films: dict[str, Path] = {}
    for path in paths:
        found = find_films(path) if path.is_dir() else {movie_name(path.stem, str(path)): path}
        for movie, film in found.items():
            add_film(films, movie, film)
    named: Mapping[str, tuple[str, ...]] = read_references(table).sentences if table else {}
    tasks = [FilmTask(name, film, named.get(name, tuple(references)))
             for name, film in films.items()]  # fmt: skip
    without = [task.movie for task in tasks if not task.references]
    if without:
        hint = suggest_name(without[0], named)
        raise RhasError(
            "films without a sentence about a person",
            where=str(table or "--ref"),
            got=", ".join(without) + (f" ({hint})" if hint else ""),
            do="add them to the table, or give a --ref for all films that are not in it",
        )
    unused = [movie for movie in named if movie not in films]
    warnings = [f"{table}: no such film among those given: {', '.join(unused)}"] if unused else []
    return tasks, warnings


def check_overview_folder(out: Path) -> None:
    """Raises RhasError where ``out`` cannot be written or has files that `segment_films` would
    replace."""
    check_writable(out)
    taken = [name for name in (PAGE, TABLE, INTERVALS) if (out / name).exists()]
    if taken and not (out / OVERVIEW).is_file():
        raise RhasError(
            "the output folder contains files that `rhas segment` would replace",
            where=str(out),
            got=", ".join(taken),
            do="name another folder with --out",
        )


def segment_films(
    tasks: Sequence[FilmTask],
    segment: Callable[[FilmTask, Path], FilmSummary],
    out: Path,
    tell: Callable[[str], None],
) -> list[FilmOutcome]:
    """Segments films one after the other into ``out/<movie>``; returns what became of each.

    Args:
        tasks: the films.
        segment: does one film, into a folder.
        out: gets films.json, index.html and intervals.csv of all films, too.
        tell: takes a line per film.
    """
    check_overview_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    outcomes: list[FilmOutcome] = []
    parts: dict[str, _Part] = {}
    for number, task in enumerate(tasks, 1):
        tell(f"film {number} of {len(tasks)}: {task.movie}")
        outcome, part = _try_film(task, segment, out)
        outcomes.append(outcome)
        parts[task.movie] = part
        if (error := outcome["error"]) is not None:
            tell(f"{task.movie} failed: {error}")
        _write_overview(outcomes, parts, len(tasks), out)
    return outcomes


def _try_film(
    task: FilmTask, segment: Callable[[FilmTask, Path], FilmSummary], out: Path
) -> tuple[FilmOutcome, _Part]:
    outcome = FilmOutcome(movie=task.movie, film=str(task.film), summary=None, error=None)
    folder = out / task.movie
    try:
        summary = segment(task, folder)
        return {**outcome, "summary": summary}, _Part(_read_intervals(folder), _read_crops(folder))
    except Exception as error:  # whatever is wrong with one film, the others can be done
        return {**outcome, "error": str(error) or type(error).__name__}, _Part([], [])


def _write_overview(
    outcomes: Sequence[FilmOutcome], parts: Mapping[str, _Part], films: int, out: Path
) -> None:
    write_json(out / OVERVIEW, {"films": outcomes, "waiting": films - len(outcomes)})
    rows = [[movie, *row] for movie, part in parts.items() for row in part.rows]
    write_csv(out / TABLE, ("movie", *COLUMNS), rows)
    page = render(
        "films.html.j2",
        title=f"{films} films",
        waiting=films - len(outcomes),
        failed=[outcome for outcome in outcomes if outcome["error"]],
        films=[
            {**o["summary"], "movie": o["movie"], "crops": parts[o["movie"]].crops}
            for o in outcomes
            if o["summary"]
        ],
    )
    with replace_file(out / PAGE) as new:
        new.write_text(page, "utf-8")


def _read_intervals(folder: Path) -> list[list[str]]:
    rows = read_csv(folder / TABLE, do="run `rhas segment` again")
    return [[row[name] for name in COLUMNS] for row in rows]


def _read_crops(folder: Path) -> list[str | None]:
    """A picture of each person, the middle one of those in which they are detected."""
    pictures: list[str | None] = []
    with open_tracks(folder / "tracks.h5") as tracked:
        for track, crops in zip(tracked.tracks.persons, tracked.crops, strict=True):
            detected = (track.source == BoxSource.DETECTED).nonzero()[0]
            image = crops[int(detected[len(detected) // 2])] if len(detected) else None
            pictures.append(None if image is None else embed_thumbnail(image, _CROP_SIDE))
    return pictures
