from __future__ import annotations

from itertools import pairwise

import pytest

from rhas.base.parts import Span, split_at_batches


def spans(*edges: int) -> list[Span]:
    return [Span(start, stop) for start, stop in pairwise(edges)]


@pytest.mark.parametrize(
    ("frames", "batch", "longest", "expected"),
    [
        (20, 4, 20, (0, 20)),  # no longer than allowed
        (21, 4, 20, (0, 12, 21)),  # about equal, in whole batches
        (22, 4, 8, (0, 8, 16, 22)),
        (23, 1, 8, (0, 7, 15, 23)),
        (5, 4, 1, (0, 4, 5)),  # a batch at least
        (3, 4, 1, (0, 3)),  # fewer frames than a batch
        (0, 4, 1, (0, 0)),
    ],
)
def test_parts_of_whole_batches(
    frames: int, batch: int, longest: int, expected: tuple[int, ...]
) -> None:
    assert split_at_batches(range(frames), frames, batch, longest) == spans(*expected)


def test_batches_are_those_of_the_frames_that_are_seen() -> None:
    assert split_at_batches([3, 6, 9, 12, 15], 20, 2, 7) == spans(0, 9, 15, 20)
    assert split_at_batches([], 20, 2, 7) == spans(0, 20)


def test_a_span_as_people_read_it() -> None:
    assert str(Span(0, 20_000)) == "frames 0 to 19,999"
