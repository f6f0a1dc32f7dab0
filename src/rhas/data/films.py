"""Film files in a folder, by movie."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.names import add_film, movie_name
from rhas.data.audit import Audit

FILM_SUFFIXES = (
    ".mp4", ".mkv", ".webm", ".avi", ".divx", ".mov", ".m4v", ".f4v", ".3gp", ".3g2",
    ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".ogv",
)  # fmt: skip
"""File name endings of the films that the stages read."""
_OTHER_SUFFIXES = {".gif", ".m2v", ".mjpeg", ".mxf", ".ogm", ".rm", ".rmvb", ".vob", ".y4m"}


def strip_ending(name: str) -> str:
    """A name without the ending of a film file."""
    suffix = Path(name).suffix
    return name[: -len(suffix)] if suffix.lower() in FILM_SUFFIXES else name


def resolve_name(name: str, films: Container[str]) -> str:
    """The movie that a name means, maybe its film's file name; an unknown one stays."""
    stem = strip_ending(name)
    return stem if name not in films and stem in films else name


def find_films(folder: Path) -> dict[str, Path]:
    """Film files of a folder, or of its subfolder ``films``, by movie.

    Raises:
        RhasError: no folder, no film, two films of one name, a name that is not allowed.
    """
    place = _films_folder(folder)
    if not place.is_dir():
        raise RhasError("no such folder", where=str(folder), expected="a folder of films")
    found = list_films(place)
    if not found:
        raise RhasError("no film in the folder", where=str(place), expected=" ".join(FILM_SUFFIXES))
    return found


def name_films(path: Path) -> dict[str, Path]:
    """A film file by its movie, or those of a folder as `find_films` does.

    Raises:
        RhasError: see `find_films`; a name that is not allowed.
    """
    return {movie_name(path.stem, str(path)): path} if path.is_file() else find_films(path)


def list_films(folder: Path) -> dict[str, Path]:
    """Film files that lie directly in a folder, by movie; none where there is no folder.

    Raises:
        RhasError: two films of one name, a name that is not allowed.
    """
    found: dict[str, Path] = {}
    for path in _visible_files(folder):
        if path.suffix.lower() in FILM_SUFFIXES:
            add_film(found, movie_name(path.stem, str(path)), path)
    return found


def report_other_suffixes(folder: Path, audit: Audit) -> None:
    """Adds a finding for every film in the folder of `find_films` that the stages do not read."""
    for path in _visible_files(_films_folder(folder)):
        if path.suffix.lower() in _OTHER_SUFFIXES:
            audit.add("film of another ending", f"{path}, expected {' '.join(FILM_SUFFIXES)}")


def _films_folder(folder: Path) -> Path:
    return folder / "films" if (folder / "films").is_dir() else folder


def _visible_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.name.startswith("."):
            yield path
