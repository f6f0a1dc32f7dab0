"""Annotations in the format of AVA, which RHAS133 follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.data.audit import Audit
from rhas.data.drawn_table import Picture, make_drawn_track
from rhas.data.films import resolve_name, strip_ending
from rhas.data.foreign_tables import Clock, ForeignAnnotation, parse_number, read_movie, tidy_number
from rhas.data.formats.found import ForeignBoxes
from rhas.data.tables import check_table_exists, read_cells
from rhas.stores.drawn import DrawnKind, DrawnTrack

_DIGITS = 6  # of a moment: half a step after one and before the next are one moment


Excluded = Mapping[tuple[str, float], str]
"""Places of the lines of a list of excluded moments, by movie (without an ending) and moment."""


def read_ava(
    path: Path, clock: Clock, step: float, excluded: Excluded, audit: Audit
) -> list[ForeignAnnotation]:
    """Reads lines ``movie, moment, x1, y1, x2, y2, action number, person`` without a header.

    Each line says what a person does at one key moment, which stands for the ``step`` around it;
    neighbouring moments of one person and action become one interval. For example with step 1
    moments 902, 903 and 905 become 901.5 to 903.5 and 904.5 to 905.5; nothing begins before 0.

    Args:
        step: from one key moment to the next, in the table's unit (seconds or frames).
        excluded: moments whose lines do not count; a finding where the table lacks their film.
    """
    movies: set[str] = set()
    moments: dict[tuple[str, str, str], dict[float, str]] = defaultdict(dict)
    for line in _read_lines(path, excluded, audit, movies):
        key = (line.movie, line.person, line.action)
        if line.moment in moments[key]:
            audit.add("duplicate", f"{line.where}: as {moments[key][line.moment]}")
        moments[key].setdefault(line.moment, line.where)
    for (movie, moment), where in excluded.items():
        if movie not in movies:
            hint = audit.suggest("film", movie, movies)
            place = f"{where}: {movie}, {moment:g}"
            audit.add("excluded moment without film", ", ".join(filter(None, [place, hint])))
    return [
        annotation
        for key, places in moments.items()
        for annotation in _join_moments(key, places, clock, step)
    ]


@dataclass(frozen=True)
class _Line:
    """A line; the box in shares of the picture."""

    where: str
    movie: str
    moment: float
    box: tuple[float, ...]
    action: str
    person: str


def _read_lines(path: Path, excluded: Excluded, audit: Audit, movies: set[str]) -> Iterator[_Line]:
    """The lines that count; the others become findings.

    Args:
        movies: gets the films of all well-formed lines, without endings.
    """
    check_table_exists(path, "AVA's table")
    for number, cells in read_cells(path):
        where = f"{path}:{number}"
        if number == 1 and _is_header(cells):
            continue
        problem, moment = _check_line(cells)
        if problem:
            audit.add("malformed line", f"{where}: {problem}")
            continue
        movie = read_movie(cells[0], where, audit)
        name = strip_ending(movie)
        movies.add(name)
        if (name, moment) in excluded:
            audit.add("excluded moment", where)
            continue
        box = tuple(map(float, cells[2:6]))
        yield _Line(where, movie, moment, box, tidy_number(cells[6]), tidy_number(cells[7]))


def read_ava_boxes(
    path: Path,
    clock: Clock,
    step: float,
    excluded: Excluded,
    pictures: Mapping[str, Picture],
    audit: Audit,
) -> list[ForeignBoxes]:
    """The boxes of persons as tracks.

    A box stands for the ``step`` around its moment, and between neighbouring moments the track is
    a straight line. A person without a line at a moment is absent. Before the film's first moment,
    after its last and at excluded ones nobody has looked.

    Args:
        pictures: of the films; boxes of others are left out.
        audit: of the boxes alone, `read_ava` reports the lines.
    """
    boxes: dict[tuple[str, str], dict[float, _Line]] = defaultdict(dict)
    moments: dict[str, set[float]] = defaultdict(set)
    for line in _read_lines(path, excluded, Audit(), set()):
        movie = resolve_name(line.movie, pictures)
        known = boxes[movie, line.person].setdefault(line.moment, line)
        moments[movie].add(line.moment)
        if known.box != line.box:
            audit.add(
                "two boxes of a person at one time", f"{line.where}: {known.where} has others"
            )
    return [
        ForeignBoxes(
            next(iter(lines.values())).where,
            movie,
            person,
            _make_track(
                {moment: line.box for moment, line in lines.items()},
                (min(moments[movie]), max(moments[movie])),
                [moment for name, moment in excluded if name == strip_ending(movie)],
                step,
            )
            .scale(np.array([pictures[movie].width, pictures[movie].height] * 2))
            .retime(clock.to_seconds),
        )
        for (movie, person), lines in boxes.items()
        if movie in pictures
    ]


def _make_track(
    boxes: Mapping[float, tuple[float, ...]],
    labelled: tuple[float, float],
    excluded: Sequence[float],
    step: float,
) -> DrawnTrack:
    """The track of a person in moments and shares of the picture.

    Args:
        boxes: by moment.
        labelled: first and last moment of the film.
        excluded: moments that do not count.
    """
    half = step / 2
    rows: dict[float, tuple[DrawnKind, tuple[float, ...] | None]] = {}

    def add(moment: float, kind: DrawnKind, box: tuple[float, ...] | None = None) -> None:
        rows.setdefault(round(moment, _DIGITS), (kind, box))

    for first, last in _find_runs(sorted(boxes), step):
        add(first - half, DrawnKind.BOX, boxes[first])
        for moment in sorted(m for m in boxes if first <= m <= last):
            add(moment, DrawnKind.BOX, boxes[moment])
    for moment in excluded:
        if labelled[0] < moment < labelled[1]:
            add(moment - half, DrawnKind.UNKNOWN)
    add(labelled[1] + half, DrawnKind.UNKNOWN)
    for moment in [*excluded, *(last for _, last in _find_runs(sorted(boxes), step))]:
        if labelled[0] <= moment <= labelled[1]:
            add(moment + half, DrawnKind.ABSENT)
    add(labelled[0] - half, DrawnKind.ABSENT)
    return make_drawn_track([(moment, *rows[moment]) for moment in sorted(rows)])


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


def read_excluded_moments(path: Path) -> dict[tuple[str, float], str]:
    """The lines of AVA's list of excluded timestamps, see `Excluded`.

    Raises:
        RhasError: a line that is not ``movie, moment``, a name that is not allowed.
    """
    found: dict[tuple[str, float], str] = {}
    for number, cells in read_cells(path):
        where = f"{path}:{number}"
        moment = parse_number(cells[1]) if len(cells) == 2 else None
        if moment is None:
            raise RhasError("malformed line", where=where, expected="movie, moment",
                            got=",".join(cells))  # fmt: skip
        found.setdefault((strip_ending(movie_name(cells[0], where)), moment), where)
    return found
