"""Scored intervals of any system: a table as ``intervals.csv``, or ActivityNet's JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.data.foreign_json import read_foreign_json
from rhas.data.tables import check_table_exists, parse_whole, read_rows

_COLUMNS = ("movie", "person", "action", "start_s", "end_s")
_JSON_FORM = '{"database": {movie: {"duration": s, "annotations": [...]}}} or {"results": {...}}'
_ONLY_PERSON = "0"


@dataclass(frozen=True)
class ScoredInterval:
    """An action of a person; seconds from the film's first picture, end exclusive.

    Args:
        movie, person, action: as written in the file, without spaces around them.
        score: confidence, 0 to 1.
    """

    movie: str
    person: str
    action: str
    start_s: float
    end_s: float
    score: float = 1.0


@dataclass(frozen=True)
class IntervalTable:
    """What a file says.

    Args:
        intervals: in the file's order.
        seconds: lengths of the films whose length it states.
        references: sentences by person, of the films whose sentences it states.
    """

    intervals: Sequence[ScoredInterval]
    seconds: Mapping[str, float] = field(default_factory=dict)
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_intervals(path: Path) -> IntervalTable:
    """Reads a file of intervals: JSON where it ends in ``.json``, otherwise CSV.

    CSV has the columns movie, person, action, start_s, end_s, and may have score. JSON is
    ActivityNet's, of annotations (``database``) or predictions (``results``); an entry may name a
    ``person``, otherwise it is person 0; a film may list its ``references``.

    Raises:
        RhasError: no such file, not one of these forms, an interval that does not end after its
            start, a score outside [0, 1], a film whose length is not above 0; names the line or
            entry.
    """
    check_table_exists(path, "intervals as CSV, or as ActivityNet's JSON")
    if path.suffix.lower() == ".json":
        return _read_json(path)
    rows = read_rows(path, _COLUMNS)
    return IntervalTable([_make_interval(row, f"{path}:{line}") for line, row in rows])


def _read_json(path: Path) -> IntervalTable:
    values = read_foreign_json(path)
    films = values.get("database", values.get("results")) if isinstance(values, dict) else None
    if not isinstance(films, dict):
        raise RhasError("not ActivityNet's JSON", where=str(path), expected=_JSON_FORM)
    intervals, seconds, references = [], {}, {}
    for movie, content in films.items():
        where = f"{path}, {movie}"
        if isinstance(content, dict) and "duration" in content:
            seconds[movie_name(movie, where)] = _read_length(content["duration"], where)
        if isinstance(content, dict) and isinstance(content.get("references"), list):
            sentences = enumerate(content["references"])
            references[movie_name(movie, where)] = {str(n): str(text) for n, text in sentences}
        for number, entry in enumerate(_list_entries(content, where)):
            intervals.append(_read_entry(movie, entry, f"{where}, entry {number}"))
    return IntervalTable(intervals, seconds, references)


def _read_length(value: object, where: str) -> float:
    seconds = _read_number(value, where, "duration")
    if seconds <= 0:
        raise RhasError(
            "a film without length", where=where, expected="duration in seconds, above 0",
            got=repr(value)[:80], do="correct duration, or leave it out",
        )  # fmt: skip
    return seconds


def _list_entries(content: object, where: str) -> Sequence[object]:
    entries = content.get("annotations", []) if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise RhasError("not a list of intervals", where=where, expected=_JSON_FORM)
    return entries


def _read_entry(movie: str, entry: object, where: str) -> ScoredInterval:
    segment = entry.get("segment") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(segment, list) or len(segment) != 2:
        raise RhasError(
            "not an interval",
            where=where,
            expected='{"segment": [start, end], "label": ..., "score": ...}',
            got=str(entry)[:80],
        )
    row = {"movie": movie, "person": entry.get("person", _ONLY_PERSON),
           "action": entry.get("label", ""), "start_s": segment[0], "end_s": segment[1],
           "score": entry.get("score", 1.0)}  # fmt: skip
    return _make_interval(row, where)


def _make_interval(row: Mapping[str, Any], where: str) -> ScoredInterval:
    start_s, end_s = (_read_number(row[name], where, name) for name in ("start_s", "end_s"))
    score = _read_number(row.get("score", 1.0), where, "score")
    action = str(row["action"]).strip()
    if not 0 <= start_s < end_s:
        raise RhasError(
            "an interval must start at 0 or later and end after its start",
            where=where,
            got=f"{row['start_s']} to {row['end_s']}",
        )
    if not 0 <= score <= 1:
        raise RhasError("a score outside [0, 1]", where=where, got=str(row["score"]))
    if not action:
        raise RhasError("an interval without an action", where=where)
    movie = movie_name(str(row["movie"]), where)
    return ScoredInterval(movie, _read_person(row["person"]), action, start_s, end_s, score)


def _read_person(value: object) -> str:
    """A person's name; whole numbers that were saved as ``0.0`` are 0."""
    text = str(value).strip()
    number = parse_whole(text)
    return text if number is None else str(number)


def _read_number(value: object, where: str, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise RhasError(f"{name} is not a number", where=where, got=repr(value)[:80])
    return number
