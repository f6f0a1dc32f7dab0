"""Tracklets by motion alone."""

from __future__ import annotations

import numpy as np

from rhas.crop.detections import Detections
from rhas.crop.linking import link

from .bodies import body


def test_link_breaks_where_another_continuation_is_as_plausible() -> None:
    """Two bodies meet in frame 10 and are told apart again later."""
    steps = [(60, 140), (80, 120), (99, 101), (80, 120), (60, 140)]
    found = [Detections(np.stack([body(a), body(b)]), np.full((2, 1), 0.5)) for a, b in steps]
    tracklets = link([0, 5, 10, 15, 20], found, 30)
    assert all(len(t.frames) < 5 for t in tracklets)
    apart = [Detections(np.stack([body(20), body(300)]), np.full((2, 1), 0.5)) for _ in steps]
    assert [len(t.frames) for t in link([0, 5, 10, 15, 20], apart, 30)] == [5, 5]
