"""How often grounding's candidates find the right person: recall at IoU 0.5 against true boxes.

Counted are (sampled frame, person) pairs with at least a quarter of the person visible. A pair is
found by ``top`` where the best candidate's IoU with the true box is at least 0.5, by ``any`` where
some candidate's is. ``chance`` is what picking one of those people at random would find: the share
of the people counted in that frame whose true box has an IoU of at least 0.5 with the right one
(its own always has). People without a reference have no true box and do not count.

Legend: T frames, P persons.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from rhas.base.boxes import box_iou
from rhas.base.errors import RhasError
from rhas.stores.boxes import FilmBoxes

IOU = 0.5
VISIBLE = 0.25


@dataclass(frozen=True)
class Recall:
    """Counts of one film or of many; they add up.

    Args:
        pairs: of sampled frame and visible person.
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


def box_recall(path: Path, right: np.ndarray, visible: np.ndarray) -> Recall:
    """Recall of a film's boxes store.

    Args:
        path: ``boxes/<movie>.h5``.
        right: true boxes (T, P, 4) in pixels of the working frame, NaN where not in view.
        visible: bool (T, P), the pair counts.

    Raises:
        RhasError: the store is absent or does not belong to these boxes.
    """
    store = FilmBoxes.read(path)
    sampled, persons = store.frames, right.shape[1]
    if len(store.persons) != persons:
        raise RhasError(
            "another number of persons than the truth has",
            where=str(path),
            expected=str(persons),
            got=str(len(store.persons)),
            do="run `dvc repro`",
        )
    if len(sampled) and sampled[-1] >= len(right):
        raise RhasError(
            "boxes of frames that the film does not have",
            where=str(path),
            expected=f"frames below {len(right)}",
            got=str(sampled[-1]),
            do="run `dvc repro ground`",
        )
    counts = Recall()
    for number, person in enumerate(store.persons):
        for row, frame in enumerate(sampled):
            if not visible[frame, number]:
                continue
            true = right[frame, number]
            hits = box_iou(person.boxes[person.select_rows(row)], true) >= IOU
            others = box_iou(right[frame, visible[frame]], true) >= IOU
            counts += Recall(1, int(hits[:1].any()), int(hits.any()), float(others.mean()))
    return counts
