"""ActivityNet's JSON, with a person beside each segment; one file for all films.

``{"database": {movie: {"duration": s, "references": [sentence, ...],
"annotations": [{"segment": [start, end], "label": action, "person": 0, "score": 0.9}]}}}``
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rhas.base.files import write_json
from rhas.base.units import frame_to_seconds
from rhas.data.actions import FilmActions
from rhas.data.foreign_tables import ForeignAnnotation
from rhas.data.formats.files import single_file
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.intervals import read_intervals

NAME = "activitynet.json"


def write_activitynet(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes one file, and returns its path."""
    path = single_file(out, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    database = {film.film.movie: _describe_film(film) for film in films}
    write_json(path, {"version": "rhas", "taxonomy": [], "database": database}, sort_keys=False)
    return [path]


def _describe_film(film: FilmActions) -> dict[str, object]:
    entries = []
    for number, person in enumerate(film.persons):
        for i in person.intervals:
            times = (frame_to_seconds(frame, film.film.fps) for frame in (i.start, i.stop))
            entry = {"segment": [round(t, 3) for t in times], "label": i.action, "person": number}
            entries.append(entry if i.score is None else {**entry, "score": i.score})
    return {
        "duration": round(film.film.seconds, 3),
        "resolution": f"{film.film.source_width}x{film.film.source_height}",
        "references": [person.reference for person in film.persons],
        "annotations": entries,
    }


def read_activitynet(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons of films and their actions; a segment without a person is of person 0.

    Raises:
        RhasError: see `rhas.data.intervals.read_intervals`.
    """
    table = read_intervals(path)
    found = FoundActions()
    known = {}
    acting: dict[str, dict[str, str]] = defaultdict(dict)
    for i in table.intervals:
        acting[i.movie][i.person] = ""
    for movie in dict.fromkeys([*table.references, *(i.movie for i in table.intervals)]):
        known[movie] = film = films.find_film([movie], str(path))
        if film is None:
            continue
        sentences = acting[movie] | dict(table.references.get(movie, {}))
        found.persons += [
            FoundPerson(f"{path}, {movie}", film.movie, person, text)
            for person, text in sorted(sentences.items(), key=lambda p: (len(p[0]), p[0]))
        ]
    for number, i in enumerate(table.intervals):
        if (film := known[i.movie]) is not None:
            found.annotations.append(
                ForeignAnnotation(f"{path}, {i.movie}, segment {number}", film.movie, i.person,
                                  i.action, i.start_s, i.end_s)
            )  # fmt: skip
    return found
