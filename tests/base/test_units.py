from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhas.base.units import frame_to_seconds, seconds_to_frame


@pytest.mark.parametrize(
    ("seconds", "fps", "frame"),
    [(0, 15, 0), (1, 15, 15), (0.033, 15, 0), (0.034, 15, 1), (1 / 30, 15, 1), (2.5, 1, 3)],
)
def test_nearest_frame(seconds: float, fps: float, frame: int) -> None:
    assert seconds_to_frame(seconds, fps) == frame


@given(st.integers(0, 10**7), st.sampled_from([10, 12.5, 15, 24000 / 1001, 25, 30, 60]))
def test_a_frame_survives_the_way_through_seconds(frame: int, fps: float) -> None:
    assert seconds_to_frame(frame_to_seconds(frame, fps), fps) == frame


@given(st.integers(0, 10**5))
def test_a_frame_survives_milliseconds(frame: int) -> None:
    """Annotation tables keep three decimals."""
    assert seconds_to_frame(float(f"{frame_to_seconds(frame, 15):.3f}"), 15) == frame
