"""Events as tab-separated lines that BORIS takes from the clipboard: a start and a stop each.

Six columns without a header, as BORIS keeps events of a film: seconds, subject, behaviour,
modifier (empty), comment (START or STOP), frame of the film from 0. The last line has no line
break, since BORIS refuses an empty line. A file per film; reading also takes a table with a header,
such as BORIS' tabular export.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from rhas.base.errors import RhasError
from rhas.base.files import read_cell, write_cell
from rhas.base.units import frame_to_seconds
from rhas.data.actions import FilmActions, FilmFrames, merge_intervals
from rhas.data.foreign_tables import ForeignAnnotation, parse_number
from rhas.data.formats.files import plan_files
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.tables import read_text

SUFFIX = ".tsv"
_COLUMNS = {
    "time": ("time", "time (s)"),
    "subject": ("subject",),
    "behaviour": ("behavior", "behaviour", "code", "action"),
    "kind": ("behavior type", "behaviour type", "status", "type", "comment"),
    "film": ("media file name", "media file", "film", "movie"),
}
_ORDER = {"time": 0, "subject": 1, "behaviour": 2, "kind": 4}
_CLOCK = re.compile(r"(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9}(?:\.\d+)?)")


def write_events(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes a file per film, and returns their paths. Overlapping intervals of one action become
    one, since BORIS has an action either on or off; persons without an action have no line."""
    written = []
    for film, path in plan_files(films, out, SUFFIX):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(_list_lines(film)), "utf-8")
        written.append(path)
    return written


def _list_lines(film: FilmActions) -> list[str]:
    frames, rows = film.film, []
    for subject, person in zip(name_subjects(film), film.persons, strict=True):
        for i in merge_intervals(person.intervals):
            names = [str(write_cell(name)) for name in (subject, _join_words(i.action))]
            for frame, kind in ((i.start, "START"), (i.stop, "STOP")):
                seconds = f"{frame_to_seconds(frame, frames.fps):.3f}"
                cells = [seconds, *names, "", kind]
                rows.append((frame, kind != "STOP", [*cells, str(frames.to_source(frame))]))
    rows.sort(key=lambda row: row[:2])
    return ["\t".join(cells) for _, _, cells in rows]


def name_subjects(film: FilmActions) -> list[str]:
    """A different name for each person: the sentence, with a number where it is not the first."""
    names: dict[str, None] = {}
    for number, person in enumerate(film.persons):
        name = _join_words(person.reference)
        while name in names:
            name = f"{name} ({number})"
        names[name] = None
    return list(names)


def _join_words(text: str) -> str:
    """The text with single spaces between its words: no tab or line break."""
    return " ".join(text.split())


@dataclass(frozen=True)
class _Event:
    where: str
    film: str
    seconds: float
    subject: str
    behaviour: str
    kind: str


def read_events(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons (subjects) of films and their actions.

    An event says whether it is a start or a stop; where it does not, the events of one subject and
    behaviour are taken in turn. The film is named in a column, or by the file's name.

    Raises:
        RhasError: no such file, not UTF-8, lines with less than three columns.
    """
    found = FoundActions()
    begun: dict[tuple[str, str, str], _Event] = {}
    events = sorted(_read_lines(path, films), key=lambda e: (e.seconds, e.kind != "stop"))
    known: dict[str, FilmFrames | None] = {}
    persons: dict[tuple[str, str], FoundPerson] = {}
    for event in events:
        if event.film not in known:
            known[event.film] = films.find_film([event.film], event.where)
        film = known[event.film]
        if film is None:
            continue
        if event.kind == "point":
            films.audit.add("interval without length", f"{event.where}: {event.behaviour}")
            continue
        persons.setdefault((film.movie, event.subject), _make_person(event, film))
        key = (film.movie, event.subject, event.behaviour)
        if key in begun and event.kind != "start":
            first = begun.pop(key)
            found.annotations.append(
                ForeignAnnotation(first.where, film.movie, event.subject, event.behaviour,
                                  first.seconds, event.seconds)
            )  # fmt: skip
        elif key not in begun and event.kind != "stop":
            begun[key] = event
        else:
            films.audit.add("start or stop without its partner", _describe_event(event))
    for event in begun.values():
        films.audit.add("start or stop without its partner", _describe_event(event))
    found.persons += persons.values()
    return found


def _describe_event(event: _Event) -> str:
    return f"{event.where}: {event.subject}, {event.behaviour}, {event.seconds:.3f} s"


def _make_person(event: _Event, film: FilmFrames) -> FoundPerson:
    sentence = "" if event.subject.isdecimal() else event.subject
    return FoundPerson(event.where, film.movie, event.subject, sentence)


def _read_lines(path: Path, films: FilmCatalogue) -> Iterator[_Event]:
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    text = io.StringIO(read_text(path), newline="")
    if separator == ",":
        reader = csv.reader(text)
    else:
        reader = csv.reader(text, delimiter=separator, quoting=csv.QUOTE_NONE)
    order: dict[str, int] = dict(_ORDER)
    try:
        for row in filter(any, reader):
            cells = [read_cell(cell) for cell in row]
            where = f"{path}:{reader.line_num}"
            if header := _find_columns(cells):
                order = header
                continue
            event = _read_event(cells, order, where, path, films)
            if event is not None:
                yield event
    except csv.Error as error:
        raise RhasError("not a table", where=str(path), got=str(error)) from error


def _find_columns(cells: Sequence[str]) -> dict[str, int]:
    """Column by meaning where the line is a header; nothing where it is not."""
    names = [cell.strip().lower() for cell in cells]
    found = {
        meaning: names.index(name)
        for meaning, known in _COLUMNS.items()
        for name in reversed(known)
        if name in names
    }
    return found if {"time", "subject", "behaviour"} <= found.keys() else {}


def _read_event(
    cells: Sequence[str], order: dict[str, int], where: str, path: Path, films: FilmCatalogue
) -> _Event | None:
    values = {name: cells[at].strip() for name, at in order.items() if at < len(cells)}
    seconds = _read_time(values.get("time", ""))
    if seconds is None or not values.get("subject") or not values.get("behaviour"):
        films.audit.add(
            "malformed line",
            f"{where}: expected time, subject, behaviour and start or stop, separated by tabs; got "
            f"{' | '.join(cells)[:120]}",
        )
        return None
    kind = values.get("kind", "").lower()
    kind = kind if kind in ("start", "stop", "point") else ""
    film = PureWindowsPath(values.get("film") or path.stem).name  # BORIS writes the whole path
    return _Event(where, film, seconds, values["subject"], values["behaviour"], kind)


def _read_time(text: str) -> float | None:
    """Seconds, or h:mm:ss.sss."""
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = match.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
    return parse_number(text)
