"""Labels of frames, from intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rhas.base.classes import CLASSES
from rhas.base.units import seconds_to_frame
from rhas.data.annotations import TimedAction
from rhas.stores.samples import Interval


def convert_to_frames(
    rows: Sequence[TimedAction],
    ids: Mapping[str, int],
    frames: int,
    fps: float,
    dropped: dict[str, int],
) -> list[Interval]:
    """Annotations of one person in frames, sorted by start. What a film is too short for is counted
    in ``dropped``: ``intervals_outside_film``, ``intervals_cut_at_end``."""
    intervals = set()
    for row in rows:
        start = seconds_to_frame(row.start_s, fps)
        stop = max(seconds_to_frame(row.end_s, fps), start + 1)
        if start >= frames:
            dropped["intervals_outside_film"] += 1
            continue
        dropped["intervals_cut_at_end"] += stop > frames + 1
        intervals.add(Interval(ids[row.action], start, min(stop, frames)))
    return sorted(intervals, key=lambda i: (i.start, i.stop, i.class_id))


def make_labels(
    intervals: Sequence[tuple[int, int, int]], start: int, stop: int, classes: int = len(CLASSES)
) -> np.ndarray:
    """Multi-hot labels of a window, float32 (stop - start, C), 1 where an interval covers it;
    ``classes`` is C."""
    labels = np.zeros((stop - start, classes), np.float32)
    for class_id, first, end in intervals:
        labels[max(first - start, 0) : max(end - start, 0), class_id] = 1
    return labels


def make_boundary(labels: np.ndarray, sigma: float) -> np.ndarray:
    """Where the label set changes, smoothed over time; float32 (n,), 1 at a lone change.

    Both frames beside a change are marked, a Gaussian of ``sigma`` frames spreads them, and the
    peak of a single change is scaled to 1.

    Args:
        labels: multi-hot, (n, C).
        sigma: frames, above 0.
    """
    marks = np.zeros(len(labels), np.float64)
    changes = np.flatnonzero((labels[1:] != labels[:-1]).any(1)) + 1
    marks[changes] = 1
    marks[changes - 1] = 1
    radius = min(int(4 * sigma + 0.5), len(labels))  # what lies beyond the window adds nothing
    peak = gaussian_filter1d(np.ones(2), sigma, mode="constant", radius=radius).max()
    spread = gaussian_filter1d(marks, sigma, mode="constant", radius=radius)
    return np.clip(spread / peak, 0, 1).astype(np.float32)
