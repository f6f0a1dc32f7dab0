"""The user's films and tables in data/own (data/own/README.md), read and checked."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.data.annotations import ANNOTATIONS, TimedAction, read_annotations
from rhas.data.drawn_table import Picture, Tracks, read_drawn_table
from rhas.data.films import FILM_SUFFIXES, list_films
from rhas.data.references import REFERENCES, read_references
from rhas.decode.container import inspect_once
from rhas.stores.classes import find_classes

TOLERANCE_S = 1.0
"""Seconds by which an annotation may end after its film: people round to whole seconds."""


@dataclass(frozen=True)
class UserFilms:
    """Films and tables that belong together.

    Args:
        files: film by movie.
        references: sentences of persons 0, 1, 2, ... by movie.
        subsets: train, val, test or None by movie.
        annotations: with names of ``classes``.
        classes: of the data set.
        drawn: where people drew a person.
    """

    files: Mapping[str, Path]
    references: Mapping[str, tuple[str, ...]]
    subsets: Mapping[str, str | None]
    annotations: Sequence[TimedAction]
    classes: ClassList = RHAS133
    drawn: Tracks = field(default_factory=dict)


def read_user_films(source: Path) -> UserFilms:
    """Reads and checks the tables, and opens the films that are annotated.

    Args:
        source: a folder with ``films/``, ``references.csv`` (movie, person, reference and
            optionally subset) and, for training, ``annotations.csv`` and, for other classes than
            RHAS133's, ``classes.txt``; where people drew boxes, ``boxes.csv``.

    Raises:
        RhasError: names the file and line of what is missing, unknown, malformed or duplicated.
    """
    people = read_references(source / REFERENCES)
    files = _find_films(source / "films", people.sentences)
    table = str(source / ANNOTATIONS)
    rows = [replace(row, movie=movie_name(row.movie, table)) for row in read_annotations(source)]
    for row in rows:
        if row.person not in range(len(people.sentences.get(row.movie, ()))):
            raise RhasError(
                "an annotation of a film or person without reference",
                where=table,
                got=f"movie {row.movie}, person {row.person}",
                do="add the person to references.csv, or remove the line",
            )
    _check_ends(table, files, rows)
    drawn = read_drawn_table(
        source,
        {m: range(len(texts)) for m, texts in people.sentences.items()},
        measure_films(files),
    )
    return UserFilms(files, people.sentences, people.subsets, rows, find_classes(source), drawn)


def measure_films(files: Mapping[str, Path]) -> dict[str, Picture]:
    """Size and length of the films that can be read."""
    found = {}
    for movie, path in files.items():
        with suppress(RhasError):  # the decode stage reports what is wrong with it
            info = inspect_once(path)
            width, height = info.turned_size
            length = math.inf if info.missing else info.seconds
            found[movie] = Picture(width, height, length)
    return found


def _find_films(folder: Path, movies: Mapping[str, object]) -> dict[str, Path]:
    """File by movie; films that no reference names are listed on standard error."""
    files = list_films(folder)
    missing = [movie for movie in movies if movie not in files]
    if missing:
        raise RhasError(
            "films of references.csv are missing",
            where=str(folder),
            got=", ".join(missing),
            expected=f"a file <movie>{{{','.join(FILM_SUFFIXES)}}}",
            do="add the film or remove its lines",
        )
    unused = [path.name for movie, path in files.items() if movie not in movies]
    if unused:
        print(
            f"prepare: {len(unused)} films without a reference are left out: {', '.join(unused)}",
            file=sys.stderr,
        )
    return files


def _check_ends(table: str, files: Mapping[str, Path], rows: Sequence[TimedAction]) -> None:
    """Annotations must lie inside their film; the length of a damaged film is unknown."""
    seconds = {movie: _film_seconds(files[movie]) for movie in {r.movie for r in rows}}
    for row in rows:
        length = seconds[row.movie]
        if length is not None and (row.start_s >= length or row.end_s > length + TOLERANCE_S):
            raise RhasError(
                "an annotation outside its film",
                where=table,
                expected=f"0 to {length:.3f} s, the length of {files[row.movie].name}",
                got=f"movie {row.movie}, person {row.person}, {row.action}, "
                f"{row.start_s:.3f} to {row.end_s:.3f} s",
                do="times are seconds from the film's first picture, not frames or minutes",
            )


def _film_seconds(path: Path) -> float | None:
    try:
        info = inspect_once(path)
    except RhasError:  # the decode stage reports what is wrong with it
        return None
    return None if info.missing else info.seconds
