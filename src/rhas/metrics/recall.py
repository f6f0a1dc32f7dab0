"""How often grounding's candidates find the right person: recall at IoU 0.5 against true boxes.

Counted are (grounded frame, person) pairs with at least a quarter of the person visible. A pair is
found by ``top`` where the best candidate's IoU with the true box is at least 0.5, by ``any`` where
some candidate's is. ``chance`` is what picking one of those people at random would find: the share
of the people counted in that frame whose true box has an IoU of at least 0.5 with the right one
(its own always has). People without a reference have no true box and do not count.

T frames, S grounded frames, P persons, K candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rhas.base.boxes import box_iou
from rhas.base.errors import RhasError

IOU = 0.5
VISIBLE = 0.25


@dataclass(frozen=True)
class Recall:
    """Counts of one film or of many; they add up.

    Args:
        pairs: of grounded frame and visible person.
        top: pairs that the best candidate finds.
        any: pairs that some candidate finds.
        chance: expected number that a random pick among the visible people finds.
    """

    pairs: int = 0
    top: int = 0
    any: int = 0
    chance: float = 0.0

    def __add__(self, other: Recall) -> Recall:
        return Recall(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def count_recall(
    frames: NDArray[np.integer],
    candidates: Sequence[Sequence[NDArray[np.floating]]],
    right: NDArray[np.floating],
    visible: NDArray[np.bool_],
) -> Recall:
    """Recall of a film's candidates.

    Args:
        frames: (S,), the grounded frames.
        candidates: by person and grounded frame, boxes (K, 4) in pixels, best first.
        right: true boxes (T, P, 4) in pixels, NaN where not in view.
        visible: bool (T, P), the pair counts.

    Raises:
        RhasError: candidates of another number of persons, or of frames that the film lacks.
    """
    if len(candidates) != right.shape[1]:
        raise RhasError(
            "another number of persons than the truth has",
            expected=str(right.shape[1]),
            got=str(len(candidates)),
            do="run `dvc repro`",
        )
    if len(frames) and frames[-1] >= len(right):
        raise RhasError(
            "boxes of frames that the film does not have",
            expected=f"frames below {len(right)}",
            got=str(frames[-1]),
            do="run `dvc repro ground`",
        )
    counts = Recall()
    for person, own in enumerate(candidates):
        for frame, boxes in zip(frames, own, strict=True):
            if not visible[frame, person]:
                continue
            true = right[frame, person]
            hits = box_iou(boxes, true) >= IOU
            others = box_iou(right[frame, visible[frame]], true) >= IOU
            counts += Recall(1, int(hits[:1].any()), int(hits.any()), float(others.mean()))
    return counts
