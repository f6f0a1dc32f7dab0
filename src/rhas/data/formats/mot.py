"""MOTChallenge's text: boxes of numbered persons, frames of the film from 1; a file per film.

Lines ``frame, person, left, top, width, height, confidence, -1, -1, -1`` in pixels of the film;
person 0 is written as 1. There are no actions and no sentences in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.data.actions import FilmActions, FilmFrames
from rhas.data.foreign_tables import parse_number
from rhas.data.formats.files import plan_files
from rhas.data.formats.found import FilmCatalogue, FoundActions
from rhas.data.formats.frame_boxes import FrameBox, list_boxes, make_person
from rhas.data.tables import read_cells

SUFFIX = ".txt"
_PLAIN_NAMES = {"gt", "det", "mot"}  # of files that do not say the film: its folder does


def write_mot(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes a file per film, and returns their paths. Frames between two working frames with a
    box get the box on the line between them."""
    written = []
    for film, path in plan_files(films, out, SUFFIX):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = sorted(list_boxes(film), key=lambda row: (row.frame, row.person))
        path.write_text("".join(map(_format_line, rows)), "utf-8")
        written.append(path)
    return written


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
        found.persons.append(make_person(where, film, str(person), "", track))
    return found


def _format_line(row: FrameBox) -> str:
    x1, y1, x2, y2 = row.box
    numbers = f"{row.frame + 1},{row.person + 1},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
    return f"{numbers},{row.score:.4f},-1,-1,-1\n"


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
            do="give the film that was annotated",
        )
    if not person.is_integer() or person < 1 or width <= 0 or height <= 0:
        raise RhasError("not a person's box", where=where, got=",".join(cells)[:120])
    return int(frame) - 1, int(person) - 1, [left, top, left + width, top + height]
