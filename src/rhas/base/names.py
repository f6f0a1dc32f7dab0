"""Names of movies, which become file names, and the nearest name to one that is unknown.

Spaces, quotes, brackets and letters of any script are allowed in a movie's name. Letters with
accents are stored in composed form (Unicode NFC); file names from macOS are decomposed.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from rhas.base.errors import RhasError

_MAX_BYTES = 200  # a file system allows 255; endings and temporary names need some of them


def movie_name(text: str, where: str) -> str:
    """The name in composed form, without surrounding spaces.

    Args:
        where: for the error: file and line.

    Raises:
        RhasError: empty, a path, hidden, with control characters, or too long.
    """
    name = unicodedata.normalize("NFC", text.strip())
    problem = ""
    if not name:
        problem = "is empty"
    elif "/" in name or "\\" in name or name in (".", ".."):
        problem = "is a path"
    elif name.startswith("."):
        problem = "begins with a dot"
    elif any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        problem = "holds a control character"
    elif len(name.encode()) > _MAX_BYTES:
        problem = f"is longer than {_MAX_BYTES} bytes"
    if problem:
        raise RhasError(
            f"a movie's name {problem}",
            where=where,
            expected="the film's file name without its ending, e.g. harbour",
            got=repr(text),
            do="rename the film, and use the new name in the tables",
        )
    return name


def add_film(films: dict[str, Path], name: str, path: Path) -> None:
    """Adds a film under its movie name.

    Raises:
        RhasError: another film has this name.
    """
    if name in films:
        raise RhasError(
            "two films of one name",
            where=str(path.parent),
            got=f"{films[name].name}, {path.name}",
            do="rename one of them",
        )
    films[name] = path


def suggest_name(got: str, known: Iterable[str]) -> str:
    """``did you mean 'walking'?`` with the most similar of the known names; "" without one."""
    nearest = difflib.get_close_matches(got, list(known), n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else ""


def unknown_name(kind: str, got: str, known: Iterable[str], where: str) -> RhasError:
    """The error for a name that is not among the known ones; it suggests the nearest."""
    names = list(known)
    otherwise = "remove it" if kind == "parameter" else f"choose a known {kind}"
    return RhasError(
        f"unknown {kind} '{got}'",
        where=where,
        expected=", ".join(names),
        do=suggest_name(got, names) or otherwise,
    )
