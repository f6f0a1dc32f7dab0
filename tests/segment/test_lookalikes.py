"""Other people whom a sentence fits about as well."""

from __future__ import annotations

import numpy as np

from rhas.segment.lookalikes import Lookalike, find_lookalikes
from rhas.stores.boxes import PersonBoxes, make_offsets

SELF, OTHER, FAR = (0.0, 0.0, 10.0, 20.0), (30.0, 0.0, 40.0, 20.0), (60.0, 0.0, 70.0, 20.0)
HEAD = (3.0, 0.0, 7.0, 4.0)
MISSING = (np.nan,) * 4


def find(
    rows: list[list[tuple[tuple[float, ...], float]]],
    track: list[tuple[float, ...]] | None = None,
    others: list[list[tuple[float, ...]]] = (),  # type: ignore[assignment]
) -> list[Lookalike]:
    """Every other frame is sampled."""
    candidates = PersonBoxes(
        "somebody",
        make_offsets([len(row) for row in rows]),
        np.float32([box for row in rows for box, _ in row]).reshape(-1, 4),
        np.float32([score for row in rows for _, score in row]),
    )
    sampled = np.arange(0, 2 * len(rows), 2)
    boxes = np.float32(track or [SELF] * 2 * len(rows))
    return find_lookalikes(sampled, candidates, boxes, [np.float32(other) for other in others])


def test_a_stretch_has_the_frame_where_they_fit_best() -> None:
    rows = [
        [(SELF, 0.8)],
        [(SELF, 0.8), (OTHER, 0.7)],
        [(OTHER, 0.9), (SELF, 0.6)],
        [(SELF, 0.8), (OTHER, 0.3)],
        [(SELF, 0.8), (FAR, 0.8)],
    ]
    assert find(rows) == [
        Lookalike(2, 6, 4, OTHER, 0.9, 0.6),
        Lookalike(8, 10, 8, FAR, 0.8, 0.8),
    ]


def test_parts_of_the_person_and_people_with_names_do_not_count() -> None:
    rows = [[(SELF, 0.8), (HEAD, 0.8), (OTHER, 0.8)]] * 3
    assert find(rows) != []
    assert find(rows, others=[[OTHER] * 6]) == []
    assert find([[(SELF, 0.8), (HEAD, 0.8)]] * 3) == []


def test_nothing_where_the_person_is_missing_or_no_candidate_is_theirs() -> None:
    rows = [[(OTHER, 0.8)], [(SELF, 0.5), (OTHER, 0.8)], []]
    assert find(rows, [SELF, SELF, MISSING, MISSING, SELF, SELF]) == []


def test_a_moment_in_a_long_film_is_not_told() -> None:
    rows = [[(SELF, 0.8), (OTHER, 0.8)], *([[(SELF, 0.8)]] * 10)]
    assert find(rows) == []
    assert len(find(rows[:10])) == 1
