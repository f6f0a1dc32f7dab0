"""boxes.csv: where people drew a person, as keyframes.

Columns movie, person, time_s, kind, x1, y1, x2, y2. From its time on a line of kind ``box`` holds,
in pixels of the film as players show it; between two boxes the track is a straight line. From a
line of kind ``absent`` on the person is out of the picture, from ``ground`` on nobody has looked,
nor before the first line: the detector looks for the person there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import write_csv
from rhas.base.names import movie_name
from rhas.data.tables import parse_whole, read_rows
from rhas.stores.drawn import DrawnKind, DrawnTrack

BOXES = "boxes.csv"
COLUMNS = ("movie", "person", "time_s", "kind", "x1", "y1", "x2", "y2")
_KINDS = {"absent": DrawnKind.ABSENT, "box": DrawnKind.BOX, "ground": DrawnKind.UNKNOWN}
_NAMES = {kind: name for name, kind in _KINDS.items()}

Tracks = Mapping[tuple[str, int], DrawnTrack]
"""By movie and person."""


@dataclass(frozen=True)
class Picture:
    """What a line of a film is checked against: its size in pixels and its length."""

    width: int
    height: int
    seconds: float


def write_drawn(folder: Path, tracks: Tracks) -> None:
    """Writes boxes.csv; times to the microsecond, boxes to a thousandth of a pixel."""
    rows = (
        [movie, person, f"{time:.6f}", _NAMES[DrawnKind(kind)],
         *(f"{v:.3f}" if math.isfinite(v) else "" for v in box)]
        for (movie, person), track in sorted(tracks.items())
        for time, kind, box in zip(
            track.times.tolist(), track.kinds.tolist(), track.boxes.tolist(), strict=True
        )
    )  # fmt: skip
    write_csv(folder / BOXES, COLUMNS, rows)


def read_drawn_table(
    folder: Path, persons: Mapping[str, Container[int]], pictures: Mapping[str, Picture]
) -> dict[tuple[str, int], DrawnTrack]:
    """The tracks of boxes.csv; none where the file is absent.

    Args:
        persons: numbers of the persons with a reference, by movie.
        pictures: of the films that can be read; others are not checked.

    Raises:
        RhasError: a person without reference, a malformed line, times that do not ascend, a time
            beyond the film, a box outside the picture or without an area; names the line.
    """
    path = folder / BOXES
    if not path.is_file():
        return {}
    found: dict[tuple[str, int], list[_Line]] = defaultdict(list)
    for line, row in read_rows(path, COLUMNS):
        where = f"{path}:{line}"
        movie = movie_name(row["movie"], where)
        person = parse_whole(row["person"])
        if person is None or person not in persons.get(movie, ()):
            raise RhasError(
                "boxes of a film or person without reference", where=where,
                got=f"movie {movie}, person {row['person']}",
                do="add the person to references.csv, or remove the line",
            )  # fmt: skip
        keyframe = _read_line(row, where)
        lines = found[movie, person]
        _check_order(lines, keyframe, where)
        if movie in pictures:
            _check_picture(keyframe, pictures[movie], where)
        lines.append(keyframe)
    return {key: make_drawn_track([(k.time, k.kind, k.box) for k in lines])
            for key, lines in found.items()}  # fmt: skip


def make_drawn_track(
    keyframes: Sequence[tuple[float, DrawnKind, tuple[float, ...] | None]],
) -> DrawnTrack:
    """A track of times, kinds and boxes (None but for `DrawnKind.BOX`)."""
    missing = (math.nan,) * 4
    return DrawnTrack(
        np.array([time for time, _, _ in keyframes], np.float64),
        np.array([kind for _, kind, _ in keyframes], np.uint8),
        np.array([box or missing for _, _, box in keyframes], np.float64).reshape(-1, 4),
    )


@dataclass(frozen=True)
class _Line:
    time: float
    kind: DrawnKind
    box: tuple[float, ...] | None


def _read_line(row: Mapping[str, str], where: str) -> _Line:
    kind = _KINDS.get(row["kind"].strip().lower())
    cells = [row[name].strip() for name in ("x1", "y1", "x2", "y2")]
    numbers = [_parse(text) for text in (row["time_s"], *(cells if kind == DrawnKind.BOX else ()))]
    if kind is None or any(n is None for n in numbers) or (kind != DrawnKind.BOX and any(cells)):
        raise RhasError(
            "malformed line of boxes", where=where,
            expected="a time in seconds and box with x1, y1, x2, y2, or absent or ground without",
            got=",".join(row[name] for name in COLUMNS),
        )  # fmt: skip
    time, *box = (n for n in numbers if n is not None)
    if kind == DrawnKind.BOX and not (box[0] < box[2] and box[1] < box[3]):
        raise RhasError(
            "a box without an area", where=where, expected="x1 < x2 and y1 < y2",
            got=", ".join(cells), do="the corners are left, top, right, bottom, in pixels",
        )  # fmt: skip
    return _Line(time, kind, tuple(box) or None)


def _parse(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _check_order(before: list[_Line], line: _Line, where: str) -> None:
    if before and line.time <= before[-1].time:
        same = line.time == before[-1].time
        raise RhasError(
            "two boxes of a person at one time" if same else "times that go back",
            where=where,
            expected=f"later than {before[-1].time:g} s, the person's line before",
            got=f"{line.time:g} s",
            do="keep one of them" if same else "sort the lines of a person by time_s",
        )


def _check_picture(line: _Line, picture: Picture, where: str) -> None:
    if not 0 <= line.time <= picture.seconds:
        raise RhasError(
            "a box beyond the film", where=where, expected=f"0 to {picture.seconds:.3f} s",
            got=f"{line.time:g} s", do="times are seconds from the film's first picture",
        )  # fmt: skip
    if line.box is None:
        return
    x1, y1, x2, y2 = line.box
    if x1 >= picture.width or y1 >= picture.height or x2 <= 0 or y2 <= 0:
        raise RhasError(
            "a box outside the picture", where=where,
            expected=f"a part of {picture.width} x {picture.height} pixels",
            got=", ".join(f"{value:g}" for value in line.box),
            do="boxes are in pixels of the film itself, not of a smaller or larger copy",
        )  # fmt: skip


def list_persons(tracks: Tracks, movie: str, persons: int) -> Iterator[DrawnTrack]:
    """The tracks of a film by person, empty ones of those whom nobody drew."""
    for person in range(persons):
        yield tracks.get((movie, person), DrawnTrack.make_empty())
