"""One detection per body of a frame, from the candidates of every reference.

Legend: N detections of a frame, P references. Boxes are float64 ``x1, y1, x2, y2`` in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rhas.base.boxes import box_iou
from rhas.base.errors import RhasError
from rhas.crop.colours import measure_colours
from rhas.crop.constants import SAME_BODY


@dataclass(frozen=True)
class Detections:
    """Detections of one sampled frame.

    boxes: float64 (N, 4). scores: float64 (N, P) in [0, 1], NaN where a reference has no
    candidate for the box. colours: float64 (N, 12) of `rhas.crop.colours`, or (N, 0), unknown.
    """

    boxes: np.ndarray
    scores: np.ndarray
    colours: np.ndarray

    def __post_init__(self) -> None:
        parts = (self.boxes, self.scores, self.colours)
        if any(p.ndim != 2 or len(p) != len(self.boxes) for p in parts) or (
            self.boxes.shape[1] != 4
        ):
            raise RhasError(
                "boxes, scores and colours of a frame do not fit together",
                expected="(N, 4), (N, P) and (N, 12) or (N, 0)",
                got=", ".join(str(p.shape) for p in parts),
            )

    def add_colours(self, picture: np.ndarray) -> Detections:
        """With the colours of the frame's picture, uint8 (height, width, 3)."""
        return replace(self, colours=measure_colours(picture, self.boxes))


def merge_candidates(boxes: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> Detections:
    """One detection per body of a frame from the candidates of every reference.

    In order of score, each candidate forms a group with all free ones that overlap it by more than
    `SAME_BODY`. A detection is the mean box of a group, weighted by score; a reference's score is
    the best of its candidates in the group. Colours stay unknown.

    Args:
        boxes, scores: per reference (K, 4) and (K,).
    """
    box = np.concatenate([np.asarray(b, np.float64).reshape(-1, 4) for b in boxes])
    score = np.concatenate([np.asarray(s, np.float64) for s in scores])
    owner = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    order = np.argsort(-score, kind="stable")
    box, score, owner = box[order], score[order], owner[order]
    free = np.ones(len(box), bool)
    overlap = box_iou(box[:, None], box)
    merged, table = [], []
    for first in range(len(box)):
        if not free[first]:
            continue
        group = free & (overlap[first] > SAME_BODY)
        group[first] = True
        free &= ~group
        merged.append(np.average(box[group], axis=0, weights=score[group] + 1e-9))
        row = np.full(len(boxes), np.nan)
        np.fmax.at(row, owner[group], score[group])
        table.append(row)
    return Detections(
        np.asarray(merged, np.float64).reshape(-1, 4),
        np.asarray(table, np.float64).reshape(-1, len(boxes)),
        np.zeros((len(merged), 0)),
    )
