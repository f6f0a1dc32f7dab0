"""Tracks against true boxes, every count by hand."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.evaluate.grounding import FilmGrounding, GroundingMetrics
from rhas.metrics.recall import Recall
from rhas.metrics.tracks import (
    TrackCounts,
    TrackedFilm,
    count_cut_crossings,
    count_id_switches,
    count_tracks,
)

PAGE = (Path(__file__).parents[2] / "docs" / "METRICS.md").read_text("utf-8")

NAN = [np.nan] * 4
A, B, FAR = [0.0, 0, 40, 80], [60.0, 0, 100, 80], [110.0, 0, 119, 9]
NEAR_A = [10.0, 0, 50, 80]  # IoU with A 30/50


def film(**changes: Any) -> TrackedFilm:
    """Two people in eight frames.

    | frame           | 0    | 1      | 2   | 3   | 4        | 5    | 6    | 7    |
    | person 0 is     | A    | A      | A   | A   | A, 0.2   | gone | gone | A    |
    | its track is    | A    | near A | B   | FAR | A        | B    | FAR  | -    |
    | person 1 is     | B    | B      | B   | B   | B        | B    | B    | B    |
    | its track is    | -    | -      | -   | -   | -        | -    | -    | -    |
    """
    values: dict[str, Any] = {
        "right": np.array([[A, B]] * 5 + [[NAN, B]] * 2 + [[A, B]]),
        "visible": np.array([[1, 1]] * 4 + [[0.2, 1]] + [[0, 1]] * 2 + [[0.25, 1]]),
        "cuts": np.array([], int),
        "boxes": np.stack([[A, NEAR_A, B, FAR, A, B, FAR, NAN], [NAN] * 8], axis=1),
        "interpolated": np.zeros((8, 2), bool),
        "found_cuts": np.array([], int),
    }
    return TrackedFilm(**{**values, **changes})


def test_by_hand() -> None:
    first, second = count_tracks(film())
    assert dataclasses.replace(first, overlap=0.0) == TrackCounts(
        persons=1,
        visible=5,  # 0 to 3 and 7; in frame 4 too little is visible
        found=2,  # 0 and 1
        boxed=7,
        wrong=2,  # 2 and 5
        nobody=2,  # 3 and 6
        wrong_visible=1,  # 2; in 5 the person is not in view
        absent=2,
        absent_boxed=2,
        id_switches=3,  # A, B in 2, A in 4, B in 5
    )
    assert first.overlap == pytest.approx(1 + 30 / 50)  # nothing in 2, 3 and 7
    assert second == TrackCounts(persons=1, not_found=1, visible=8)
    total = first + second
    assert (total.persons, total.not_found, total.visible, total.found) == (2, 1, 13, 2)


def test_a_box_on_both_is_the_right_persons() -> None:
    """Two people on the same spot: the box lies on the other at IoU 1 and on the own at 0.6."""
    right = np.array([[A, NEAR_A]] * 8)
    [first, _] = count_tracks(film(right=right, boxes=np.stack([[NEAR_A] * 8, [NAN] * 8], axis=1)))
    assert (first.wrong, first.nobody, first.found) == (0, 0, 5)


def test_the_identity_lasts_while_the_box_still_lies_on_the_person() -> None:
    overlap = np.array([[0.9, 0.1], [0.6, 0.8], [0.5, 0.9], [0.49, 0.9], [0.55, 0.6], [0, 0]])
    assert count_id_switches(overlap) == 1  # in frame 3; in 4 it still lies on person 1


def test_identities_are_compared_across_frames_on_nobody() -> None:
    none = [0, 0.4, 0]
    there, other = [0.9, 0, 0], [0, 0, 0.5]
    assert count_id_switches(np.array([none, there, none, there, none, other, other])) == 1
    assert count_id_switches(np.array([none, none])) == 0


def test_crossings_of_cuts() -> None:
    boxed = np.array([1, 1, 1, 1, 1, 0, 1, 1, 1, 1], bool)
    inner = np.array([0, 1, 1, 0, 0, 0, 0, 0, 1, 0], bool)  # interpolated
    cases = {2: 1, 1: 1, 3: 1, 4: 0, 5: 0, 6: 0, 7: 0, 8: 1, 9: 1}  # by where the cut is
    for cut, crossings in cases.items():
        assert count_cut_crossings(boxed, inner, [cut], []) == crossings, cut
        assert count_cut_crossings(boxed, inner, [cut], [cut]) == 0
    assert count_cut_crossings(boxed, inner, [2, 8], [2]) == 1
    assert count_cut_crossings(boxed, inner, [2], [3]) == 1  # found a frame late
    assert count_cut_crossings(boxed, inner, [0, 10], []) == 0


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(RhasError, match=r"true boxes \(8, 1, 4\), visible \(8, 2\)"):
        film(right=np.zeros((8, 1, 4)))


def test_the_worked_example_of_the_page() -> None:
    section = PAGE.split("## Grounding")[1].split("### Worked example")[1].split("## Files")[0]
    [rows] = re.findall(r"^a  +(.+)\nb  +(.+)$", section, re.MULTILINE)
    [seen] = re.findall(r"^A is +(.+)$", section, re.MULTILINE)
    boxes, right = [], []
    for a, b, there in zip(*(row.split() for row in rows), seen.split(), strict=True):
        box, own, other = boxes_of(*(0 if value == "-" else float(value) for value in (a, b)))
        boxes.append([NAN if b == "-" else box, NAN])
        right.append([own if there == "yes" else NAN, other])
    made = film(right=np.array(right), visible=np.ones((8, 2)), boxes=np.array(boxes))
    person = count_tracks(made)[0]
    found = asdict(GroundingMetrics.from_films([FilmGrounding("m", None, Recall(), [person], [0])]))
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", section, re.MULTILINE))
    assert len(shown) == 7
    for name, value in shown.items():
        said = found[name]
        assert value == (str(said) if isinstance(said, int) else f"{said:.2f}"), name


def boxes_of(a: float, b: float) -> tuple[list[float], list[float], list[float]]:
    """A box of 100 by 100, and two that overlap it by the IoU ``a`` and ``b``: parts of it, the
    one from its top, the other from its bottom; elsewhere where there is no overlap."""
    box = [0.0, 0.0, 100.0, 100.0]
    own = [0, 0, 100, 100 * a] if a else [200.0, 0, 300, 100]
    other = [0, 100 - 100 * b, 100, 100] if b else [200.0, 200, 300, 300]
    return box, own, other
