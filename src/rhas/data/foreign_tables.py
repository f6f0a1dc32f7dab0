"""Tables of others, with times in seconds or frames; a broken line is a finding of the audit."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.base.units import frame_to_seconds
from rhas.data.audit import Audit
from rhas.data.tables import (
    check_header,
    check_table_exists,
    clean_header,
    parse_whole,
    read_cells,
)

_SECONDS, _FRAMES = ("start_s", "end_s"), ("start_frame", "end_frame")


@dataclass(frozen=True)
class ForeignAnnotation:
    """One annotation as found; seconds from the film's first picture, end exclusive.

    Args:
        where: file and line.
        person: as written there.
        action: name or number, as written there.
    """

    where: str
    movie: str
    person: str
    action: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class ForeignReference:
    """One line of a table of references as found; ``subset`` is empty where none is given."""

    where: str
    movie: str
    person: str
    text: str
    subset: str


@dataclass(frozen=True)
class Clock:
    """How a table's times become seconds.

    Args:
        fps: rate that frame numbers count at; None where times are seconds.
        offset_s: the moment at which the film begins, in seconds; subtracted from every time.
    """

    fps: float | None = None
    offset_s: float = 0.0

    def to_seconds(self, value: float) -> float:
        """A time of the table in seconds from the film's first picture."""
        if self.fps is not None:
            value = frame_to_seconds(value, self.fps)
        return value - self.offset_s


def read_foreign_references(path: Path, audit: Audit) -> list[ForeignReference]:
    """Rows of a table ``movie, person, reference`` and optionally ``subset``."""
    check_table_exists(path, "a table: movie, person, reference")
    lines = list(read_cells(path))
    return [
        ForeignReference(where, read_movie(row["movie"], where, audit),
                         tidy_number(row["person"]),
                         row["reference"], row.get("subset", ""))
        for where, row in _select_rows(lines, path, ("movie", "person", "reference"), audit)
    ]  # fmt: skip


def read_foreign_annotations(path: Path, clock: Clock, audit: Audit) -> list[ForeignAnnotation]:
    """Rows of a table ``movie, person, action`` with ``start_s, end_s`` or, with ``clock.fps``,
    ``start_frame, end_frame`` (the end exclusive).

    Raises:
        RhasError: frame numbers without a rate, or a rate with seconds.
    """
    check_table_exists(path, "a table: movie, person, action, start_s, end_s")
    lines = list(read_cells(path))
    start, end = _time_columns(_read_header(lines), path, clock)
    found = []
    for where, row in _select_rows(lines, path, ("movie", "person", "action", start, end), audit):
        first, last = parse_number(row[start]), parse_number(row[end])
        if first is None or last is None:
            audit.add("malformed line", f"{where}: times {row[start]!r}, {row[end]!r}")
            continue
        movie = read_movie(row["movie"], where, audit)
        times = clock.to_seconds(first), clock.to_seconds(last)
        person, action = tidy_number(row["person"]), tidy_number(row["action"])
        found.append(ForeignAnnotation(where, movie, person, action, *times))
    return found


def _time_columns(header: Sequence[str], path: Path, clock: Clock) -> tuple[str, str]:
    frames = all(name in header for name in _FRAMES)
    if frames and clock.fps is None:
        raise RhasError(
            "frame numbers without their rate",
            where=str(path),
            got=", ".join(header),
            do="give --fps, the frames per second these numbers count",
        )
    if not frames and clock.fps is not None:
        raise RhasError(
            "--fps is of frame numbers, and the table has none",
            where=str(path),
            expected=", ".join(_FRAMES),
            got=", ".join(header),
            do="leave --fps out, or name the columns so",
        )
    return _FRAMES if frames else _SECONDS


def read_movie(text: str, where: str, audit: Audit) -> str:
    """A movie's name in composed form; a finding where it was not.

    Raises:
        RhasError: a name that is not allowed.
    """
    name = movie_name(text, where)
    if name != text.strip():
        audit.add("name in decomposed letters", f"{where}: {name}")
    return name


def parse_number(text: str) -> float | None:
    """A finite number; None where the text is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _read_header(lines: Sequence[tuple[int, list[str]]]) -> list[str]:
    return clean_header(lines[0][1]) if lines else []


def tidy_number(text: str) -> str:
    """A whole number without the ``.0`` that spreadsheets write; any other text as it is."""
    number = parse_whole(text) if "." in text else None
    return text if number is None else str(number)


def _select_rows(
    lines: Sequence[tuple[int, list[str]]], path: Path, columns: Sequence[str], audit: Audit
) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and values by column of every valid line; the others become findings."""
    header = _read_header(lines)
    check_header(header, columns, path)
    for number, cells in lines[1:]:
        where = f"{path}:{number}"
        if len(cells) != len(header):
            audit.add(
                "malformed line",
                f"{where}: {len(cells)} values for {len(header)} columns; put a value that "
                "contains a separator in double quotes",
            )
        elif any(_is_control(letter) for cell in cells for letter in cell):
            audit.add(
                "malformed line",
                f"{where}: a line break or another control character within a value; is a double "
                "quote not closed?",
            )
        else:
            yield where, dict(zip(header, cells, strict=True))


def _is_control(letter: str) -> bool:
    return letter != "\t" and unicodedata.category(letter) == "Cc"
