"""Boxes of a person as keyframes with straight lines between them, as labelling tools keep them.

x are source frames; boxes are float64 (n, 4) in pixels of the source frame.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rhas.data.actions import FilmFrames, PersonActions
from rhas.data.drawn_table import make_drawn_track
from rhas.stores.drawn import DrawnKind, DrawnTrack
from rhas.stores.tracks import BoxSource

_BEND = 0.02
"""Pixels of the film by which a line over time may miss one over frames."""
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
        x: (n,), frames or seconds, ascending; n above 0.
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
    last, at_end = film.source_frames - 1, person.find_active(int(rows[-1]))
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


def make_track(keyframes: Sequence[Keyframe], film: FilmFrames) -> DrawnTrack:
    """The keyframes by time. Lines are straight over frames here and over time there: where the
    film's rate varies, there are keyframes between.

    Args:
        keyframes: ascending in ``frame``. A box without an area is none.
    """
    rows: dict[float, tuple[DrawnKind, tuple[float, ...] | None]] = {}
    if keyframes and keyframes[0].frame > 0:
        rows[0.0] = DrawnKind.ABSENT, None
    for start, stop in _pair_keyframes(keyframes, film.source_frames):
        time = float(film.times[start.frame])
        visible = start.visible and start.box[0] < start.box[2] and start.box[1] < start.box[3]
        rows[time] = (DrawnKind.BOX, start.box) if visible else (DrawnKind.ABSENT, None)
        if visible and stop.visible and stop.frame < film.source_frames:
            rows |= {t: (DrawnKind.BOX, box) for t, box in _find_bends(start, stop, film)}
    return make_drawn_track([(time, *row) for time, row in rows.items()])


def _find_bends(
    start: Keyframe, stop: Keyframe, film: FilmFrames
) -> Iterator[tuple[float, tuple[float, ...]]]:
    """Time and box of keyframes between two, where a line over frames is none over time."""
    times, where = np.unique(film.times[start.frame : stop.frame + 1], return_index=True)
    if len(times) < 3:
        return
    part = where / (stop.frame - start.frame)
    boxes = np.array(start.box) + part[:, None] * (np.array(stop.box) - start.box)
    for i in choose_keyframes(times, boxes, np.full(4, _BEND))[1:-1]:
        yield float(times[i]), _as_box(boxes[i])


def thin_track(person: PersonActions, film: FilmFrames) -> DrawnTrack:
    """The boxes of all working frames as keyframes, to `_BEND` pixels."""
    rows = find_first_rows(film)
    present, x = person.present[rows], film.shown[rows]
    boxes = person.boxes[rows].astype(np.float64) * film.scale
    found: list[Keyframe] = []
    for start, stop, visible in _find_runs(present):
        if not visible:
            found.append(Keyframe(int(x[start]), (0.0, 0.0, 0.0, 0.0), False))
            continue
        part = slice(start, stop)
        for i in choose_keyframes(x[part], boxes[part], np.full(4, _BEND)):
            found.append(Keyframe(int(x[start + i]), _as_box(boxes[start + i]), True))
    return make_track(found, film)


def join_tracks(tracks: Sequence[DrawnTrack]) -> tuple[DrawnTrack, int]:
    """One track of several of one person, and how many stretches of them are left out, since the
    person has a box at that time already. No track has `DrawnKind.UNKNOWN`."""
    runs = sorted((run for track in tracks for run in _list_runs(track)), key=lambda run: run[0])
    rows: list[tuple[float, DrawnKind, tuple[float, ...] | None]] = []
    end, left_out = 0.0, 0
    for start, stop, boxes in runs:
        if start < end:
            left_out += 1
            continue
        if start > end:
            rows.append((end, DrawnKind.ABSENT, None))
        rows += [(time, DrawnKind.BOX, box) for time, box in boxes]
        end = stop
    if math.isfinite(end):
        rows.append((end, DrawnKind.ABSENT, None))
    return make_drawn_track(rows), left_out


def _list_runs(
    track: DrawnTrack,
) -> Iterator[tuple[float, float, list[tuple[float, tuple[float, ...]]]]]:
    """Start, end (infinite: the film's) and boxes of each stretch with boxes."""
    boxes = track.kinds == DrawnKind.BOX
    for start, stop, drawn in _find_runs(boxes) if len(boxes) else ():
        if drawn:
            end = float(track.times[stop]) if stop < len(boxes) else math.inf
            times = track.times[start:stop].tolist()
            yield (
                times[0],
                end,
                list(zip(times, map(_as_box, track.boxes[start:stop]), strict=True)),
            )


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
