"""What was found of each person of a film.

T frames, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.evaluate.fitted import FittedReadout
from rhas.metrics.readout import smooth_scores
from rhas.metrics.segments import find_intervals
from rhas.segment.absence import Absence, find_absences
from rhas.segment.lookalikes import Lookalike, find_lookalikes
from rhas.stores.boxes import FilmBoxes
from rhas.stores.tracks import FilmTracks

CURVE_POINTS = 3000


@dataclass(frozen=True)
class Action:
    """An interval of one class.

    Args:
        class_id, name: the class.
        start, stop: frames, ``stop`` exclusive.
        score: mean score of the class over the interval, as the method gave it.
        confidence: how often, on val, a class with such scores was true; None where unknown.
        seen: share of the interval's frames in which the person was found.
    """

    class_id: int
    name: str
    start: int
    stop: int
    score: float
    confidence: float | None
    seen: float


@dataclass(frozen=True)
class Curve:
    """The smoothed scores of a class, in hundredths: the highest of every ``step`` frames."""

    class_id: int
    threshold: float
    step: int
    values: list[int]


@dataclass(frozen=True)
class Person:
    """The person of one reference; one who is found in no frame has no actions.

    Args:
        number: index of the reference.
        reference: the sentence.
        detected, interpolated, missing: frames.
        actions: by start, stop, class.
        absences: where they are not found, in order.
        curves: of the classes with an action, those with the most frames first.
        lookalikes: where somebody else fits the sentence about as well, in order.
    """

    number: int
    reference: str
    detected: int
    interpolated: int
    missing: int
    actions: list[Action]
    absences: list[Absence]
    curves: list[Curve]
    lookalikes: list[Lookalike]

    @property
    def found(self) -> bool:
        return self.detected > 0


def read_people(
    tracks: Path, boxes: Path, scores: Sequence[Path], readout: FittedReadout, min_score: float
) -> list[Person]:
    """All persons of a film; scores are in memory for one person at a time.

    Args:
        tracks, boxes: the film's stores.
        scores: ``.npy`` float16 (T, C) by person.
        readout: thresholds and calibration.
        min_score: of crop.
    """
    film, candidates = FilmTracks.read(tracks), FilmBoxes.read(boxes)
    people = []
    for number, path in enumerate(scores):
        track, counts = film.persons[number], film.persons[number].count_sources()
        others = [p.boxes for n, p in enumerate(film.persons[: len(scores)]) if n != number]
        actions, curves = _actions(
            np.load(path, allow_pickle=False).astype(np.float32), track.present, readout
        )
        people.append(
            Person(
                number,
                track.reference,
                **counts,
                actions=actions if counts["detected"] else [],
                absences=find_absences(
                    track.source,
                    film.cuts,
                    candidates.frames,
                    candidates.persons[number],
                    others,
                    min_score,
                ),
                curves=curves if counts["detected"] else [],
                lookalikes=find_lookalikes(
                    candidates.frames, candidates.persons[number], track.boxes, others
                ),
            )
        )
    return people


def rank_actions(person: Person) -> list[str]:
    """Names of the person's actions, those with the most frames first."""
    frames: Counter[str] = Counter()
    for action in person.actions:
        frames[action.name] += action.stop - action.start
    return sorted(frames, key=lambda name: (-frames[name], name))


def _actions(
    scores: NDArray[np.float32], present: NDArray[np.bool_], readout: FittedReadout
) -> tuple[list[Action], list[Curve]]:
    active = readout.predict(scores).active
    smoothed = smooth_scores(scores, readout.readout.median)
    said = find_intervals(active)
    actions = []
    for i in np.lexsort((said.label, said.stop, said.start)):
        label, start, stop = int(said.label[i]), int(said.start[i]), int(said.stop[i])
        worth = readout.calibration
        actions.append(
            Action(
                label,
                readout.classes[label],
                start,
                stop,
                _round_mean(scores[start:stop, label]),
                _round_mean(worth(smoothed[start:stop, label])) if worth else None,
                _round_mean(present[start:stop]),
            )
        )
    step = -(-len(scores) // CURVE_POINTS)
    frames = active.sum(0)
    shown = sorted(np.flatnonzero(frames).tolist(), key=lambda label: (-frames[label], label))
    edges = np.arange(0, len(scores), step)
    curves = [
        Curve(
            label,
            readout.thresholds[label],
            step,
            np.round(100 * np.maximum.reduceat(smoothed[:, label], edges)).astype(int).tolist(),
        )
        for label in shown
    ]
    return actions, curves


def _round_mean(values: NDArray) -> float:
    return round(float(values.mean(dtype=np.float64)), 4)
