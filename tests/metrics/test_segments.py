from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.segments import (
    BACKGROUND,
    Segments,
    count_matches,
    edit_distance,
    edit_score,
    find_intervals,
    find_runs,
    find_segments,
)

LABELS = hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(BACKGROUND, 3))


def segments(*rows: tuple[int, int, int]) -> Segments:
    return Segments(*np.array(rows, np.int64).reshape(-1, 3).T)


def rows(made: Segments) -> list[tuple[int, int, int]]:
    return list(zip(made.label.tolist(), made.start.tolist(), made.stop.tolist(), strict=True))


def test_runs_of_rows_and_of_values() -> None:
    assert [r.tolist() for r in find_runs(np.array([5, 5, 7, 5]))] == [[0, 2, 3], [2, 3, 4]]
    both = np.array([[0.1, 0.2], [0.1, 0.2], [0.1, 0.3]])
    assert [r.tolist() for r in find_runs(both)] == [[0, 2], [2, 3]]
    assert [r.tolist() for r in find_runs(np.empty(0))] == [[], []]


def test_background_is_no_segment_and_separates() -> None:
    sequence = np.array([-1, 2, 2, -1, 2, 4, 4, -1])
    assert rows(find_segments(sequence)) == [(2, 1, 3), (2, 4, 5), (4, 5, 7)]


def test_intervals_overlap_across_classes() -> None:
    active = np.zeros((6, 3), bool)
    active[0:4, 2] = active[3:6, 0] = True
    active[1, 0] = True
    assert rows(find_intervals(active)) == [(0, 1, 2), (0, 3, 6), (2, 0, 4)]


@given(hnp.arrays(bool, (12, 3)))
def test_intervals_paint_the_labels_they_came_from(active: NDArray[np.bool_]) -> None:
    painted = np.zeros_like(active)
    for label, start, stop in rows(find_intervals(active)):
        assert not painted[max(start - 1, 0) : stop + 1, label].any()  # maximal, apart
        painted[start:stop, label] = True
    assert np.array_equal(painted, active)


def test_a_segment_has_a_length_and_three_values() -> None:
    with pytest.raises(RhasError, match="end after its start"):
        segments((0, 3, 3))
    with pytest.raises(RhasError, match="one class, start and end"):
        Segments(np.zeros(2, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64))


def levenshtein(match: NDArray[np.bool_]) -> int:
    """The textbook table, cell by cell."""
    table = np.zeros((match.shape[0] + 1, match.shape[1] + 1), int)
    table[:, 0], table[0, :] = np.arange(match.shape[0] + 1), np.arange(match.shape[1] + 1)
    for i in range(match.shape[0]):
        for j in range(match.shape[1]):
            table[i + 1, j + 1] = min(
                table[i, j] + (not match[i, j]), table[i, j + 1] + 1, table[i + 1, j] + 1
            )
    return int(table[-1, -1])


@given(hnp.arrays(bool, st.tuples(st.integers(0, 8), st.integers(0, 8))))
def test_edit_distance_equals_the_textbook_table(match: NDArray[np.bool_]) -> None:
    assert edit_distance(match) == levenshtein(match)


def test_edit_score_by_hand() -> None:
    # walk, sit, walk -> walk, walk: one deletion of three
    said, true = np.array([0, 1, 0]), np.array([0, 0])
    assert edit_distance(said[:, None] == true) == 1
    assert edit_score(1, 3) == pytest.approx(200 / 3)
    assert edit_score(0, 0) == 100
    assert edit_score(4, 4) == 0


def test_matches_by_hand() -> None:
    truth = segments((0, 0, 10), (1, 10, 20), (0, 20, 30), (2, 30, 40))
    said = segments((0, 2, 12), (0, 12, 22), (1, 22, 24), (2, 30, 36), (2, 36, 40))
    # (0, 2-12) takes 0-10 at 8/12; (0, 12-22) takes 20-30 at 2/18; (1, 22-24) touches none;
    # (2, 30-36) takes 30-40 at 6/10, (2, 36-40) takes the same at 4/10 and comes too late
    counts = count_matches(said, truth, (0.1, 0.25, 0.5), 3)
    assert counts.tp.tolist() == [[2, 0, 1], [1, 0, 1], [1, 0, 1]]
    assert counts.fp.tolist() == [[0, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert counts.fn.tolist() == [[0, 1, 0], [1, 1, 0], [1, 1, 0]]
    assert counts.pooled() == pytest.approx([600 / 9, 400 / 9, 400 / 9])
    assert counts.by_class()[2] == pytest.approx([50, 0, 200 / 3])


def test_nothing_to_find_and_nothing_said_is_perfect() -> None:
    counts = count_matches(segments(), segments(), (0.5,), 2)
    assert counts.pooled() == [100]
    assert count_matches(segments((0, 0, 5)), segments(), (0.5,), 2).pooled() == [0]


def slow_matches(said: Segments, truth: Segments, overlap: float) -> tuple[int, int, int]:
    """Segment by segment, remembering which true ones are taken."""
    taken: set[int] = set()
    tp = 0
    for label, start, stop in rows(said):
        best, best_overlap = -1, -1.0
        for i, (true_label, true_start, true_stop) in enumerate(rows(truth)):
            mine, its = set(range(start, stop)), set(range(true_start, true_stop))
            iou = len(mine & its) / len(mine | its) if label == true_label else 0.0
            if iou > best_overlap:
                best, best_overlap = i, iou
        if best_overlap >= overlap and best not in taken:
            tp += 1
            taken.add(best)
    return tp, len(said) - tp, len(truth) - tp


@given(LABELS, st.data(), st.sampled_from((0.1, 0.25, 0.5)))
def test_matches_equal_the_loop(said: NDArray, data: st.DataObject, overlap: float) -> None:
    truth = data.draw(hnp.arrays(np.int64, len(said), elements=st.integers(BACKGROUND, 3)))
    counts = count_matches(find_segments(said), find_segments(truth), (overlap,), 4)
    found = (int(counts.tp.sum()), int(counts.fp.sum()), int(counts.fn.sum()))
    assert found == slow_matches(find_segments(said), find_segments(truth), overlap)


@given(LABELS, st.data(), st.sampled_from((0.1, 0.25, 0.5)))
def test_splitting_a_segment_inside_a_true_one_never_raises_f1(
    truth: NDArray, data: st.DataObject, overlap: float
) -> None:
    true = find_segments(truth)
    said = data.draw(hnp.arrays(np.int64, len(truth), elements=st.integers(BACKGROUND, 3)))
    whole = rows(find_segments(said))
    inside = [
        (i, s)
        for i, s in enumerate(whole)
        if s[2] - s[1] > 1 and any(t[0] == s[0] and t[1] <= s[1] < s[2] <= t[2] for t in rows(true))
    ]
    if not inside:
        return
    i, (label, start, stop) = data.draw(st.sampled_from(inside))
    cut = data.draw(st.integers(start + 1, stop - 1))
    split = [*whole[:i], (label, start, cut), (label, cut, stop), *whole[i + 1 :]]
    before = count_matches(segments(*whole), true, (overlap,), 4).pooled()[0]
    assert count_matches(segments(*split), true, (overlap,), 4).pooled()[0] <= before
