"""MOTChallenge's text: boxes of numbered persons, frames of the film from 1; a file per film.

Lines ``frame, person, left, top, width, height, confidence, -1, -1, -1`` in pixels of the film;
person 0 is written as 1. There are no actions and no sentences in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.data.actions import FilmActions, FilmFrames
from rhas.data.foreign_tables import parse_number
from rhas.data.formats.files import plan_files
from rhas.data.formats.found import FilmCatalogue, FoundActions, FoundPerson
from rhas.data.formats.keyframes import Keyframe, make_track
from rhas.data.tables import read_cells

SUFFIX = ".txt"
_PLAIN_NAMES = {"gt", "det", "mot"}  # of files that do not say the film: its folder does


def write_mot(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes a file per film, and returns their paths. Frames between two working frames with a
    box get the box on the line between them."""
    written = []
    for film, path in plan_files(films, out, SUFFIX):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = sorted(_list_boxes(film), key=lambda row: row[:2])
        lines = (
            f"{frame + 1},{person + 1},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f}"
            ",-1,-1,-1\n"
            for frame, person, x1, y1, x2, y2, score in rows
        )
        path.write_text("".join(lines), "utf-8")
        written.append(path)
    return written


def _list_boxes(film: FilmActions) -> Iterator[tuple[float, ...]]:
    frames = film.film
    for number, person in enumerate(film.persons):
        boxes = person.boxes.astype(np.float64) * frames.scale
        table = np.column_stack([boxes, person.scores])
        rows = np.flatnonzero(person.present)
        present = set(rows.tolist())
        for row in rows.tolist():
            following = row + 1 if row + 1 in present else row
            start = int(frames.shown[row])
            stop = int(frames.shown[following]) if following > row else start + 1
            for frame in range(start, stop):
                part = (frame - start) / (stop - start)
                values = table[row] + part * (table[following] - table[row])
                yield frame, number, *values.tolist()


def read_mot(path: Path, films: FilmCatalogue) -> FoundActions:
    """The persons of a film and their boxes; person 0 is the file's 1.

    The film is named by the file, or by its folder where the file is called gt or det.

    Raises:
        RhasError: no such file, a line that is not a box, a frame beyond the film, two boxes of a
            person in one frame.
    """
    parents = [p.name for p in path.absolute().parents[:2]] if path.stem in _PLAIN_NAMES else []
    film = films.find_film([path.stem, *parents], str(path))
    found = FoundActions()
    if film is None:
        return found
    boxes: dict[int, dict[int, list[float]]] = {}
    for line, cells in read_cells(path):
        frame, person, box = _read_line(cells, film, f"{path}:{line}")
        if frame in boxes.setdefault(person, {}):
            raise RhasError(
                "two boxes of a person in one frame",
                where=f"{path}:{line}",
                got=f"frame {frame + 1}, person {person + 1}",
            )
        boxes[person][frame] = box
    for person, track in sorted(boxes.items()):
        where = f"{path}, person {person}"
        found.persons.append(
            FoundPerson(
                where, film.movie, str(person), "", partial(_place_boxes, track, film),
                (make_track(_list_keyframes(track, film), film),),
            )
        )  # fmt: skip
    return found


def _read_line(cells: Sequence[str], film: FilmFrames, where: str) -> tuple[int, int, list[float]]:
    numbers = [value for cell in cells if (value := parse_number(cell)) is not None]
    if len(numbers) < 6 or len(numbers) != len(cells):
        raise RhasError(
            "not a line of MOT",
            where=where,
            expected="frame,person,left,top,width,height,confidence",
            got=",".join(cells)[:120],
        )
    frame, person, left, top, width, height = numbers[:6]
    if not frame.is_integer() or not 1 <= frame <= film.source_frames:
        raise RhasError(
            "a frame beyond the film",
            where=where,
            expected=f"1 to {film.source_frames}, the frames of {film.file}",
            got=cells[0],
        )
    if not person.is_integer() or person < 1 or width <= 0 or height <= 0:
        raise RhasError("not a person's box", where=where, got=",".join(cells)[:120])
    return int(frame) - 1, int(person) - 1, [left, top, left + width, top + height]


def _list_keyframes(track: dict[int, list[float]], film: FilmFrames) -> list[Keyframe]:
    """A keyframe per box, and where the person is gone."""
    found = []
    for frame, (x1, y1, x2, y2) in sorted(track.items()):
        found.append(Keyframe(frame, (x1, y1, x2, y2), True))
        if frame + 1 not in track and frame + 1 < film.source_frames:
            found.append(Keyframe(frame + 1, (x1, y1, x2, y2), False))
    return found


def _place_boxes(track: dict[int, list[float]], film: FilmFrames) -> np.ndarray:
    frames = np.array(sorted(track))
    place = np.searchsorted(frames, film.shown).clip(max=len(frames) - 1)
    rows = np.array([track[frame] for frame in frames.tolist()])[place]
    rows[frames[place] != film.shown] = np.nan
    return (rows / film.scale).astype(np.float32)
