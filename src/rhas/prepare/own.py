"""The user's own films (data/own/README.md): verified, then linked into the form of data/raw."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.base.names import movie_name
from rhas.decode.container import FilmInfo, inspect
from rhas.engine.workcache import link
from rhas.prepare.rendered import write_tables
from rhas.stores.manifest import SUBSETS, Film, Manifest, TimedAction, read_annotations, read_rows

FILM_SUFFIXES = (
    ".mp4", ".mkv", ".webm", ".avi", ".divx", ".mov", ".m4v", ".f4v", ".3gp", ".3g2",
    ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".ogv",
)  # fmt: skip
LATE_S = 1.0
"""Seconds by which an annotation may end after its film: whole seconds are common."""


@dataclass(frozen=True)
class Own:
    """The user's films and tables, found to belong together; all but the last by movie."""

    files: Mapping[str, Path]
    references: Mapping[str, tuple[str, ...]]
    subsets: Mapping[str, str | None]
    annotations: list[TimedAction]


def read_own(source: Path, look: Callable[[Path], FilmInfo] = inspect) -> Own:
    """Reads and checks the tables, and looks into the films that are annotated.

    Args:
        source: a folder with ``films/``, ``references.csv`` (movie, person, reference and, at will,
            subset) and, for training, ``annotations.csv``.
        look: tells what a film holds.

    Raises:
        RhasError: names the file and line of what is missing, unknown, malformed or twice there.
    """
    references, subsets = _read_references(source / "references.csv")
    files = _find_films(source / "films", references)
    annotations = [
        replace(row, movie=movie_name(row.movie, str(source / "annotations.csv")))
        for row in read_annotations(source)
    ]
    for row in annotations:
        if row.person not in range(len(references.get(row.movie, ()))):
            raise RhasError(
                "an annotation of a film or person without reference",
                where=str(source / "annotations.csv"),
                got=f"movie {row.movie}, person {row.person}",
                do="add the person to references.csv, or remove the line",
            )
    _check_ends(source, files, annotations, look)
    return Own(files, references, subsets, annotations)


def assemble_own(source: Path, out: Path) -> None:
    """The folder data/raw of the user's own films.

    Films are hard links where the file system allows it: no film's bytes are changed, but DVC
    makes what it stores read-only, and with it the file in ``source``.

    Args:
        source: see `read_own`.
        out: exists, empty.

    Raises:
        RhasError: see `read_own`.
    """
    own = read_own(source)
    (out / "films").mkdir()
    films = []
    for movie, sentences in own.references.items():
        file = f"films/{movie}{own.files[movie].suffix}"
        link(own.files[movie].resolve(), out / file)  # a symbolic link's film, not the link
        films.append(Film(movie, file, hash_file(out / file), sentences, own.subsets[movie]))
    write_tables(Manifest("own", tuple(films)), own.annotations, out)


def _read_references(path: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, str | None]]:
    """Sentences and subset by movie, in the table's order."""
    if not path.is_file():
        raise RhasError(
            "no references",
            where=str(path),
            expected="a table: movie, person, reference",
            do="see data/own/README.md",
        )
    found: dict[str, dict[int, str]] = defaultdict(dict)
    subsets: dict[str, str | None] = {}
    for line, row in read_rows(path, ("movie", "person", "reference")):
        where = f"{path}:{line}"
        movie, text = movie_name(row["movie"], where), row["reference"].strip()
        subset = row.get("subset", "").strip() or None
        try:
            person = int(row["person"])
        except ValueError as error:
            raise RhasError(
                "a person is a number", where=where, expected="0, 1, 2, ...", got=row["person"]
            ) from error
        if not text:
            raise RhasError("an empty reference", where=where, do="describe the person")
        if person in found[movie]:
            raise RhasError("a person twice", where=where, got=f"{movie}, person {person}")
        if subset is not None and subset not in SUBSETS:
            raise RhasError("unknown subset", where=where, expected=", ".join(SUBSETS), got=subset)
        if subsets.setdefault(movie, subset) != subset:
            raise RhasError(
                "a film is in one subset, with all its persons",
                where=where,
                expected=f"{subsets[movie] or 'none'}, as on the lines before",
                got=subset or "none",
            )
        found[movie][person] = text
    if not found:
        raise RhasError("no references in the table", where=str(path), do="add a line per person")
    for movie, persons in found.items():
        if sorted(persons) != list(range(len(persons))):
            raise RhasError(
                "persons of a film are numbered 0, 1, 2, ...",
                where=f"{path}, movie {movie}",
                got=", ".join(map(str, sorted(persons))),
            )
    texts = {m: tuple(persons[p] for p in sorted(persons)) for m, persons in found.items()}
    return texts, subsets


def _find_films(folder: Path, movies: Mapping[str, object]) -> dict[str, Path]:
    """File by movie; tells of films that no reference names."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() not in FILM_SUFFIXES or path.name.startswith("."):
            continue
        name = movie_name(path.stem, str(path))
        if name in files:
            raise RhasError(
                "two films of one name",
                where=str(folder),
                got=f"{files[name].name}, {path.name}",
                do="rename one of them",
            )
        files[name] = path
    missing = [movie for movie in movies if movie not in files]
    if missing:
        raise RhasError(
            "films of references.csv are missing",
            where=str(folder),
            got=", ".join(missing),
            expected=f"a file <movie>{{{','.join(FILM_SUFFIXES)}}}",
            do="add the film or remove its lines",
        )
    left = [path.name for movie, path in files.items() if movie not in movies]
    if left:
        print(
            f"prepare: {len(left)} films without a reference are left out: {', '.join(left)}",
            file=sys.stderr,
        )
    return files


def _check_ends(
    source: Path,
    files: Mapping[str, Path],
    annotations: Sequence[TimedAction],
    look: Callable[[Path], FilmInfo],
) -> None:
    """Annotations must lie inside their film; a damaged film's length is not known."""
    annotated = {row.movie for row in annotations}
    seconds = {movie: _seconds(files[movie], look) for movie in annotated}
    for row in annotations:
        length = seconds[row.movie]
        if length is not None and (row.start_s >= length or row.end_s > length + LATE_S):
            raise RhasError(
                "an annotation outside its film",
                where=str(source / "annotations.csv"),
                expected=f"0 to {length:.3f} s, the length of {files[row.movie].name}",
                got=f"movie {row.movie}, person {row.person}, {row.action}, "
                f"{row.start_s:.3f} to {row.end_s:.3f} s",
                do="times are seconds from the film's first picture, not frames or minutes",
            )


def _seconds(path: Path, look: Callable[[Path], FilmInfo]) -> float | None:
    try:
        info = look(path)
    except RhasError:  # decode tells what is wrong with it
        return None
    return None if info.missing or info.torn else info.seconds
