"""Lists of names of actions, a name per line: classes.txt beside annotations.csv has the data set's
own classes; `rhas segment --actions` reads another.

A class has the number of its line, from 0. Names may have spaces and letters of any script. Without
the file the classes are those of RHAS133.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file

CLASSES_FILE = "classes.txt"
_MAX_BYTES, _MAX_LETTERS = 10_000_000, 200


def tidy_class(text: str) -> str:
    """A name without spaces around it, in composed form (Unicode NFC)."""
    return unicodedata.normalize("NFC", text.strip())


def find_classes(folder: Path) -> ClassList:
    """The classes of a folder with annotations: of its classes.txt, or those of RHAS133."""
    path = folder / CLASSES_FILE
    return read_classes(path) if path.exists() else RHAS133


def read_classes(path: Path) -> ClassList:
    """The classes of a file.

    Raises:
        RhasError: no such file, not UTF-8, no name, a name twice, too long, or with control
            characters; names the line.
    """
    return make_class_list(read_lines(path), str(path))


def read_lines(path: Path) -> list[str]:
    """The lines of a list of names.

    Raises:
        RhasError: no such file, not a regular one, too large, or not UTF-8.
    """
    check_regular_file(path)
    if path.stat().st_size > _MAX_BYTES:
        raise RhasError("too large for a list of names", where=str(path))
    try:
        return path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise RhasError(
            "not UTF-8", where=str(path), got=str(error), do="save the list as UTF-8"
        ) from error


def check_name(name: str, where: str) -> None:
    """Raises RhasError where a name has control characters or is very long."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise RhasError(
            "a name with a control character", where=where, got=repr(name),
            expected="a name per line",
        )  # fmt: skip
    if len(name) > _MAX_LETTERS:
        raise RhasError(
            "a very long name", where=where, got=f"{len(name)} letters",
            expected=f"at most {_MAX_LETTERS}",
        )  # fmt: skip


def make_class_list(lines: Sequence[str], where: str) -> ClassList:
    """The classes of lines; empty ones are left out. Raises RhasError as `read_classes` does."""
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        name = tidy_class(line)
        if not name:
            continue
        place = f"{where}:{number}"
        check_name(name, place)
        if name in seen:
            raise RhasError(
                "a class twice", where=place, got=f"{name}, as on line {seen[name]}",
                do="remove one of the lines",
            )  # fmt: skip
        seen[name] = number
    if not seen:
        raise RhasError(
            "no class", where=where, expected="a name per line",
            do="remove the file to use the classes of RHAS133",
        )  # fmt: skip
    return ClassList(tuple(seen), where)


def write_classes(folder: Path, classes: ClassList) -> None:
    """Writes classes.txt; nothing for the classes of RHAS133."""
    if not classes.published:
        (folder / CLASSES_FILE).write_text("\n".join(classes.names) + "\n", "utf-8")


def check_same_classes(
    expected: Sequence[str], got: Sequence[str], *, what: str, where: str, do: str
) -> None:
    """Checks that two parts of the work have one list of classes.

    Args:
        expected, got: names in order.
        what: the sentence of the error.
        where, do: for the error.

    Raises:
        RhasError: they differ; names the first difference.
    """
    if tuple(expected) == tuple(got):
        return
    both = zip(expected, got, strict=False)
    first = next((n for n, (a, b) in enumerate(both) if a != b), min(len(expected), len(got)))

    def show(names: Sequence[str]) -> str:
        named = f"class {first} is {names[first]}" if first < len(names) else f"no class {first}"
        return f"{len(names)} classes, {named}"

    raise RhasError(what, where=where, expected=show(expected), got=show(got), do=do)
