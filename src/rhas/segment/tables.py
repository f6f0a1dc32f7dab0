"""Intervals as CSV and JSON, scores as Zarr. Equal inputs give equal bytes.

T frames, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rhas.base.files import write_csv
from rhas.base.units import frame_to_seconds
from rhas.segment.absence import Absence
from rhas.segment.lookalikes import Lookalike
from rhas.segment.people import Action, Person
from rhas.segment.records import PersonRecord, SpanRecord
from rhas.stores.scores import PersonScores, write_person_scores

COLUMNS = (
    "person", "reference", "action", "start_s", "end_s", "start_frame", "end_frame",
    "score", "confidence", "seen",
)  # fmt: skip


def write_intervals(people: Sequence[Person], fps: float, path: Path) -> None:
    """A row per interval, by person and start; ends are exclusive, seconds to a thousandth."""
    rows = [
        [
            person.number,
            person.reference,
            action.name,
            f"{frame_to_seconds(action.start, fps):.3f}",
            f"{frame_to_seconds(action.stop, fps):.3f}",
            action.start,
            action.stop,
            action.score,
            "" if action.confidence is None else action.confidence,
            action.seen,
        ]
        for person in people
        for action in person.actions
    ]
    write_csv(path, COLUMNS, rows)


def make_person_record(person: Person, fps: float) -> PersonRecord:
    """The record of a person in intervals.json."""
    frames = {name: getattr(person, name) for name in ("detected", "interpolated", "missing")}
    return {
        "person": person.number,
        "reference": person.reference,
        "found": person.found,
        "frames": frames,
        "intervals": [
            {**_format_span(a, fps), "action": a.name, "class_id": a.class_id, "score": a.score,
             "confidence": a.confidence, "seen": a.seen}
            for a in person.actions
        ],
        "not_found": [
            {**_format_span(a, fps), "reason": a.reason, "best_score": a.best}
            for a in person.absences
        ],
        "lookalikes": [
            {**_format_span(a, fps), "frame": a.frame, "box": list(a.box), "score": a.score,
             "own_score": a.own_score}
            for a in person.lookalikes
        ],
    }  # fmt: skip


def _format_span(item: Action | Absence | Lookalike, fps: float) -> SpanRecord:
    return {
        "start_s": round(frame_to_seconds(item.start, fps), 3),
        "end_s": round(frame_to_seconds(item.stop, fps), 3),
        "start_frame": item.start,
        "end_frame": item.stop,
    }


def write_scores(
    people: Sequence[Person], scores: Sequence[Path], classes: Sequence[str], fps: float, path: Path
) -> None:
    """The scores of every person of a film; ``scores`` are .npy files, float16 (T, C)."""
    write_person_scores(
        [
            PersonScores(
                p.number, p.reference, fps, tuple(classes),
                np.load(source, mmap_mode="r", allow_pickle=False),
            )
            for p, source in zip(people, scores, strict=True)
        ],
        path,
    )  # fmt: skip
