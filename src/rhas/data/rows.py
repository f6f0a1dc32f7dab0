"""Foreign tables read line by line: a broken line is a finding, a broken table an error."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.base.units import frame_to_seconds
from rhas.data.audit import Audit

_SECONDS, _FRAMES = ("start_s", "end_s"), ("start_frame", "end_frame")


@dataclass(frozen=True)
class Row:
    """One annotation as found; seconds from the film's first picture, end exclusive."""

    where: str
    movie: str
    person: str
    action: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Reference:
    """One line of a table of references."""

    where: str
    movie: str
    person: str
    text: str
    subset: str


@dataclass(frozen=True)
class Clock:
    """How a table's times become seconds.

    Args:
        fps: of frame numbers; None where times are seconds.
        offset_s: what is taken off, in seconds: the moment at which the film begins.
    """

    fps: float | None = None
    offset_s: float = 0.0

    def seconds(self, value: float) -> float:
        """A moment of the table in seconds of the film."""
        if self.fps is not None:
            value = frame_to_seconds(value, self.fps)  # type: ignore[arg-type]
        return value - self.offset_s


def read_references(path: Path, audit: Audit) -> list[Reference]:
    """``movie, person, reference`` and, at will, ``subset``."""
    _there(path, "a table: movie, person, reference")
    return [
        Reference(where, _movie(row["movie"], where, audit), row["person"].strip(),
                  row["reference"].strip(), (row.get("subset") or "").strip())
        for where, row in _lines(path, ("movie", "person", "reference"), audit)
    ]  # fmt: skip


def read_table(path: Path, clock: Clock, audit: Audit) -> list[Row]:
    """``movie, person, action`` with ``start_s, end_s`` or, with ``clock.fps``, ``start_frame,
    end_frame`` (the end exclusive).

    Raises:
        RhasError: frame numbers without a rate, or a rate with seconds.
    """
    _there(path, "a table: movie, person, action, start_s, end_s")
    header = _header(path)
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
    start, end = _FRAMES if frames else _SECONDS
    rows = []
    for where, row in _lines(path, ("movie", "person", "action", start, end), audit):
        moments = [_number(row[name]) for name in (start, end)]
        if None in moments:
            audit.add("malformed line", f"{where}: times {row[start]!r}, {row[end]!r}")
            continue
        first, last = (clock.seconds(moment) for moment in moments if moment is not None)
        rows.append(
            Row(where, _movie(row["movie"], where, audit), row["person"].strip(),
                row["action"].strip(), first, last)
        )  # fmt: skip
    return rows


def read_ava(
    path: Path, clock: Clock, step: float, excluded: set[tuple[str, float]], audit: Audit
) -> list[Row]:
    """AVA's format: ``movie, moment, x1, y1, x2, y2, action number, person``, without a header.

    Each line says what a person does at one key moment, which stands for the ``step`` around it;
    neighbouring moments of one person and action become one interval. For example with step 1
    moments 902, 903 and 905 become 901.5 to 903.5 and 904.5 to 905.5; nothing begins before 0.

    Args:
        step: from one key moment to the next, in the table's unit (seconds or frames).
        excluded: movies and moments whose lines do not count.
    """
    _there(path, "AVA's table")
    moments: dict[tuple[str, str, str], dict[float, str]] = defaultdict(dict)
    for number, cells in _cells(path):
        where = f"{path}:{number}"
        if len(cells) != 8:
            audit.add("malformed line", f"{where}: {len(cells)} values, expected 8")
            continue
        moment, box = _number(cells[1]), [_number(cell) for cell in cells[2:6]]
        if moment is None or None in box:
            if number == 1 and _is_header(cells):
                continue
            audit.add("malformed line", f"{where}: {','.join(cells)}")
            continue
        x1, y1, x2, y2 = (value for value in box if value is not None)
        if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
            audit.add("malformed line", f"{where}: no box in the unit square, {cells[2:6]}")
            continue
        movie = _movie(cells[0], where, audit)
        if (cells[0], moment) in excluded:
            audit.add("excluded moment", where)
            continue
        key = (movie, cells[7], cells[6])
        if moment in moments[key]:
            audit.add("duplicate", f"{where}: as {moments[key][moment]}")
        moments[key].setdefault(moment, where)
    rows = []
    for (movie, person, action), found in moments.items():
        for first, last in _runs(sorted(found), step):
            low, high = clock.seconds(first - step / 2), clock.seconds(last + step / 2)
            start = max(low, 0.0) if high > 0 else low
            rows.append(Row(found[first], movie, person, action, start, high))
    return rows


def _is_header(cells: Sequence[str]) -> bool:
    """No number where AVA's lines have moment and box."""
    return all(_number(cell) is None for cell in cells[1:6])


def read_moments(path: Path) -> set[tuple[str, float]]:
    """Movie and moment of every line: AVA's excluded timestamps."""
    found = set()
    for number, cells in _cells(path):
        moment = _number(cells[1]) if len(cells) == 2 else None
        if moment is None:
            raise RhasError("malformed line", where=f"{path}:{number}", expected="movie, moment",
                            got=",".join(cells))  # fmt: skip
        found.add((cells[0], moment))
    return found


def _runs(moments: Sequence[float], step: float) -> Iterator[tuple[float, float]]:
    first = last = moments[0]
    for moment in moments[1:]:
        if moment - last > step * (1 + 1e-6):
            yield first, last
            first = moment
        last = moment
    yield first, last


def _movie(text: str, where: str, audit: Audit) -> str:
    name = movie_name(text, where)
    if name != text.strip():
        audit.add("name in decomposed letters", f"{where}: {name}")
    return name


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _there(path: Path, expected: str) -> None:
    if not path.is_file():
        raise RhasError("no such table", where=str(path), expected=expected, do="see docs/DATA.md")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RhasError(
            "the table is not UTF-8",
            where=str(path),
            got=f"byte 0x{error.object[error.start]:02x} at offset {error.start}",
            do="save it as CSV in UTF-8",
        ) from error


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise RhasError(
            "not a CSV table",
            where=f"{path}:{reader.line_num}",
            got=str(error),
            do="look for a double quote that is not closed",
        ) from error


def _is_control(letter: str) -> bool:
    return letter != "\t" and unicodedata.category(letter) == "Cc"


def _header(path: Path) -> list[str]:
    return next((cells for _, cells in _cells(path)), [])


def _lines(
    path: Path, columns: Sequence[str], audit: Audit
) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and values by column of every whole line."""
    header = _header(path)
    missing = [name for name in columns if name not in header]
    if missing:
        first = ",".join(header)
        raise RhasError(
            "the header lacks columns",
            where=f"{path}:1",
            expected=",".join(columns),
            got=first or "an empty table",
            do="separate the columns by commas" if ";" in first or "\t" in first
            else f"add {', '.join(missing)}",
        )  # fmt: skip
    for number, cells in list(_cells(path))[1:]:
        where = f"{path}:{number}"
        if len(cells) != len(header):
            audit.add(
                "malformed line",
                f"{where}: {len(cells)} values for {len(header)} columns; a value that holds a "
                "comma stands in double quotes",
            )
            continue
        if any(_is_control(letter) for cell in cells for letter in cell):
            audit.add(
                "malformed line",
                f"{where}: a line's end or another control character within a value; is a double "
                "quote not closed?",
            )
            continue
        yield where, dict(zip(header, cells, strict=True))
