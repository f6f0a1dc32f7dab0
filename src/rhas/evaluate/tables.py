"""The tables, stores and plot data of ``results/``. Equal inputs give equal bytes.

T frames, C classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from rhas.base.files import write_csv, write_json
from rhas.base.units import frame_to_seconds
from rhas.evaluate.scored import PersonResult, Scored
from rhas.metrics.segmentation import OVERLAPS, CleanMetrics, Prediction, single_label
from rhas.metrics.segments import BACKGROUND, intervals_of, segments_of

CONFUSION_CLASSES = 12
RELIABILITY_BINS = 10
_HALF = OVERLAPS.index(0.5)


def write_figures(path: Path, values: Mapping[str, Any]) -> None:
    """JSON with floats to 4 decimals, null for a figure that does not exist."""
    write_json(path, _rounded(values))


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value


def write_scores(splits: Mapping[str, Sequence[Scored]], path: Path) -> None:
    """A Zarr v3 directory store: per split a group, per sample an array float16 (T, C)."""
    root = zarr.create_group(path, zarr_format=3)
    for side, items in splits.items():
        group = root.create_group(side)
        for item in items:
            window, stored = item.window, item.stored
            array = group.create_array(
                window.sample,
                shape=stored.shape,
                dtype=stored.dtype,
                chunks=stored.shape,
                compressors=None,
                attributes={
                    "movie": window.movie,
                    "person": window.person,
                    "start": window.start,
                    "stop": window.stop,
                },
            )
            array[:] = stored


def write_per_class(
    clean: Mapping[str, CleanMetrics],
    thresholds: NDArray[np.float64],
    names: Sequence[str],
    path: Path,
) -> None:
    """Per split and class that occurs in it: true frames and intervals, AP, F1@50, threshold."""
    rows = [
        [
            side,
            label,
            names[label],
            figures.support[label],
            figures.instances[label],
            f"{figures.ap[label]:.4f}",
            f"{figures.interval_f1[_HALF, label]:.4f}",
            f"{thresholds[label]:.4f}",
        ]
        for side, figures in clean.items()
        for label in np.flatnonzero(figures.support).tolist()
    ]
    header = ["split", "class_id", "class", "frames", "instances", "ap", "interval_f1_50"]
    write_csv(path, [*header, "threshold"], rows)


def write_intervals(
    persons: Iterable[PersonResult], names: Sequence[str], fps: float, path: Path
) -> None:
    """Predicted intervals of the movies, in the columns of annotations.csv and a score: the mean
    score of the class over the interval. An interval that a window's end cuts is one again.
    """
    rows = []
    for person in persons:
        said, first = intervals_of(person.timeline.predicted), person.timeline.start
        for i in np.lexsort((said.label, said.stop, said.start)):
            label, start, stop = int(said.label[i]), int(said.start[i]), int(said.stop[i])
            score = person.scores[start:stop, label].mean(dtype=np.float64)
            seconds = [f"{frame_to_seconds(first + frame, fps):.3f}" for frame in (start, stop)]
            rows.append([person.movie, person.person, names[label], *seconds, f"{score:.4f}"])
    write_csv(path, ["movie", "person", "action", "start_s", "end_s", "score"], rows)


def write_persons(
    persons: Iterable[PersonResult], references: Mapping[str, Sequence[str]], path: Path
) -> None:
    """A row per person: frames in this split, of these with a label and without a crop, the mean
    label-set IoU over frames and the F1 over pairs of frame and class, 0-100, empty where nothing
    is true and nothing was said.
    """
    rows = []
    for person in persons:
        shown = person.timeline
        truth, said = shown.truth[shown.covered], shown.predicted[shown.covered]
        both, either = (truth & said).sum(axis=1), (truth | said).sum(axis=1)
        overlap = np.where(either == 0, 1.0, both / np.maximum(either, 1))
        pairs = int(truth.sum() + said.sum())
        rows.append(
            [
                person.movie,
                person.person,
                references[person.movie][person.person],
                len(truth),
                int(truth.any(axis=1).sum()),
                int((shown.covered & ~shown.present).sum()),
                f"{100 * overlap.mean():.4f}",
                f"{200 * both.sum() / pairs:.4f}" if pairs else "",
            ]
        )
    header = ["movie", "person", "reference", "frames", "labelled_frames", "frames_without_crop"]
    write_csv(path, [*header, "label_set_iou", "frame_f1"], rows)


def write_plots(
    clean: CleanMetrics,
    truths: Sequence[NDArray[np.bool_]],
    predictions: Sequence[Prediction],
    names: Sequence[str],
    folder: Path,
) -> None:
    """Data of ``dvc plots``, of one split.

    ``average_precision.csv``: a row per class that occurs. ``confusion.csv``: a row per true
    segment (`rhas.metrics.segmentation.single_label`): its class and the one predicted in most of
    its frames, the CONFUSION_CLASSES most frequent by name. ``reliability.csv``: scores in equal
    bins of [0, 1]: their mean, the share of them that is true, their number.
    """
    there = np.flatnonzero(clean.support).tolist()
    write_csv(
        folder / "average_precision.csv",
        ["class", "ap", "interval_f1_50", "frames"],
        [
            [
                names[label],
                f"{clean.ap[label]:.4f}",
                f"{clean.interval_f1[_HALF, label]:.4f}",
                clean.support[label],
            ]
            for label in sorted(there, key=lambda label: (-clean.ap[label], label))
        ],
    )
    frequent = sorted(there, key=lambda label: (-clean.support[label], label))
    shown = {label: names[label] for label in frequent[:CONFUSION_CLASSES]}
    shown[BACKGROUND] = "(nothing)"
    write_csv(
        folder / "confusion.csv",
        ["actual", "predicted"],
        [
            [shown.get(actual, "(other)"), shown.get(predicted, "(other)")]
            for truth, said in zip(truths, predictions, strict=True)
            for actual, predicted in _segment_pairs(truth, said.top)
        ],
    )
    write_csv(
        folder / "reliability.csv", ["score", "true", "count"], _reliability(truths, predictions)
    )


def _segment_pairs(truth: NDArray[np.bool_], top: NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    segments = segments_of(single_label(truth, top))
    for label, start, stop in zip(segments.label, segments.start, segments.stop, strict=True):
        counted = Counter(top[start:stop].tolist())
        yield int(label), min(counted, key=lambda said: (-counted[said], said))


def _reliability(
    truths: Sequence[NDArray[np.bool_]], predictions: Sequence[Prediction]
) -> list[list[Any]]:
    count, total, true = np.zeros((3, RELIABILITY_BINS))
    for truth, said in zip(truths, predictions, strict=True):
        scores = said.scores.ravel().astype(np.float64)
        bins = np.minimum((scores * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
        count += np.bincount(bins, minlength=RELIABILITY_BINS)
        total += np.bincount(bins, scores, RELIABILITY_BINS)
        true += np.bincount(bins, truth.ravel(), RELIABILITY_BINS)
    return [
        [f"{total[b] / count[b]:.4f}", f"{true[b] / count[b]:.4f}", int(count[b])]
        for b in np.flatnonzero(count)
    ]
