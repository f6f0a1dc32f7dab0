"""Drawn tracks at the frames of a film, against a slow loop; gaps, cuts, and the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.base.errors import RhasError
from rhas.data.drawn_table import make_drawn_track
from rhas.stores.drawn import DrawnBoxes, DrawnKind, DrawnTrack

BOX, ABSENT, UNKNOWN = DrawnKind.BOX, DrawnKind.ABSENT, DrawnKind.UNKNOWN
SIZE = (1000, 1000)
NO_CUTS = np.zeros(0, np.int32)


def square(x: float) -> tuple[float, float, float, float]:
    return x, 10.0, x + 20, 30.0


def draw_slowly(track: DrawnTrack, time: list[float], cuts: list[int]) -> list[object]:
    """Of every frame "unknown", None or the left side of the box."""
    keys = list(zip(track.times, track.kinds, track.boxes[:, 0], strict=True))
    found: list[object] = []
    for frame, now in enumerate(time):
        past = [n for n, key in enumerate(keys) if key[0] <= now]
        if not past or keys[past[-1]][1] == UNKNOWN:
            found.append("unknown")
            continue
        start, kind, left = keys[past[-1]]
        if kind == ABSENT:
            found.append(None)
            continue
        after = keys[past[-1] + 1] if past[-1] + 1 < len(keys) else None
        if after is None or after[1] != BOX:
            found.append(left)
            continue
        crossed = [c for c in cuts if start <= time[c - 1] and time[c] <= after[0]]
        if not crossed:
            found.append(left + (now - start) / (after[0] - start) * (after[2] - left))
        elif frame < crossed[0]:
            found.append(left)
        else:
            found.append(after[2] if frame >= crossed[-1] else None)
    return found


@st.composite
def tracks(draw: st.DrawFn) -> tuple[DrawnTrack, list[float], list[int]]:
    """Times are multiples of 1/64 s, so that both ways of computing round alike."""
    steps = draw(st.lists(st.integers(1, 9), min_size=1, max_size=40))
    time = [0.0, *(np.cumsum(steps) / 64).tolist()]
    keys = sorted(draw(st.sets(st.integers(0, 200), max_size=8)))
    kinds = [draw(st.sampled_from([BOX, BOX, ABSENT, UNKNOWN])) for _ in keys]
    rows = [
        (key / 64, kind, square(draw(st.integers(0, 900))) if kind == BOX else None)
        for key, kind in zip(keys, kinds, strict=True)
    ]
    cuts = sorted(draw(st.sets(st.integers(1, len(time) - 1), max_size=4)))
    return make_drawn_track(rows), time, cuts


@settings(max_examples=200, deadline=None)
@given(drawn=tracks())
def test_every_frame_is_that_of_the_slow_loop(
    drawn: tuple[DrawnTrack, list[float], list[int]],
) -> None:
    track, time, cuts = drawn
    fast = track.draw(np.array(time), np.array(cuts, np.int32), *SIZE)
    for frame, expected in enumerate(draw_slowly(track, time, cuts)):
        assert fast.known[frame] == (expected != "unknown")
        assert bool(fast.source[frame]) == isinstance(expected, float)
        if isinstance(expected, float):
            assert fast.boxes[frame, 0] == pytest.approx(expected, abs=1e-3)


def test_lines_gaps_and_the_time_that_nobody_looked_at() -> None:
    track = make_drawn_track([
        (0.2, BOX, square(0)), (0.4, BOX, square(20)), (0.6, ABSENT, None), (0.8, UNKNOWN, None),
    ])  # fmt: skip
    found = track.draw(np.arange(10) / 10, NO_CUTS, *SIZE)
    assert found.known.tolist() == [False] * 2 + [True] * 6 + [False] * 2
    np.testing.assert_allclose(found.boxes[2:6, 0], [0, 10, 20, 20], atol=1e-4)
    assert found.source.tolist() == [0, 0, 1, 2, 1, 2, 0, 0, 0, 0]


def test_no_line_crosses_a_cut() -> None:
    """Frames 3 and 7 start shots; in the one between nothing is drawn."""
    track = make_drawn_track([(0.0, BOX, square(0)), (0.9, BOX, square(90))])
    found = track.draw(np.arange(10) / 10, np.array([3, 7]), *SIZE)
    assert found.boxes[:3, 0].tolist() == [0] * 3
    assert found.boxes[7:, 0].tolist() == [90] * 3
    assert found.source[3:7].tolist() == [0] * 4


def test_boxes_end_at_the_picture() -> None:
    track = make_drawn_track([(0.0, BOX, (-10.0, 5.0, 20.0, 50.0)), (1.0, BOX, (90.0, 0, 190, 9))])
    found = track.draw(np.array([0.0, 1.0]), NO_CUTS, 100, 40)
    assert found.boxes.tolist() == [[0, 5, 20, 40], [90, 0, 100, 9]]


def test_a_track_is_cut_to_the_film_and_keeps_what_holds_at_its_start() -> None:
    track = make_drawn_track([
        (-3.0, ABSENT, None), (-1.0, BOX, square(0)), (1.0, BOX, square(40)), (9.0, ABSENT, None),
    ]).trim(5.0)  # fmt: skip
    assert track.times.tolist() == [0, 1]
    assert track.boxes[:, 0].tolist() == [20, 40]


def test_boxes_outside_the_picture_are_counted_and_absent() -> None:
    track = make_drawn_track([(0.0, BOX, square(5)), (1.0, BOX, square(100)), (2.0, ABSENT, None)])
    inside, count = track.drop_outside(100, 40)
    assert count == 1
    assert inside.kinds.tolist() == [BOX, ABSENT, ABSENT]


def test_the_store_is_read_back(tmp_path: Path) -> None:
    track = make_drawn_track([(0.0, ABSENT, None), (1.5, BOX, square(7))])
    DrawnBoxes(128, 96, (DrawnTrack.make_empty(), track)).write(tmp_path / "a.h5")
    found = DrawnBoxes.read(tmp_path / "a.h5")
    assert (found.width, found.height) == (128, 96)
    assert [len(t.times) for t in found.tracks] == [0, 2]
    np.testing.assert_array_equal(found.tracks[1].boxes, track.boxes)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(1.0, ABSENT, None), (1.0, ABSENT, None)], "do not ascend"),
        ([(0.0, BOX, (5.0, 5.0, 5.0, 9.0))], "without an area"),
        ([(0.0, BOX, None)], "without an area"),
        ([(0.0, ABSENT, (0.0, 0.0, 1.0, 1.0))], "where there is none"),
    ],
)
def test_what_is_no_track_is_an_error(rows: list, says: str) -> None:
    with pytest.raises(RhasError, match=says):
        make_drawn_track(rows)
