"""annotations.csv: who does what, and when (seconds, end exclusive)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rhas.base.classes import CLASS_ID
from rhas.base.errors import RhasError
from rhas.base.files import write_csv
from rhas.base.names import suggest_name
from rhas.data.tables import parse_whole, read_rows

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

    Raises:
        RhasError: an unknown class, or an interval that does not end after its start; names the
            line.
    """
    path = folder / ANNOTATIONS
    if not path.is_file():
        return []
    return [_read_action(row, f"{path}:{line}") for line, row in read_rows(path, COLUMNS)]


def _read_action(row: Mapping[str, str], where: str) -> TimedAction:
    try:
        action = TimedAction(
            row["movie"].strip(),
            _read_person(row["person"]),
            row["action"].strip(),
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
    check_class(action.action, where)
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


def check_class(name: str, where: str) -> None:
    """Raises RhasError, with the nearest class, where ``name`` is no class of RHAS133."""
    if name not in CLASS_ID:
        raise RhasError(
            "unknown action class",
            where=where,
            got=name,
            expected="a name of src/rhas/base/classes.txt",
            do=suggest_name(name, CLASS_ID) or "choose one of them, or remove the line",
        )
