"""annotations.csv: who does what, and when (seconds, end exclusive)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rhas.base.classes import ClassList
from rhas.base.errors import RhasError
from rhas.base.files import write_csv
from rhas.base.names import suggest_name
from rhas.data.tables import parse_whole, read_rows
from rhas.stores.classes import find_classes, tidy_class

ANNOTATIONS = "annotations.csv"
COLUMNS = ("movie", "person", "action", "start_s", "end_s")


@dataclass(frozen=True)
class TimedAction:
    """One row of annotations.csv; seconds from the film's first picture, end exclusive."""

    movie: str
    person: int
    action: str
    start_s: float
    end_s: float


def write_annotations(folder: Path, rows: Iterable[TimedAction]) -> None:
    """Writes annotations.csv, times to the millisecond."""
    lines = ([r.movie, r.person, r.action, f"{r.start_s:.3f}", f"{r.end_s:.3f}"] for r in rows)
    write_csv(folder / ANNOTATIONS, COLUMNS, lines)


def read_annotations(folder: Path) -> list[TimedAction]:
    """Rows of annotations.csv; none where the file is absent (films without training).

    Classes are those of classes.txt beside it, or RHAS133's.

    Raises:
        RhasError: an unknown class, or an interval that does not end after its start; names the
            line.
    """
    path = folder / ANNOTATIONS
    if not path.is_file():
        return []
    classes = find_classes(folder)
    return [_read_action(row, f"{path}:{line}", classes) for line, row in read_rows(path, COLUMNS)]


def _read_action(row: Mapping[str, str], where: str, classes: ClassList) -> TimedAction:
    try:
        action = TimedAction(
            row["movie"].strip(),
            _read_person(row["person"]),
            tidy_class(row["action"]),
            float(row["start_s"]),
            float(row["end_s"]),
        )
    except ValueError as error:
        raise RhasError(
            "malformed annotation",
            where=where,
            got=",".join(row.values()),
            expected="a name, a number, a class, two times in seconds",
            do="correct the line",
        ) from error
    check_class(action.action, where, classes)
    start_s, end_s = round(action.start_s, 3), round(action.end_s, 3)
    if not 0 <= action.start_s or not start_s < end_s < math.inf:
        raise RhasError(
            "an interval must start at 0 or later and end at least a millisecond after its start",
            where=where,
            got=f"{row['start_s']} to {row['end_s']}",
        )
    return action


def _read_person(text: str) -> int:
    number = parse_whole(text)
    return int(text) if number is None else number


def check_class(name: str, where: str, classes: ClassList) -> None:
    """Raises RhasError, with the nearest class, where ``name`` is no class of the list."""
    if name not in classes.ids:
        raise RhasError(
            "unknown action class",
            where=where,
            got=name,
            expected=f"a name of {classes.file}",
            do=suggest_name(name, classes.names) or "choose one of them, or remove the line",
        )
