"""Boxes in every frame of a film, as trackers write them.

A box is ``left, top, right, bottom`` in pixels of the source frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rhas.data.actions import FilmActions, FilmFrames
from rhas.data.formats.found import FoundPerson
from rhas.data.formats.keyframes import Keyframe, make_track


@dataclass(frozen=True)
class FrameBox:
    """A person's box in a source frame; ``score`` in [0, 1]."""

    frame: int
    person: int
    box: tuple[float, float, float, float]
    score: float


def list_boxes(film: FilmActions) -> Iterator[FrameBox]:
    """Of every person in turn, one box per source frame at most. Source frames between two working
    frames with a box get the box on the line between them."""
    frames = film.film
    for number, person in enumerate(film.persons):
        boxes = person.boxes.astype(np.float64) * frames.scale
        table = np.column_stack([boxes, person.scores])
        rows = np.flatnonzero(person.present)
        present = set(rows.tolist())
        written = -1  # a source frame may be shown by several working frames
        for row in rows.tolist():
            following = row + 1 if row + 1 in present else row
            start = int(frames.shown[row])
            stop = int(frames.shown[following]) if following > row else start + 1
            for frame in range(max(start, written + 1), stop):
                written = frame
                part = (frame - start) / (stop - start)
                values = table[row] + part * (table[following] - table[row])
                x1, y1, x2, y2, score = values.tolist()
                yield FrameBox(frame, number, (x1, y1, x2, y2), score)


def make_person(
    where: str, film: FilmFrames, key: str, sentence: str, boxes: Mapping[int, Sequence[float]]
) -> FoundPerson:
    """A person of a file from the boxes by source frame; without boxes, one who has no track."""
    if not boxes:
        return FoundPerson(where, film.movie, key, sentence)
    track = make_track(_list_keyframes(boxes, film), film)
    return FoundPerson(
        where, film.movie, key, sentence, partial(_place_boxes, boxes, film), (track,)
    )


def _list_keyframes(track: Mapping[int, Sequence[float]], film: FilmFrames) -> list[Keyframe]:
    """A keyframe per box, and where the person is gone."""
    found = []
    for frame, (x1, y1, x2, y2) in sorted(track.items()):
        found.append(Keyframe(frame, (x1, y1, x2, y2), True))
        if frame + 1 not in track and frame + 1 < film.source_frames:
            found.append(Keyframe(frame + 1, (x1, y1, x2, y2), False))
    return found


def _place_boxes(track: Mapping[int, Sequence[float]], film: FilmFrames) -> np.ndarray:
    frames = np.array(sorted(track))
    place = np.searchsorted(frames, film.shown).clip(max=len(frames) - 1)
    rows = np.array([track[frame] for frame in frames.tolist()])[place]
    rows[frames[place] != film.shown] = np.nan
    return (rows / film.scale).astype(np.float32)
