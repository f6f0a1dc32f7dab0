"""AVA's table: what a person does at key moments, a second apart, and where they are.

Lines ``movie, moment, x1, y1, x2, y2, action, person``; boxes as shares of the frame. Beside it a
label list (.pbtxt) gives the actions their numbers. `rhas.data.ava` reads it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rhas.base.classes import CLASS_ID
from rhas.base.units import seconds_to_frame
from rhas.data.actions import FilmActions
from rhas.data.formats.files import single_file

NAME = "ava.csv"


def write_ava(films: Sequence[FilmActions], out: Path) -> list[Path]:
    """Writes the table and its label list, and returns their paths.

    Numbers are those of RHAS133's published list where all actions are its classes, otherwise 1, 2,
    3, ... in alphabetical order. A person without a box at a moment has no line there.
    """
    path = single_file(out, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = number_actions(sorted({name for film in films for name in film.list_actions()}))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for film in films:
            writer.writerows(_list_moments(film, numbers))
    labels = path.with_suffix(".pbtxt")
    entries = [
        f'label {{\n  name: "{_escape(name)}"\n  label_id: {number}\n'
        "  label_type: PERSON_MOVEMENT\n}\n"
        for name, number in numbers.items()
    ]
    labels.write_text("".join(entries), "utf-8")
    return [path, labels]


def _escape(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def number_actions(actions: Sequence[str]) -> dict[str, int]:
    """Numbers from 1 by action."""
    if all(name in CLASS_ID for name in actions):
        return {name: CLASS_ID[name] + 1 for name in actions}
    return {name: number for number, name in enumerate(actions, 1)}


def _list_moments(film: FilmActions, numbers: Mapping[str, int]) -> Iterator[list[object]]:
    size = np.array([film.film.width, film.film.height] * 2)
    for second in range(math.ceil(len(film.film) / film.film.fps)):
        frame = seconds_to_frame(second, film.film.fps)
        for number, person in enumerate(film.persons):
            if frame >= len(film.film) or not person.present[frame]:
                continue
            box = [f"{v:.3f}" for v in np.clip(person.boxes[frame] / size, 0, 1).tolist()]
            for action in sorted(person.find_active(frame)):
                yield [film.film.movie, f"{second:04d}", *box, numbers[action], number]
