"""What the ground stage tells about a film: what was asked of the model, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rhas.base.boxes import box_iou
from rhas.ground.candidates import Candidates
from rhas.ground.prompts import Prompts

RIVAL_SCORE = 0.9  # of the best candidate's
RIVAL_IOU = 0.5  # with the best candidate: less is another place


def prompts_report(made: Prompts) -> dict[str, Any]:
    """Prompts, and by person what was cut, which words are unknown, and whose words are the same
    (see `rhas.ground.prompts`)."""
    return {
        "prompts": [prompt.text for prompt in made.prompts],
        "cut_references": {str(person): text for person, text in made.cut.items()},
        "unknown_words": {str(person): words for person, words in made.unknown.items()},
        "same_reference_as": {str(person): first for person, first in made.same.items()},
    }


def found_report(
    references: Sequence[str],
    sampled: np.ndarray,
    found: Sequence[Sequence[Candidates]],
    lost: Sequence[int],
    stride: int,
) -> dict[str, Any]:
    """Sampled frames, those without a picture, persons of whom no frame has a candidate, and by
    person: candidates, frames without one, and frames with rivals (a reference that fits several
    people): another box, elsewhere in the frame, that scores nearly as high as the best.

    Args:
        references: by person.
        sampled: int32 (S,) frames.
        found: candidates by sampled frame and person.
        lost: sampled frames without a picture.
        stride: between sampled frames.
    """
    persons = []
    for person, reference in enumerate(references):
        own = [row[person] for row in found]
        absent = [int(n) for n, c in zip(sampled, own, strict=True) if not len(c.scores)]
        persons.append(
            {
                "person": person,
                "reference": reference,
                "candidates": sum(len(c.scores) for c in own),
                "frames_without_candidate": len(absent),
                "without_candidate": _ranges(absent, stride),
                "frames_with_rivals": sum(_rivals(c) for c in own),
            }
        )
    return {
        "sampled_frames": len(sampled),
        "frames_without_picture": _ranges(lost, stride),
        "persons_never_found": [p["person"] for p in persons if not p["candidates"]],
        "persons": persons,
    }


def _rivals(found: Candidates) -> bool:
    close = found.scores >= RIVAL_SCORE * found.scores[:1]
    return bool((close & (box_iou(found.boxes, found.boxes[:1]) < RIVAL_IOU)).any())


def _ranges(frames: Sequence[int], step: int) -> list[list[int]]:
    """Runs of frames ``step`` apart as [first, last]: 0, 5, 10, 20 by 5 are [0, 10], [20, 20]."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame - runs[-1][1] == step:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return runs
