"""Where a person was not found, and why.

T frames, S sampled frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rhas.base.boxes import box_iou
from rhas.metrics.segments import find_runs
from rhas.stores.boxes import PersonBoxes
from rhas.stores.tracks import BoxSource

NO_DETECTION = "no detection"
LOW_SCORE = "below min_score"
ANOTHER = "another's"
UNCERTAIN = "uncertain"
CUT = "cut"

REASONS = {
    NO_DETECTION: "the detector has no candidate for the reference",
    LOW_SCORE: "the best candidate scores below crop.min_score",
    ANOTHER: "the best candidate was assigned to another reference",
    UNCERTAIN: "a candidate scores well, but too briefly, or looks more like another person",
    CUT: "the shot is so short that no frame of it was sampled",
}
_SAME_BOX = 0.5  # intersection over union


@dataclass(frozen=True)
class Absence:
    """Frames ``[start, stop)`` of one shot without the person, all for one reason.

    ``best`` is the highest score of a candidate there, None where there is none.
    """

    start: int
    stop: int
    reason: str
    best: float | None


def find_absences(
    source: NDArray[np.uint8],
    cuts: NDArray[np.integer],
    sampled: NDArray[np.integer],
    candidates: PersonBoxes,
    others: Sequence[NDArray[np.float32]],
    min_score: float,
) -> list[Absence]:
    """The intervals of a film without the person, in order.

    A frame has the reason of the sampled frame of its shot that is nearest to it.

    Args:
        source: (T,) of the person's track.
        cuts: frames that start a shot.
        sampled: (S,) frames that the detector searched, ascending.
        candidates: of the person's reference.
        others: (T, 4) boxes of the other references' tracks, NaN where missing.
        min_score: of crop.
    """
    names = list(REASONS)
    boxes, scores = candidates.select_best()
    reasons = _find_reasons(sampled, boxes, scores, others, min_score, names)
    found = []
    for start, stop in pairwise([0, *(int(c) for c in cuts), len(source)]):
        low, high = np.searchsorted(sampled, (start, stop))
        frames = np.arange(start, stop)
        if low == high:
            code, score = np.full(len(frames), names.index(CUT)), np.full(len(frames), np.nan)
        else:
            middle = (sampled[low : high - 1] + sampled[low + 1 : high]) / 2
            near = low + np.searchsorted(middle, frames, side="left")
            code, score = reasons[near], scores[near]
        code = np.where(source[frames] == BoxSource.MISSING, code, -1)
        for a, b in zip(*find_runs(code), strict=True):
            if code[a] >= 0:
                known = score[a:b][~np.isnan(score[a:b])]
                top = round(float(known.max()), 4) if known.size else None
                found.append(Absence(start + int(a), start + int(b), names[code[a]], top))
    return found


def _find_reasons(
    sampled: NDArray[np.integer],
    best: NDArray[np.float32],
    scores: NDArray[np.float32],
    others: Sequence[NDArray[np.float32]],
    min_score: float,
    names: Sequence[str],
) -> NDArray[np.int64]:
    """The reason of each sampled frame, if the person is missing in it: (S,), indices of ``names``.

    ``best`` (S, 4) and ``scores`` (S,): the best candidate of each frame.
    """
    taken = np.zeros(len(sampled), bool)
    for boxes in others:
        taken |= box_iou(best, boxes[sampled]) > _SAME_BOX
    return np.select(
        [np.isnan(scores), scores < min_score, taken],
        [names.index(reason) for reason in (NO_DETECTION, LOW_SCORE, ANOTHER)],
        names.index(UNCERTAIN),
    )
