"""A few labelled intervals of the film itself (``--labels``), for actions that words name.

In labelled time everything is labelled: an action does not happen in those labelled frames of the
person that none of its own intervals covers. `NOTHING` labels time in which no action happens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.names import movie_name, suggest_name
from rhas.data.tables import check_header, check_table_exists, parse_whole, read_rows
from rhas.stores.classes import tidy_class

NOTHING = "nothing"
_TABLE = "a table with the columns person (or reference), action, start_s, end_s"
_END_SLACK = 1.0  # seconds after the film's end that rounding and containers explain


@dataclass(frozen=True)
class LabelRow:
    """A line of the table, as written; None where it has no such column or value.

    Args:
        where: file and line.
    """

    where: str
    movie: str | None
    person: str | None
    reference: str | None
    action: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Label:
    """An interval of a person; seconds from the film's first picture, end exclusive.

    Args:
        person: number of the reference.
        action: number of the action; None: none of the actions happens.
    """

    person: int
    action: int | None
    start_s: float
    end_s: float


def read_labels(path: Path) -> list[LabelRow]:
    """Reads a table with the columns person or reference, action, start_s, end_s; with several
    films also movie. The intervals.csv of `rhas segment` and annotations.csv are such tables.

    Raises:
        RhasError: no such table, a column that lacks, no row, or an interval that does not end
            after its start; names the line.
    """
    check_table_exists(path, _TABLE)
    rows: list[LabelRow] = []
    for line, row in read_rows(path, ("action", "start_s", "end_s")):
        if not rows and "person" not in row and "reference" not in row:
            check_header(list(row), ("person", "action", "start_s", "end_s"), path)
        rows.append(_read_row(row, f"{path}:{line}"))
    if not rows:
        raise RhasError("no labelled interval", where=str(path), expected="a line per interval")
    return rows


def _read_row(row: Mapping[str, str], where: str) -> LabelRow:
    person, reference = (row.get(name, "").strip() or None for name in ("person", "reference"))
    if person is None and reference is None:
        raise RhasError("a label of nobody", where=where, expected="the person's number")
    movie = row.get("movie", "").strip()
    try:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
    except ValueError:
        start_s = end_s = math.nan
    if not 0 <= start_s < end_s < math.inf:
        raise RhasError(
            "an interval must start at 0 s or later and end after its start", where=where,
            expected="two times in seconds", got=f"{row['start_s']!r} to {row['end_s']!r}",
        )  # fmt: skip
    name = movie_name(movie, where) if movie else None
    action = tidy_class(" ".join(row["action"].split()))
    return LabelRow(where, name, person, reference, action, start_s, end_s)


def plan_labels(
    path: Path | None, actions: Sequence[str] | None, films: Mapping[str, Sequence[str]]
) -> dict[str, tuple[Label, ...]]:
    """The labels of each film.

    Args:
        path: of the table; None without one.
        actions: names of those that are looked for in words; None: a trained method is used.
        films: the persons' sentences by the film's name.

    Raises:
        RhasError: a table without actions in words, several films of which a row names none, no
            row of these films, or a row that `select_labels` refuses.
    """
    if path is None:
        return dict.fromkeys(films, ())
    if actions is None:
        raise RhasError(
            "labels fit the scores of actions in words alone",
            where=str(path),
            do="give --actions too; a trained method was fitted on its own films",
        )
    rows = read_labels(path)
    nameless = [row for row in rows if row.movie is None]
    if len(films) > 1 and nameless:
        raise RhasError("a label that names no film", where=nameless[0].where,
                        do="add the column movie")  # fmt: skip
    found = {
        movie: select_labels(rows, movie, references, actions)
        for movie, references in films.items()
    }
    if not any(found.values()):
        named = list(dict.fromkeys(row.movie or "" for row in rows))
        raise RhasError(
            "no label of this film" if len(films) == 1 else "no label of these films",
            where=str(path),
            expected=", ".join(films),
            got=", ".join(named[:5]),
            do="the column movie has the film's file name without its ending",
        )
    return found


def select_labels(
    rows: Sequence[LabelRow], movie: str, references: Sequence[str], actions: Sequence[str]
) -> tuple[Label, ...]:
    """The labels of a film: rows that name it, or no film at all.

    Args:
        rows: of the table.
        movie: the film's name.
        references: a sentence per person.
        actions: names.

    Raises:
        RhasError: a person or an action that was not asked for; names the line.
    """
    known = {name.casefold(): number for number, name in enumerate(actions)}
    found = []
    for row in rows:
        if row.movie not in (None, movie):
            continue
        action = known.get(row.action.casefold())
        if action is None and row.action.casefold() != NOTHING:
            raise RhasError(
                "a label of an action that is not asked for",
                where=row.where,
                expected=f"an action of --actions, or {NOTHING}",
                got=row.action,
                do=suggest_name(row.action, actions) or "add it to --actions, or remove the line",
            )
        person = _find_person(row, references)
        found.append(Label(person, action, row.start_s, row.end_s))
    return tuple(found)


def _find_person(row: LabelRow, references: Sequence[str]) -> int:
    """The number of a row's person; where number and sentence are given they must agree."""
    same = [n for n, text in enumerate(references) if text == row.reference]
    if row.person is None and same:
        return same[0]
    number = parse_whole(row.person or "")
    people = "; ".join(f"{n}: {text}" for n, text in enumerate(references))
    if number is None or not 0 <= number < len(references):
        raise RhasError(
            "a label of a person who has no reference",
            where=row.where,
            expected=people,
            got=row.person or row.reference or "",
            do="give the person a --ref, or remove the line",
        )
    if row.reference and row.reference != references[number]:
        raise RhasError(
            "a label whose number and sentence are not of one person",
            where=row.where,
            expected=people,
            got=f"{row.person}: {row.reference}",
            do="give the references in the same order, or correct the line",
        )
    return number


def check_labels(labels: Sequence[Label], seconds: float, film: str) -> None:
    """Raises RhasError where a label lies beyond the film's end.

    Args:
        seconds: length of the film.
        film: for the error.
    """
    for label in labels:
        if label.start_s >= seconds or label.end_s > seconds + _END_SLACK:
            raise RhasError(
                "a label beyond the film's end",
                where=f"--labels, {film}",
                expected=f"times up to {seconds:.1f} s",
                got=f"{label.start_s:g} to {label.end_s:g} s",
                do="give times in seconds from the film's first picture",
            )
