"""Annotations in the format of AVA, which RHAS133 follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.data.audit import Audit
from rhas.data.foreign_tables import Clock, ForeignAnnotation, parse_number, read_movie, tidy_number
from rhas.data.tables import check_table_exists, read_cells


def read_ava(
    path: Path, clock: Clock, step: float, excluded: set[tuple[str, float]], audit: Audit
) -> list[ForeignAnnotation]:
    """Reads lines ``movie, moment, x1, y1, x2, y2, action number, person`` without a header.

    Each line says what a person does at one key moment, which stands for the ``step`` around it;
    neighbouring moments of one person and action become one interval. For example with step 1
    moments 902, 903 and 905 become 901.5 to 903.5 and 904.5 to 905.5; nothing begins before 0.

    Args:
        step: from one key moment to the next, in the table's unit (seconds or frames).
        excluded: movies and moments whose lines do not count.
    """
    check_table_exists(path, "AVA's table")
    moments: dict[tuple[str, str, str], dict[float, str]] = defaultdict(dict)
    for number, cells in read_cells(path):
        where = f"{path}:{number}"
        if number == 1 and _is_header(cells):
            continue
        problem, moment = _check_line(cells)
        if problem:
            audit.add("malformed line", f"{where}: {problem}")
            continue
        movie = read_movie(cells[0], where, audit)
        if (cells[0], moment) in excluded:
            audit.add("excluded moment", where)
            continue
        key = (movie, tidy_number(cells[7]), tidy_number(cells[6]))
        if moment in moments[key]:
            audit.add("duplicate", f"{where}: as {moments[key][moment]}")
        moments[key].setdefault(moment, where)
    return [
        annotation
        for key, places in moments.items()
        for annotation in _join_moments(key, places, clock, step)
    ]


def _check_line(cells: Sequence[str]) -> tuple[str, float]:
    """What is wrong with a line ("": nothing), and its moment."""
    if len(cells) != 8:
        return f"{len(cells)} values, expected 8", 0.0
    numbers = [value for cell in cells[1:6] if (value := parse_number(cell)) is not None]
    if len(numbers) != 5:
        return ",".join(cells), 0.0
    moment, x1, y1, x2, y2 = numbers
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        return f"no box in the unit square, {cells[2:6]}", moment
    return "", moment


def _is_header(cells: Sequence[str]) -> bool:
    """Eight values, and no number where a line has moment and box."""
    return len(cells) == 8 and all(parse_number(cell) is None for cell in cells[1:6])


def _join_moments(
    key: tuple[str, str, str], places: Mapping[float, str], clock: Clock, step: float
) -> Iterator[ForeignAnnotation]:
    movie, person, action = key
    for first, last in _find_runs(sorted(places), step):
        start, end = clock.to_seconds(first - step / 2), clock.to_seconds(last + step / 2)
        if end > 0:
            start = max(start, 0.0)
        yield ForeignAnnotation(places[first], movie, person, action, start, end)


def _find_runs(moments: Sequence[float], step: float) -> Iterator[tuple[float, float]]:
    """First and last of each run of moments that are at most ``step`` apart."""
    first = last = moments[0]
    for moment in moments[1:]:
        if moment - last > step * (1 + 1e-6):
            yield first, last
            first = moment
        last = moment
    yield first, last


def read_excluded_moments(path: Path) -> set[tuple[str, float]]:
    """Movie and moment of every line: AVA's list of excluded timestamps.

    Raises:
        RhasError: a line that is not ``movie, moment``.
    """
    found = set()
    for number, cells in read_cells(path):
        moment = parse_number(cells[1]) if len(cells) == 2 else None
        if moment is None:
            raise RhasError("malformed line", where=f"{path}:{number}", expected="movie, moment",
                            got=",".join(cells))  # fmt: skip
        found.add((cells[0], moment))
    return found
