"""The tables, stores and plot data of ``results/``. Equal inputs give equal bytes.

T frames, C classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.base.files import write_csv
from rhas.base.units import frame_to_seconds
from rhas.evaluate.persons import PersonResult
from rhas.evaluate.scoring import ScoredSample
from rhas.metrics.calibration import bin_scores
from rhas.metrics.segmentation import (
    OVERLAPS,
    Evaluation,
    Prediction,
    SegmentationMetrics,
    choose_single_labels,
    evaluate_predictions,
    frame_f1,
    label_set_iou,
)
from rhas.metrics.segments import BACKGROUND, find_intervals, find_segments
from rhas.stores.scores import SampleScores, write_sample_scores

CONFUSION_CLASSES = 12
RELIABILITY_BINS = 10
_HALF = OVERLAPS.index(0.5)


def write_scores(subsets: Mapping[str, Sequence[ScoredSample]], path: Path) -> None:
    """The scores of every sample, by subset."""
    stored = {
        subset: [
            SampleScores(w.sample, w.movie, w.person, w.start, w.stop, sample.stored)
            for sample in samples
            for w in [sample.window]
        ]
        for subset, samples in subsets.items()
    }
    write_sample_scores(stored, path)


def write_per_class(
    evaluations: Mapping[str, Evaluation],
    thresholds: Sequence[float],
    names: Sequence[str],
    path: Path,
) -> None:
    """Per subset and class that occurs in it: true frames and intervals, AP, F1@50, threshold."""
    rows = [
        [
            subset,
            label,
            names[label],
            found.support[label],
            found.instances[label],
            f"{found.ap[label]:.4f}",
            f"{found.interval_f1[_HALF, label]:.4f}",
            f"{thresholds[label]:.4f}",
        ]
        for subset, found in evaluations.items()
        for label in np.flatnonzero(found.support).tolist()
    ]
    header = ["split", "class_id", "class", "frames", "instances", "ap", "interval_f1_50"]
    write_csv(path, [*header, "threshold"], rows)


def write_films(
    samples: Sequence[ScoredSample], predictions: Sequence[Prediction], path: Path
) -> None:
    """Metrics of each movie's samples alone: what comparisons of methods are paired by.

    A metric that is not defined (frame mAP without a labelled frame) is empty.
    """
    movies = sorted({sample.window.movie for sample in samples})
    rows = []
    for movie in movies:
        chosen = [number for number, s in enumerate(samples) if s.window.movie == movie]
        truths = [samples[number].truth for number in chosen]
        found = asdict(evaluate_predictions(truths, [predictions[n] for n in chosen]).metrics)
        persons = len({samples[number].window.person for number in chosen})
        values = ["" if math.isnan(value) else f"{value:.4f}" for value in found.values()]
        rows.append([movie, persons, sum(map(len, truths)), *values])
    names = [field.name for field in fields(SegmentationMetrics)]
    write_csv(path, ["movie", "persons", "frames", *names], rows)


def write_intervals(
    persons: Iterable[PersonResult], names: Sequence[str], fps: float, path: Path
) -> None:
    """Predicted intervals of the movies, in the columns of annotations.csv and a score: the mean
    score of the class over the interval. An interval that a window's end cuts is one again.
    """
    rows = []
    for person in persons:
        found, first = find_intervals(person.timeline.predicted), person.timeline.start
        for i in np.lexsort((found.label, found.stop, found.start)):
            label, start, stop = int(found.label[i]), int(found.start[i]), int(found.stop[i])
            score = person.scores[start:stop, label].mean(dtype=np.float64)
            seconds = [f"{frame_to_seconds(first + frame, fps):.3f}" for frame in (start, stop)]
            rows.append([person.movie, person.person, names[label], *seconds, f"{score:.4f}"])
    write_csv(path, ["movie", "person", "action", "start_s", "end_s", "score"], rows)


def write_persons(
    persons: Iterable[PersonResult], references: Mapping[str, Sequence[str]], path: Path
) -> None:
    """A row per person: frames in this subset, of these with a label and without a crop, the mean
    label-set IoU over frames and the F1 over pairs of frame and class, 0-100, empty where nothing
    is true and nothing predicted.
    """
    rows = []
    for person in persons:
        shown = person.timeline
        truth, predicted = shown.truth[shown.covered], shown.predicted[shown.covered]
        f1 = frame_f1(truth, predicted)
        rows.append(
            [
                person.movie,
                person.person,
                references[person.movie][person.person],
                len(truth),
                int(truth.any(axis=1).sum()),
                int((shown.covered & ~shown.present).sum()),
                f"{100 * label_set_iou(truth, predicted).mean():.4f}",
                "" if math.isnan(f1) else f"{f1:.4f}",
            ]
        )
    header = ["movie", "person", "reference", "frames", "labelled_frames", "frames_without_crop"]
    write_csv(path, [*header, "label_set_iou", "frame_f1"], rows)


def write_plots(
    evaluation: Evaluation,
    truths: Sequence[NDArray[np.bool_]],
    predictions: Sequence[Prediction],
    names: Sequence[str],
    folder: Path,
) -> None:
    """Data of ``dvc plots``, of one subset.

    ``average_precision.csv``: a row per class that occurs. ``confusion.csv``: a row per true
    segment (`rhas.metrics.segmentation.single_label`): its class and the one predicted in most of
    its frames, the CONFUSION_CLASSES most frequent by name. ``reliability.csv``: scores in equal
    bins of [0, 1]: their mean, the share of them that is true, their number.
    """
    present = np.flatnonzero(evaluation.support).tolist()
    write_csv(
        folder / "average_precision.csv",
        ["class", "ap", "interval_f1_50", "frames"],
        [
            [
                names[label],
                f"{evaluation.ap[label]:.4f}",
                f"{evaluation.interval_f1[_HALF, label]:.4f}",
                evaluation.support[label],
            ]
            for label in sorted(present, key=lambda label: (-evaluation.ap[label], label))
        ],
    )
    frequent = sorted(present, key=lambda label: (-evaluation.support[label], label))
    shown = {label: names[label] for label in frequent[:CONFUSION_CLASSES]}
    shown[BACKGROUND] = "(nothing)"
    write_csv(
        folder / "confusion.csv",
        ["actual", "predicted"],
        [
            [shown.get(actual, "(other)"), shown.get(predicted, "(other)")]
            for truth, prediction in zip(truths, predictions, strict=True)
            for actual, predicted in _pair_segments(truth, prediction.top)
        ],
    )
    bins = bin_scores(truths, [prediction.scores for prediction in predictions], RELIABILITY_BINS)
    write_csv(
        folder / "reliability.csv",
        ["score", "true", "count"],
        [
            [f"{score:.4f}", f"{share:.4f}", int(count)]
            for score, share, count in zip(bins.mean, bins.share, bins.count, strict=True)
        ],
    )


def _pair_segments(truth: NDArray[np.bool_], top: NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    segments = find_segments(choose_single_labels(truth, top))
    for label, start, stop in zip(segments.label, segments.start, segments.stop, strict=True):
        counted = Counter(top[start:stop].tolist())
        yield int(label), min(counted, key=lambda label: (-counted[label], label))
