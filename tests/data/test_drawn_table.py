"""boxes.csv: read back, and every broken line named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.data.audit import Audit
from rhas.data.ava import Excluded, read_ava_boxes
from rhas.data.drawn_table import Picture, make_drawn_track, read_drawn_table, write_drawn
from rhas.data.foreign_tables import Clock
from rhas.stores.drawn import DrawnKind, DrawnTrack

HEADER = "movie,person,time_s,kind,x1,y1,x2,y2"
PICTURES = {"a": Picture(100, 50, 10.0)}


def read_lines(folder: Path, *lines: str) -> dict[tuple[str, int], DrawnTrack]:
    (folder / "boxes.csv").write_text("\n".join([HEADER, *lines]) + "\n", "utf-8")
    return read_drawn_table(folder, {"a": range(2)}, PICTURES)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    track = make_drawn_track([
        (0.0, DrawnKind.ABSENT, None), (1 / 3, DrawnKind.BOX, (1.5, 2.0, 30.25, 40.0)),
        (9.5, DrawnKind.UNKNOWN, None),
    ])  # fmt: skip
    write_drawn(tmp_path, {("a", 1): track})
    (found,) = read_drawn_table(tmp_path, {"a": range(2)}, PICTURES).values()
    np.testing.assert_allclose(found.times, track.times, atol=1e-6)
    np.testing.assert_array_equal(found.kinds, track.kinds)
    np.testing.assert_array_equal(found.boxes, track.boxes)


def test_no_table_is_no_track(tmp_path: Path) -> None:
    assert read_drawn_table(tmp_path, {}, {}) == {}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["a,2,0,absent,,,,"], r"(?s)boxes\.csv:2: .*without reference.*movie a, person 2"),
        (["b,0,0,absent,,,,"], r"(?s)without reference.*movie b"),
        (["a,0,0,box,1,1,20,20", "a,0,0,box,1,1,20,20"], r"boxes\.csv:3: two boxes"),
        (["a,0,5,box,1,1,20,20", "a,0,4,box,1,1,20,20"], r"(?s)go back.*later than 5 s"),
        (["a,0,10.5,box,1,1,20,20"], r"(?s)beyond the film.*10\.000 s"),
        (["a,0,-1,absent,,,,"], "beyond the film"),
        (["a,0,0,box,120,1,140,20"], r"(?s)outside the picture.*100 x 50"),
        (["a,0,0,box,20,1,10,20"], "without an area"),
        (["a,0,0,box,1,1,20,"], "malformed"),
        (["a,0,0,absent,1,1,20,20"], "malformed"),
        (["a,0,nan,absent,,,,"], "malformed"),
        (["a,0,0,there,,,,"], "malformed"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(RhasError, match=says):
        read_lines(tmp_path, *lines)


def test_lines_of_several_persons_may_be_mixed(tmp_path: Path) -> None:
    found = read_lines(tmp_path, "a,0,0,box,1,1,20,20", "a,1,0,absent,,,,", "a,0,2,absent,,,,")
    assert {key: len(track.times) for key, track in found.items()} == {("a", 0): 2, ("a", 1): 1}


def read_moments(
    folder: Path, *lines: str, excluded: Excluded | None = None
) -> tuple[dict[str, DrawnTrack], Audit]:
    table, audit = folder / "ava.csv", Audit()
    table.write_text("\n".join(lines) + "\n", "utf-8")
    clock = Clock(None, 900.0)
    found = read_ava_boxes(table, clock, 1.0, excluded or {}, PICTURES, audit)
    return {row.person: row.track for row in found}, audit


def test_moments_of_ava_are_a_track(tmp_path: Path) -> None:
    """Person 0 at 902, 903 and 905, person 1 at 906: the film is labelled from 901.5 to 906.5."""
    tracks, audit = read_moments(
        tmp_path, "a,902,0.1,0,0.3,1,12,0", "a,902,0.1,0,0.3,1,80,0", "a,903,0.3,0,0.5,1,12,0",
        "a,905,0.5,0,0.7,1,12,0", "a,906,0,0,1,1,12,1",
    )  # fmt: skip
    assert not audit.found
    found = tracks["0"].draw(np.arange(0, 8, 0.25), np.zeros(0, np.int32), 100, 50)
    known = {0.25 * n for n in np.flatnonzero(found.known)}
    assert known == {t for t in np.arange(0, 8, 0.25).tolist() if 1.5 <= t < 6.5}
    lefts = {0.25 * n: round(float(found.boxes[n, 0]), 3) for n in np.flatnonzero(found.source)}
    assert lefts == {
        1.5: 10, 1.75: 10, 2.0: 10, 2.25: 15, 2.5: 20, 2.75: 25, 3.0: 30, 3.25: 30,
        4.5: 50, 4.75: 50, 5.0: 50, 5.25: 50,
    }  # fmt: skip
    assert tracks["1"].draw(np.array([2.0, 6.0]), np.zeros(0, int), 100, 50).source.tolist() == [
        0, 1,
    ]  # fmt: skip


def test_excluded_moments_are_left_to_grounding_and_two_boxes_are_told(tmp_path: Path) -> None:
    tracks, audit = read_moments(
        tmp_path, "a,902,0,0,0.5,1,12,0", "a,902,0.2,0,0.5,1,80,0", "a,903,0,0,0.5,1,12,0",
        "a,904,0,0,0.5,1,12,0", excluded={("a", 903.0): "t"},
    )  # fmt: skip
    assert len(audit.found["two boxes of a person at one time"]) == 1
    found = tracks["0"].draw(np.array([2.0, 2.4, 2.6, 3.4, 3.6]), np.zeros(0, int), 100, 50)
    assert found.known.tolist() == [True, True, False, False, True]
    assert found.source.astype(bool).tolist() == [True, True, False, False, True]


def test_boxes_and_excluded_moments_of_a_film_that_is_named_with_its_ending(tmp_path: Path) -> None:
    lines = [f"a{{}},{moment},0,0,0.5,1,12,0" for moment in (902, 903, 904)]
    plain, _ = read_moments(
        tmp_path, *(line.format("") for line in lines), excluded={("a", 903.0): "t"}
    )
    ending, _ = read_moments(
        tmp_path, *(line.format(".mp4") for line in lines), excluded={("a", 903.0): "t"}
    )
    assert ending["0"].times.tolist() == plain["0"].times.tolist()
    assert ending["0"].kinds.tolist() == plain["0"].kinds.tolist()
