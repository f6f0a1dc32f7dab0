"""Where somebody else fits a sentence about as well as the person whom the track follows.

T frames, S sampled frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.base.boxes import box_iou
from rhas.metrics.segments import find_runs
from rhas.stores.boxes import PersonBoxes

AS_WELL = 0.85
"""Of the score of the person's own box: what another box needs to fit about as well."""
LEAST_SHARE = 0.1
"""Of the sampled frames with the person: below it nothing is reported."""
_SAME_BODY = 0.5  # intersection over union
_APART = 0.5  # intersection over the smaller box: two bodies below it, a body and a part above


@dataclass(frozen=True)
class Lookalike:
    """Frames ``[start, stop)`` in which somebody else fits about as well.

    Args:
        frame: the sampled frame of these in which they fit best, compared with the person.
        box: theirs there, ``x1, y1, x2, y2`` in pixels.
        score, own_score: of the sentence for that box, and for the person's.
    """

    start: int
    stop: int
    frame: int
    box: tuple[float, float, float, float]
    score: float
    own_score: float


def find_lookalikes(
    sampled: NDArray[np.integer],
    candidates: PersonBoxes,
    track: NDArray[np.float32],
    others: Sequence[NDArray[np.float32]],
) -> list[Lookalike]:
    """The stretches, in order; none where they are less than `LEAST_SHARE` of the person's frames.

    Args:
        sampled: (S,) frames that the detector searched, ascending.
        candidates: of the person's sentence.
        track: (T, 4) boxes of the person, NaN where missing.
        others: likewise, of the other sentences' persons: a body that has a name is no look-alike.
    """
    fits: list[Lookalike | None] = [
        _find_best(frame, stop, candidates, row, track, others)
        for row, (frame, stop) in enumerate(
            zip(sampled.tolist(), [*sampled[1:].tolist(), len(track)], strict=True)
        )
    ]
    here = int((~np.isnan(track[sampled, 0])).sum())
    if sum(fit is not None for fit in fits) < max(1.0, LEAST_SHARE * here):
        return []
    found = []
    for start, stop in zip(*find_runs(np.array([fit is not None for fit in fits])), strict=True):
        run = [fit for fit in fits[start:stop] if fit is not None]
        if run:
            best = max(run, key=lambda fit: fit.score / fit.own_score)
            found.append(
                Lookalike(run[0].start, run[-1].stop, best.frame, best.box, best.score,
                          best.own_score)
            )  # fmt: skip
    return found


def _find_best(
    frame: int,
    stop: int,
    candidates: PersonBoxes,
    row: int,
    track: NDArray[np.float32],
    others: Sequence[NDArray[np.float32]],
) -> Lookalike | None:
    """The best other body of a sampled frame; None where none fits, or the person is missing."""
    rows = candidates.select_rows(row)
    boxes, scores = candidates.boxes[rows], candidates.scores[rows]
    overlap = box_iou(boxes, track[frame])
    own = scores[overlap > _SAME_BODY]
    if not own.size:
        return None
    apart = _find_shared(boxes, track[frame]) < _APART
    fitting = apart & (scores >= AS_WELL * own.max())
    for other in others:
        fitting &= box_iou(boxes, other[frame]) < _SAME_BODY
    if not fitting.any():
        return None
    best = int(np.flatnonzero(fitting)[scores[fitting].argmax()])
    x1, y1, x2, y2 = (round(float(x), 2) for x in boxes[best])
    scored = round(float(scores[best]), 4), round(float(own.max()), 4)
    return Lookalike(frame, stop, frame, (x1, y1, x2, y2), *scored)


def _find_shared(boxes: NDArray[np.float32], box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection of boxes (K, 4) with a box (4,), as a share of the smaller of the two: (K,)."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(1)
    areas = np.minimum((boxes[:, 2:] - boxes[:, :2]).prod(1), (box[2:] - box[:2]).prod())
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)
