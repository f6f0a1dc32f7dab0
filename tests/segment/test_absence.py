from __future__ import annotations

import numpy as np

from rhas.segment.absence import (
    ANOTHER,
    CUT,
    LOW_SCORE,
    NO_DETECTION,
    REASONS,
    UNCERTAIN,
    Absence,
    find_absences,
)
from rhas.stores.boxes import PersonBoxes, make_offsets

HERE, THERE = (0, 0, 10, 10), (50, 50, 60, 60)


def test_every_reason_is_told_for_the_frames_nearest_to_its_sampled_frame() -> None:
    source = np.zeros(52, np.uint8)
    source[:3] = 1
    sampled = np.arange(0, 52, 5)
    scores = [[0.9], [], [0.2], [0.7], [0.6], [0.5], [], [], [0.1], [0.2], []]
    boxes = [HERE, None, HERE, HERE, THERE, THERE, None, None, HERE, HERE, None]
    best = PersonBoxes(
        "somebody",
        make_offsets([len(s) for s in scores]),
        np.float32([b for b in boxes if b is not None]),
        np.float32([s for own in scores for s in own]),
    )
    other = np.full((52, 4), np.nan, np.float32)
    other[18:] = THERE
    # shots 0-31, 32-34 (none of its frames is sampled), 35-51
    found = find_absences(source, np.array([32, 35]), sampled, best, [other], 0.3)
    assert found == [
        Absence(3, 8, NO_DETECTION, None),
        Absence(8, 13, LOW_SCORE, 0.2),
        Absence(13, 18, UNCERTAIN, 0.7),
        Absence(18, 28, ANOTHER, 0.6),
        Absence(28, 32, NO_DETECTION, None),
        Absence(32, 35, CUT, None),
        Absence(35, 38, NO_DETECTION, None),
        Absence(38, 48, LOW_SCORE, 0.2),
        Absence(48, 52, NO_DETECTION, None),
    ]
    assert {a.reason for a in found} == set(REASONS)


def test_a_person_seen_throughout_is_nowhere_absent() -> None:
    best = PersonBoxes("somebody", make_offsets([1]), np.float32([HERE]), np.float32([0.9]))
    assert find_absences(np.ones(4, np.uint8), np.array([]), np.array([0]), best, [], 0.3) == []
