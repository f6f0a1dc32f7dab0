"""Batches: slices in order, halved when memory runs out, and every other failure passed on."""

from __future__ import annotations

import pytest
import torch

from rhas.base.errors import RhasError
from rhas.engine.batches import Batches


class Worker:
    """Remembers the slices that fitted; more than ``room`` pictures at once do not."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.done: list[tuple[int, int]] = []

    def __call__(self, rows: slice) -> None:
        if rows.stop - rows.start > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.done.append((rows.start, rows.stop))


def test_slices_cover_everything_once_in_order() -> None:
    worker = Worker(100)
    Batches(4, "cpu").run(worker, 10)
    assert worker.done == [(0, 4), (4, 8), (8, 10)]
    Batches(4, "cpu").run(worker, 0)
    assert len(worker.done) == 3


def test_auto_halves_until_it_fits_and_stays_there() -> None:
    worker, batches = Worker(20), Batches("auto", "cpu")
    assert batches.size == 64
    batches.run(worker, 50)  # 50 and 25 do not fit
    assert worker.done == [(0, 12), (12, 24), (24, 36), (36, 48), (48, 50)]
    batches.run(worker, 13)
    assert worker.done[5:] == [(0, 12), (12, 13)]
    assert batches.size == 12


def test_a_given_size_is_kept_and_the_error_says_so() -> None:
    with pytest.raises(RhasError, match=r"extract\.batch_size"):
        Batches(8, "cpu").run(Worker(4), 8)


def test_one_picture_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(RhasError, match=r"(?s)extract\.batch_size: .*got: 1: "):
        Batches("auto", "cpu").run(Worker(0), 5)


def test_a_processor_without_memory_halves_too() -> None:
    """torch has no class for it; this is its own error."""
    done = []

    def work(rows: slice) -> None:
        torch.empty(1 << 60 if rows.stop - rows.start > 2 else 1, dtype=torch.uint8)
        done.append(rows)

    batches = Batches("auto", "cpu")
    batches.run(work, 5)
    assert batches.size == 2
    assert sum(rows.stop - rows.start for rows in done) == 5


def test_other_failures_are_not_taken_for_memory() -> None:
    def work(rows: slice) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        Batches("auto", "cpu").run(work, 5)
