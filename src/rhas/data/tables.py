"""Tables that people write: CSV in UTF-8 with a header. Errors name the file and the line.

Columns may be separated by semicolons or tabs, and named in capitals; whole numbers may end in
``.0``, as spreadsheets and pandas write them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file, check_text_size, read_cell

MAX_DIGITS = 18
"""Of a whole number: it fits 64 bits, as files and arrays have them."""


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values by column of each row of a table; the first broken row is an error.

    Args:
        path: exists.
        columns: required ones; there may be others.

    Raises:
        RhasError: not UTF-8, empty, a header that lacks a column, a row with a wrong number of
            values, a double quote that is not closed on its line.
    """
    text = read_text(path)
    lines = io.StringIO(text, newline="").readlines()
    records = _read_records(lines, _find_separator(text), path)
    header = clean_header(next(records, (1, []))[1])
    check_header(header, columns, path)
    for line, cells in records:
        if len(cells) != len(header):
            raise RhasError(
                "malformed line",
                where=f"{path}:{line}",
                expected=f"{len(header)} values: {','.join(header)}",
                got=lines[line - 1].strip(),
                do="put a value that contains a comma in double quotes",
            )
        yield line, dict(zip(header, map(read_cell, cells), strict=True))


def _find_separator(text: str) -> str:
    """What separates the columns: a comma, unless the first line has only semicolons or tabs."""
    header = text.lstrip().partition("\n")[0]
    others = [mark for mark in ";\t" if mark in header]
    return others[0] if len(others) == 1 and "," not in header else ","


def clean_header(cells: Sequence[str]) -> list[str]:
    """Names of columns, in small letters."""
    return [name.strip().lower() for name in cells]


def parse_whole(text: str) -> int | None:
    """A whole number, also as 3.0; None where the text is none."""
    found = re.fullmatch(rf"([+-]?\d{{1,{MAX_DIGITS}}})(\.0*)?", text.strip())
    return int(found[1]) if found else None


def parse_digits(text: str) -> int | None:
    """A whole number of digits alone; None where the text is none, or one of too many digits."""
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None


def _read_records(
    lines: Sequence[str], separator: str, path: Path
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _quote_error(lines, line, path) from error
        if cells is None:
            return
        if reader.line_num > line:  # an open quote would swallow the lines that follow
            raise _quote_error(lines, line, path)
        if cells:
            yield line, cells


def _quote_error(lines: Sequence[str], line: int, path: Path) -> RhasError:
    return RhasError(
        "a double quote without its partner on the same line",
        where=f"{path}:{line}",
        got=lines[line - 1].strip()[:80],
        do='close it on its line; inside a value, write it twice: "the ""red"" coat"',
    )


def read_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped values of each line that is not blank; no header is expected.

    Raises:
        RhasError: not UTF-8, or not CSV.
    """
    text = read_text(path)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_find_separator(text), skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [read_cell(cell.strip()) for cell in cells]
    except csv.Error as error:
        raise RhasError(
            "not a CSV table",
            where=f"{path}:{reader.line_num}",
            got=str(error),
            do="look for a double quote that is not closed",
        ) from error


def check_header(header: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Raises RhasError where the header is empty, names a column twice or lacks one of them."""
    expected, got = ",".join(columns), ",".join(header)
    if not header:
        raise RhasError(
            "the table is empty", where=str(path), expected=f"a header: {expected}",
            do="see data/own/README.md",
        )  # fmt: skip
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise RhasError(
            "a column stands twice", where=f"{path}:1", got=got,
            do=f"keep one column {' and one '.join(twice)}, or name the other one differently",
        )  # fmt: skip
    missing = [name for name in columns if name not in header]
    if missing:
        separated = ";" in got or "\t" in got
        raise RhasError(
            "the header lacks columns",
            where=f"{path}:1",
            expected=expected,
            got=got,
            do="separate the columns by commas"
            if separated
            else f"add {', '.join(missing)}; if the file has no header, make it the first line",
        )


def check_table_exists(path: Path, expected: str) -> None:
    """Raises RhasError where there is no table at ``path``."""
    if not path.is_file():
        raise RhasError("no such table", where=str(path), expected=expected, do="see docs/DATA.md")


def read_text(path: Path) -> str:
    """The text of a table, without a byte-order mark.

    Raises:
        RhasError: not a regular file, too large, or not UTF-8.
    """
    check_regular_file(path)
    check_text_size(path)
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RhasError(
            "the table is not UTF-8",
            where=str(path),
            got=f"byte 0x{error.object[error.start]:02x} at offset {error.start}",
            do="save it as CSV in UTF-8",
        ) from error
