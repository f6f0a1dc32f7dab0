"""Boxes of a person as keyframes with straight lines between them, as labelling tools keep them.

x are source frames; boxes are float64 (n, 4) in pixels of the source frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rhas.data.actions import FilmFrames, PersonActions
from rhas.stores.tracks import BoxSource

TOLERANCE = 0.5
"""Pixels of a working frame by which a line between two keyframes may miss a box."""


@dataclass(frozen=True)
class Keyframe:
    """A box at a source frame, which holds until the next keyframe where ``visible`` is False."""

    frame: int
    box: tuple[float, float, float, float]
    visible: bool
    actions: frozenset[str] = frozenset()


def choose_keyframes(x: np.ndarray, boxes: np.ndarray, tolerance: np.ndarray) -> list[int]:
    """Rows of keyframes, as few as a greedy search finds, whose lines pass all boxes.

    Args:
        x: int64 (n,), ascending; n above 0.
        boxes: (n, 4).
        tolerance: (4,), by how much a line may miss a coordinate.

    Returns:
        Ascending rows, the first and the last among them.
    """
    chosen = [0]
    while chosen[-1] < len(x) - 1:
        chosen.append(_find_line_end(x, boxes, tolerance, chosen[-1]))
    return chosen


def _find_line_end(x: np.ndarray, boxes: np.ndarray, tolerance: np.ndarray, start: int) -> int:
    """The last row to which a line from ``start`` passes all rows between: the slopes that do so
    form a range, which each row narrows."""
    low, high = np.full(4, -np.inf), np.full(4, np.inf)
    end = start + 1
    for row in range(start + 1, len(x)):
        length = x[row] - x[start]
        rise = boxes[row] - boxes[start]
        if (rise < low * length).any() or (rise > high * length).any():
            break
        end = row
        low = np.maximum(low, (rise - tolerance) / length)
        high = np.minimum(high, (rise + tolerance) / length)
    return end


def make_keyframes(person: PersonActions, film: FilmFrames) -> list[Keyframe]:
    """The track of a person: keyframes where the box leaves its line, where it appears and
    disappears, and where an action begins or ends; none where no box is known.

    While the person is missing a keyframe holds the last box, invisible. An action that goes on
    to the end of the film after the person was last seen ends with a keyframe at its last frame.
    Of working frames that show the same source frame the first one counts.
    """
    if not person.present.any():
        return []
    rows = find_first_rows(film)
    present, x = person.present[rows], film.shown[rows]
    boxes = np.round(person.boxes[rows].astype(np.float64) * film.scale, 2)
    changes = find_changes(person, rows)
    found: list[Keyframe] = []
    box = _as_box(boxes[np.flatnonzero(present)[0]] if present.any() else boxes[0])
    runs = _find_runs(present)
    for start, stop, visible in runs:
        forced = [start, *(c for c in changes if start < c < stop)]
        if visible:
            forced = _add_corners(x, boxes, [*forced, stop - 1], TOLERANCE * film.scale)
        for i in forced:
            box = _as_box(boxes[i]) if visible else box
            found.append(Keyframe(int(x[i]), box, visible, person.find_active(int(rows[i]))))
    last, at_end = film.source_frames - 1, person.find_active(len(film) - 1)
    if not present[-1] and at_end and found[-1].frame < last:
        found.append(Keyframe(last, box, False, at_end))
    if not found[0].visible and not any(k.actions for k in found[:2]):
        return found[1:]
    return found


def find_first_rows(film: FilmFrames) -> np.ndarray:
    """The working frames that show a source frame for the first time."""
    return np.flatnonzero(np.r_[True, np.diff(film.shown) > 0])


def find_changes(person: PersonActions, rows: np.ndarray) -> list[int]:
    """Where, in ``rows`` of working frames, the actions are others than in the row before."""
    ends = {frame for i in person.intervals for frame in (i.start, i.stop)}
    places = {int(np.searchsorted(rows, frame)) for frame in ends}
    return sorted(
        i
        for i in places
        if 0 < i < len(rows)
        and person.find_active(int(rows[i])) != person.find_active(int(rows[i - 1]))
    )


def _add_corners(
    x: np.ndarray, boxes: np.ndarray, forced: Sequence[int], tolerance: np.ndarray
) -> list[int]:
    """``forced``, which begin and end a stretch with boxes, and the keyframes between them."""
    chosen = set(forced)
    for start, stop in pairwise(forced):
        part = slice(start, stop + 1)
        chosen |= {start + i for i in choose_keyframes(x[part], boxes[part], tolerance)}
    return sorted(chosen)


def _find_runs(present: np.ndarray) -> list[tuple[int, int, bool]]:
    """Start, stop and value of each run."""
    edges = [0, *(np.flatnonzero(np.diff(present)) + 1).tolist(), len(present)]
    return [(a, b, bool(present[a])) for a, b in itertools.pairwise(edges)]


def _as_box(values: np.ndarray) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = values.tolist()
    return x1, y1, x2, y2


def draw_boxes(keyframes: Sequence[Keyframe], film: FilmFrames) -> np.ndarray:
    """Boxes over working frames, float32 (T, 4) in their pixels, NaN where invisible.

    Args:
        keyframes: ascending in ``frame``.
    """
    boxes = np.full((len(film), 4), np.nan)
    for start, stop in _pair_keyframes(keyframes, film.source_frames):
        if not start.visible:
            continue
        rows = slice(film.from_source(start.frame), film.from_source(stop.frame))
        part = (film.shown[rows] - start.frame) / max(stop.frame - start.frame, 1)
        a, b = np.array(start.box), np.array(stop.box if stop.visible else start.box)
        boxes[rows] = a + part[:, None] * (b - a)
    return (boxes / film.scale).astype(np.float32)


def find_spans(keyframes: Sequence[Keyframe], frames: int) -> list[tuple[str, int, int]]:
    """Action, first source frame and the one after the last, of actions set at keyframes.

    An action holds until a keyframe without it. Where the person is invisible to the end of the
    film it ends at the last keyframe, unless that is the film's last frame.

    Args:
        keyframes: ascending in ``frame``.
        frames: F.
    """
    spans: list[tuple[str, int, int]] = []
    begun: dict[str, int] = {}
    for keyframe in keyframes:
        for action in [a for a in begun if a not in keyframe.actions]:
            spans.append((action, begun.pop(action), keyframe.frame))
        for action in keyframe.actions:
            begun.setdefault(action, keyframe.frame)
    if keyframes:
        last = keyframes[-1]
        end = frames if last.visible or last.frame == frames - 1 else last.frame
        spans += [(action, start, end) for action, start in begun.items() if start < end]
    return sorted(spans, key=lambda span: (span[1], span[2], span[0]))


def _pair_keyframes(
    keyframes: Sequence[Keyframe], frames: int
) -> Iterator[tuple[Keyframe, Keyframe]]:
    """Each keyframe with the next one; the last holds to the end of the film."""
    yield from itertools.pairwise(keyframes)
    if keyframes:
        last = keyframes[-1]
        yield last, Keyframe(frames, last.box, last.visible)


def is_whole_frame(boxes: np.ndarray, film: FilmFrames) -> bool:
    """Whether all boxes there are cover the frame: the stand-in of a person without boxes."""
    known = boxes[np.isfinite(boxes).all(1)]
    whole = np.array([0, 0, film.width, film.height])
    return len(known) > 0 and bool(np.abs(known - whole).max() < 0.5)


def mark_sources(boxes: np.ndarray, keyframes: Sequence[int], film: FilmFrames) -> np.ndarray:
    """uint8 (T,): detected at keyframes, interpolated between them, missing without a box."""
    drawn = np.isin(film.shown, np.asarray(keyframes, np.int64))
    found = np.where(drawn, BoxSource.DETECTED, BoxSource.INTERPOLATED)
    return np.where(np.isfinite(boxes).all(1), found, BoxSource.MISSING).astype(np.uint8)
