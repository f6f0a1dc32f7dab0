"""Names of movies: they become file names, so what is no plain name is refused.

Blanks, quotes, brackets and letters of any script are fine. Letters with accents are written in
composed form (Unicode NFC), as files from macOS are not.
"""

from __future__ import annotations

import unicodedata

from rhas.base.errors import RhasError

_MOST_BYTES = 200  # of 255 a file system allows; endings and temporary names need room


def movie_name(text: str, where: str) -> str:
    """The name in composed form, without blanks around it.

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
    elif len(name.encode()) > _MOST_BYTES:
        problem = f"is longer than {_MOST_BYTES} bytes"
    if problem:
        raise RhasError(
            f"a movie's name {problem}",
            where=where,
            expected="the film's file name without its ending, e.g. harbour",
            got=repr(text),
            do="rename the film, and name it so in tables that speak of it",
        )
    return name
