"""Batches that fit: a model whose memory runs out, and what the film function makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from factory import write_frames

from rhas.base.errors import RhasError
from rhas.engine.batches import FIRST, with_fitting_batches
from rhas.ground import Candidates
from rhas.ground.grounding import ground_frames
from rhas.stores.frames import open_frames
from rhas.stores.jpeg import JpegReader


class Small:
    """Finds each frame's mean as a box; memory for ``room`` frames, less after ``later`` calls."""

    def __init__(self, room: int, later: int = 10**9) -> None:
        self.room, self.later = room, later
        self.batches: list[int] = []

    def find_boxes(
        self, frames: Sequence[np.ndarray], references: Sequence[str]
    ) -> list[list[Candidates]]:
        if len(frames) > (self.room if len(self.batches) < self.later else self.room // 2):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.batches.append(len(frames))
        # a batch's size shows in its result, as it does in the last bits of a real one's
        score = np.array([1 / max(1, len(frames))], np.float32)
        return [
            [Candidates(np.array([[0, 0, 1, frame.mean()]], np.float32), score)] * len(references)
            for frame in frames
        ]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[JpegReader]:
    pictures: list[np.ndarray | bytes] = [np.full((8, 8, 3), n, np.uint8) for n in range(100)]
    pictures[7] = b""
    with open_frames(write_frames(tmp_path / "f.h5", pictures)) as film:
        yield film.images


@pytest.mark.parametrize(("room", "later"), [(100, 10**9), (20, 10**9), (1, 10**9), (20, 3)])
def test_auto_gives_what_the_size_that_it_found_gives(
    reader: JpegReader, room: int, later: int
) -> None:
    sampled, told = np.arange(100), []
    small = Small(room, later)
    found, size = ground_frames(small, reader, sampled, "auto", ["a", "b"], told.append)
    fits = room if later > 100 else room // 2
    assert size == next(n for n in (64, 32, 16, 8, 4, 2, 1) if n <= fits)
    expected, given = ground_frames(Small(100), reader, sampled, size, ["a", "b"], lambda n: None)
    assert given == size
    for row, other in zip(found, expected, strict=True):
        for one, two in zip(row, other, strict=True):
            np.testing.assert_array_equal(one.boxes, two.boxes)
            np.testing.assert_array_equal(one.scores, two.scores)
    assert [len(row[0].scores) for row in found] == [n != 7 for n in range(100)]
    assert sum(told) == 100  # each frame once, though some were done again


def test_not_even_one_frame_fits() -> None:
    def work(size: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(RhasError, match=r"(?s)ground\.batch_size: .*got: 1: .*smaller model"):
        with_fitting_batches(work, "auto")


def test_a_given_number_that_does_not_fit_is_the_users_to_change(reader: JpegReader) -> None:
    with pytest.raises(RhasError, match=r"(?s)ground\.batch_size: .*got: 64: .*batch_size to auto"):
        ground_frames(Small(20), reader, np.arange(100), FIRST, ["a"], lambda n: None)


def test_other_errors_go_on(reader: JpegReader) -> None:
    def work(size: int) -> None:
        raise ValueError(size)

    with pytest.raises(ValueError, match=str(FIRST)):
        with_fitting_batches(work, "auto")
