"""The report of the ground stage on a film: prompts, and the number of candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import numpy as np

from rhas.base.boxes import box_iou
from rhas.ground.candidates import Candidates

T = TypeVar("T")

RIVAL_SCORE = 0.9  # of the best candidate's
RIVAL_IOU = 0.5  # with the best candidate: less is another place


@dataclass(frozen=True)
class PersonCandidates:
    """The candidates of one reference.

    Args:
        candidates: their number.
        frames_without_candidate: number of grounded frames.
        without_candidate: the same as runs [first, last].
        frames_with_rivals: grounded frames in which another box, elsewhere, scores nearly as high
            as the best: the reference fits several people.
    """

    person: int
    reference: str
    candidates: int
    frames_without_candidate: int
    without_candidate: list[list[int]]
    frames_with_rivals: int


@dataclass(frozen=True, kw_only=True)
class GroundReport:
    """Prompts of a film, and the number of candidates.

    Args:
        truth: the candidates are true boxes; then the fields below ``persons_never_found`` are
            None.
        sampled_frames: grounded frames.
        frames_without_picture: runs [first, last] of grounded frames without an image.
        persons_never_found: those without a candidate in any frame.
        prompts: of the model.
        cut_references: by person, what is left of a reference that is too long.
        unknown_words: by person.
        same_reference_as: by person, an earlier one whose words are the same to the model.
        batch_size: the one that memory was enough for.
        drawn_persons: those whom people drew, at least in a part of the film.
    """

    movie: str
    backend: str
    truth: bool
    sampled_frames: int
    frames_without_picture: list[list[int]]
    persons: list[PersonCandidates]
    persons_never_found: list[int]
    prompts: list[str] | None = None
    cut_references: dict[str, str] | None = None
    unknown_words: dict[str, list[str]] | None = None
    same_reference_as: dict[str, int] | None = None
    batch_size: int | None = None
    drawn_persons: list[int] | None = None


def by_person(values: Mapping[int, T], persons: Sequence[int]) -> dict[str, T]:
    """With the numbers of persons as JSON has them; ``values`` counts ``persons``."""
    return {str(persons[n]): value for n, value in values.items()}


def count_candidates(
    references: Sequence[str],
    sampled: np.ndarray,
    found: Sequence[Sequence[Candidates]],
    stride: int,
) -> list[PersonCandidates]:
    """By person.

    Args:
        references: by person.
        sampled: int32 (S,) grounded frames.
        found: candidates by grounded frame and person.
        stride: between grounded frames.
    """
    persons = []
    for person, reference in enumerate(references):
        rows = [row[person] for row in found]
        absent = [int(n) for n, c in zip(sampled, rows, strict=True) if not len(c.scores)]
        persons.append(
            PersonCandidates(
                person=person,
                reference=reference,
                candidates=sum(len(c.scores) for c in rows),
                frames_without_candidate=len(absent),
                without_candidate=find_runs(absent, stride),
                frames_with_rivals=sum(_has_rivals(c) for c in rows),
            )
        )
    return persons


def _has_rivals(found: Candidates) -> bool:
    close = found.scores >= RIVAL_SCORE * found.scores[:1]
    return bool((close & (box_iou(found.boxes, found.boxes[:1]) < RIVAL_IOU)).any())


def find_runs(frames: Sequence[int], step: int) -> list[list[int]]:
    """Runs of frames ``step`` apart as [first, last]: 0, 5, 10, 20 by 5 are [0, 10], [20, 20]."""
    return _join_runs(([frame, frame] for frame in frames), step)


def _join_runs(parts: Iterable[Sequence[int]], step: int) -> list[list[int]]:
    """Runs [first, last], joined where one begins ``step`` after the end of the one before."""
    runs: list[list[int]] = []
    for first, last in parts:
        if runs and first - runs[-1][1] == step:
            runs[-1][1] = last
        else:
            runs.append([first, last])
    return runs


def merge_reports(parts: Sequence[GroundReport], stride: int) -> GroundReport:
    """The report of a film from those of its parts, in order; ``stride`` between grounded frames.

    Prompts and what became of references are the same in all of them.
    """
    persons = [
        replace(
            pieces[0],
            candidates=sum(piece.candidates for piece in pieces),
            frames_without_candidate=sum(piece.frames_without_candidate for piece in pieces),
            without_candidate=_join_runs(
                chain(*(piece.without_candidate for piece in pieces)), stride
            ),
            frames_with_rivals=sum(piece.frames_with_rivals for piece in pieces),
        )
        for pieces in zip(*(part.persons for part in parts), strict=True)
    ]
    lost = chain(*(part.frames_without_picture for part in parts))
    sizes = [part.batch_size for part in parts if part.batch_size is not None]
    return replace(
        parts[0],
        sampled_frames=sum(part.sampled_frames for part in parts),
        frames_without_picture=_join_runs(lost, stride),
        persons=persons,
        persons_never_found=[person.person for person in persons if not person.candidates],
        batch_size=min(sizes, default=None),
    )
