"""Tracklets by motion alone."""

from __future__ import annotations

import numpy as np

from rhas.crop.detections import Detections
from rhas.crop.linking import link

from .bodies import body


def seen(*boxes: np.ndarray) -> Detections:
    number = np.arange(len(boxes), dtype=float)[:, None]
    return Detections(np.stack(boxes), np.full((len(boxes), 1), 0.5), number)


def test_link_breaks_where_another_continuation_is_as_plausible() -> None:
    """Two bodies meet in frame 10 and are told apart again later."""
    steps = [(60, 140), (80, 120), (99, 101), (80, 120), (60, 140)]
    found = [seen(body(a), body(b)) for a, b in steps]
    tracklets = link([0, 5, 10, 15, 20], found, 30)
    assert all(len(t.frames) < 5 for t in tracklets)
    apart = [seen(body(20), body(300)) for _ in steps]
    tracklets = link([0, 5, 10, 15, 20], apart, 30)
    assert [len(t.frames) for t in tracklets] == [5, 5]
    assert [t.colours.tolist() for t in tracklets] == [[[0.0]] * 5, [[1.0]] * 5]
