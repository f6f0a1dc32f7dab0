"""Parts of a film: some of its frames, and what a stage made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Generic, TypeVar

ReportT = TypeVar("ReportT")


@dataclass(frozen=True)
class Span:
    """Frames ``[start, stop)`` of a film."""

    start: int
    stop: int

    def __str__(self) -> str:
        return f"frames {self.start:,} to {self.stop - 1:,}"


@dataclass(frozen=True)
class FilmPart(Generic[ReportT]):
    """What a film function made of some of a film's frames: its output and its report."""

    path: Path
    report: ReportT


def split_at_batches(seen: Sequence[int], frames: int, batch: int, longest: int) -> list[Span]:
    """Spans that make up a film, about equally long, each with whole batches but for the last.

    A model that sees one span after the other sees the same batches as with the whole film.

    Args:
        seen: the frames that the model sees, ascending.
        frames: of the film.
        batch: how many the model sees at once.
        longest: frames of a span, give or take a batch; more than this are cut.
    """
    batches = -(-len(seen) // batch)
    count = min(-(-frames // longest), batches)
    starts = [int(seen[batches * n // count * batch]) for n in range(1, count)]
    return [Span(start, stop) for start, stop in pairwise([0, *starts, frames])]
