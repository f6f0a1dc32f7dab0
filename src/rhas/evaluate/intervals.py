"""Metrics of intervals that any system gave, against annotated ones.

T frames, C classes: the action names that occur in either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.base.units import seconds_to_frame
from rhas.data.intervals import IntervalTable, ScoredInterval
from rhas.metrics.baselines import evaluate_chance, evaluate_constant_class, evaluate_nothing
from rhas.metrics.prediction import Prediction
from rhas.metrics.segmentation import SegmentationMetrics, evaluate_predictions
from rhas.metrics.segments import BACKGROUND

_LONGEST_HOURS = 100


@dataclass(frozen=True)
class IntervalScore:
    """How good a system's intervals are.

    Args:
        metrics: of the answer.
        floors: of answers that know no film, by name: ``nothing``, ``constant class``, ``chance``.
        persons, frames: how many were compared; persons are those with a true interval.
        classes: true action names.
        findings: what did not fit, by kind: names.
    """

    metrics: SegmentationMetrics
    floors: Mapping[str, SegmentationMetrics]
    persons: int
    frames: int
    classes: int
    findings: Mapping[str, Sequence[str]] = field(default_factory=dict)


def score_intervals(
    answer: IntervalTable, truth: IntervalTable, *, fps: float = 15.0, min_score: float = 0.0
) -> IntervalScore:
    """Compares at ``fps`` frames per second, with every metric of docs/METRICS.md.

    A frame's score of a class is the highest of the answer's intervals that cover it. A class is
    predicted where one of at least ``min_score`` does. Persons without a true interval are left
    out and named; a person without an answer counts as one of whom nothing is said.

    Args:
        answer: what is judged.
        truth: annotations; films whose length it does not state end with the last interval of
            either table; state lengths to compare systems.
        fps: frames per second, above 0.
        min_score: of an interval that counts as predicted, 0 to 1.

    Raises:
        RhasError: no true interval, one that begins after its film's stated length, or a film of
            more than 100 hours.
    """
    persons = sorted({(i.movie, i.person) for i in truth.intervals})
    if not persons:
        raise RhasError("no annotated interval", do="give a table of annotations to --truth")
    _check_inside(truth)
    names = sorted({i.action for table in (truth, answer) for i in table.intervals})
    ids = {name: number for number, name in enumerate(names)}
    lengths = _find_lengths(answer, truth, fps, {movie for movie, _ in persons})
    given, annotated = _group(answer), _group(truth)
    truths, predictions = [], []
    for key in persons:
        shape = lengths[key[0]], len(names)
        truths.append(_cover_frames(annotated[key], ids, shape, fps))
        scores = _fill_scores(given.get(key, []), ids, shape, fps)
        kept = [i for i in given.get(key, []) if i.score >= min_score]
        predictions.append(_predict(scores, _cover_frames(kept, ids, shape, fps)))
    return IntervalScore(
        evaluate_predictions(truths, predictions).metrics,
        {
            "nothing": evaluate_nothing(truths),
            "constant class": evaluate_constant_class(truths)[1],
            "chance": evaluate_chance(truths),
        },
        persons=len(persons),
        frames=sum(len(one) for one in truths),
        classes=len({i.action for i in truth.intervals}),
        findings=_find_mismatches(answer, truth) | _find_cut(answer, truth, lengths, fps),
    )


def _check_inside(truth: IntervalTable) -> None:
    """Raises RhasError where an interval begins when its film is over."""
    for interval in truth.intervals:
        length = truth.seconds.get(interval.movie, math.inf)
        if interval.start_s >= length:
            raise RhasError(
                "an annotation that begins after the film's end",
                where=f"movie {interval.movie}, person {interval.person}",
                expected=f"within the stated duration, {length:g} s",
                got=f"{interval.action}, {interval.start_s:g} to {interval.end_s:g} s",
                do="correct the interval or the duration",
            )


def _group(table: IntervalTable) -> dict[tuple[str, str], list[ScoredInterval]]:
    found: dict[tuple[str, str], list[ScoredInterval]] = {}
    for interval in table.intervals:
        found.setdefault((interval.movie, interval.person), []).append(interval)
    return found


def _find_lengths(
    answer: IntervalTable, truth: IntervalTable, fps: float, movies: set[str]
) -> dict[str, int]:
    """Frames of each film: as the truth states, or up to the last interval of either."""
    seconds = dict.fromkeys(movies, 0.0)
    for table in (truth, answer):
        for interval in table.intervals:
            if interval.movie in movies and interval.movie not in truth.seconds:
                seconds[interval.movie] = max(seconds[interval.movie], interval.end_s)
    seconds |= {movie: truth.seconds[movie] for movie in movies & set(truth.seconds)}
    for movie, length in seconds.items():
        if length > _LONGEST_HOURS * 3600:
            raise RhasError(
                "a film of unlikely length",
                where=f"movie {movie}",
                expected=f"at most {_LONGEST_HOURS} hours",
                got=f"{length:.0f} s",
                do="give times in seconds",
            )
    return {movie: max(seconds_to_frame(length, fps), 1) for movie, length in seconds.items()}


def _cover_frames(
    intervals: Sequence[ScoredInterval], ids: Mapping[str, int], shape: tuple[int, int], fps: float
) -> NDArray[np.bool_]:
    """bool (T, C), frames that an interval covers."""
    covered = np.zeros(shape, bool)
    for interval in intervals:
        covered[_frames(interval, fps), ids[interval.action]] = True
    return covered


def _fill_scores(
    intervals: Sequence[ScoredInterval], ids: Mapping[str, int], shape: tuple[int, int], fps: float
) -> NDArray[np.float32]:
    """float32 (T, C), the highest score of the intervals that cover a frame."""
    scores = np.zeros(shape, np.float32)
    for interval in intervals:
        column = scores[_frames(interval, fps), ids[interval.action]]
        np.maximum(column, np.float32(interval.score), out=column)
    return scores


def _frames(interval: ScoredInterval, fps: float) -> slice:
    start = seconds_to_frame(interval.start_s, fps)
    return slice(start, max(seconds_to_frame(interval.end_s, fps), start + 1))


def _predict(scores: NDArray[np.float32], active: NDArray[np.bool_]) -> Prediction:
    """The top class is the active one with the highest score."""
    top = np.where(active, scores, -1).argmax(1)
    return Prediction(scores, active, np.where(active.any(1), top, BACKGROUND))


def _find_cut(
    answer: IntervalTable, truth: IntervalTable, lengths: Mapping[str, int], fps: float
) -> dict[str, list[str]]:
    """Intervals of the persons compared that lose more than a frame, or all of theirs, to the
    film's stated length; kinds without any are left out."""
    persons = _group(truth).keys()

    def is_cut(interval: ScoredInterval) -> bool:
        frames, length = _frames(interval, fps), lengths[interval.movie]
        return frames.start >= length or frames.stop > length + 1

    cut = {
        kind: [
            f"{i.movie} person {i.person} {i.action} {i.start_s:g} to {i.end_s:g} s"
            for i in table.intervals
            if (i.movie, i.person) in persons and i.movie in truth.seconds and is_cut(i)
        ]
        for kind, table in (("annotated intervals", truth), ("intervals of the answer", answer))
    }
    ending = "that end after the film's stated length, cut there"
    return {f"{kind} {ending}": names for kind, names in cut.items() if names}


def _find_mismatches(answer: IntervalTable, truth: IntervalTable) -> dict[str, list[str]]:
    """Names that stand on one side alone, by kind; kinds without any are left out."""
    given, annotated = _group(answer), _group(truth)
    found = {
        "persons without an answer": annotated.keys() - given.keys(),
        "persons without an annotation, left out": given.keys() - annotated.keys(),
    }
    sides = [{i.action for i in table.intervals} for table in (answer, truth)]
    lengths = {movie for movie, _ in annotated} - set(truth.seconds)
    return {
        kind: names
        for kind, names in (
            *((kind, [f"{m} person {p}" for m, p in sorted(keys)]) for kind, keys in found.items()),
            ("actions that the annotations do not have", sorted(sides[0] - sides[1])),
            (
                "films of no stated length, taken to end with the last interval of either table",
                sorted(lengths),
            ),
        )
        if names
    }
