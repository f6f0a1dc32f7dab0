"""Tracklets by motion and colours."""

from __future__ import annotations

import numpy as np

from rhas.crop.detections import Detections
from rhas.crop.linking import link_detections

from .bodies import body

RED, BLUE = np.full(12, 60.0), np.full(12, 20.0)
TURNING = [(60, 140), (80, 120), (99, 101), (80, 120), (60, 140)]
CROSSING = [(60, 140), (80, 120), (99, 101), (120, 80), (140, 60)]


def seen(*boxes: np.ndarray, colours: tuple[np.ndarray, ...] = ()) -> Detections:
    known = np.stack(colours) if colours else np.zeros((len(boxes), 0))
    return Detections(np.stack(boxes), np.full((len(boxes), 1), 0.5), known)


def test_link_breaks_where_another_continuation_is_as_plausible() -> None:
    """Two bodies meet in frame 10 and are told apart again later."""
    found = [seen(body(a), body(b)) for a, b in TURNING]
    tracklets = link_detections([0, 5, 10, 15, 20], found, 30)
    assert all(len(t.frames) < 5 for t in tracklets)
    apart = [seen(body(20), body(300)) for _ in TURNING]
    tracklets = link_detections([0, 5, 10, 15, 20], apart, 30)
    assert [len(t.frames) for t in tracklets] == [5, 5]


def test_colours_tell_who_goes_on_as_whom() -> None:
    """Two bodies cross: in clothes of their own they are told apart, dressed alike they are not."""
    for clothes, whole in (((RED, BLUE), True), ((RED, RED), False)):
        found = [seen(body(a), body(b), colours=clothes) for a, b in CROSSING]
        tracklets = link_detections([0, 5, 10, 15, 20], found, 30)
        assert ([len(t.frames) for t in tracklets] == [5, 5]) == whole
        if whole:
            assert [t.colours.tolist() for t in tracklets] == [[c.tolist()] * 5 for c in clothes]
