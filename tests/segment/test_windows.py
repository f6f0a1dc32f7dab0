from __future__ import annotations

import numpy as np
import pytest

from rhas.segment.windows import blend_windows, find_window_starts


@pytest.mark.parametrize(
    ("frames", "length", "overlap", "starts"),
    [
        (7, 10, 2, [0]),
        (10, 10, 2, [0]),
        (11, 10, 2, [0, 1]),
        (25, 10, 2, [0, 8, 15]),
        (108_000, 3000, 375, None),
    ],
)
def test_windows_cover_the_film_with_the_overlap_asked_for(
    frames: int, length: int, overlap: int, starts: list[int] | None
) -> None:
    made = find_window_starts(frames, length, overlap)
    assert starts is None or made == starts
    assert made[0] == 0
    assert made[-1] + length >= frames
    if len(made) > 1:
        assert made[-1] + length == frames
        assert np.diff(made).max() <= length - overlap
        assert np.diff(made).min() > 0


def test_a_film_of_one_window_keeps_its_bits() -> None:
    scores = np.random.default_rng(0).random((50, 3), np.float32)
    assert np.array_equal(blend_windows(50, 64, [0], [scores]), scores)


def test_frames_of_one_window_keep_its_bits_and_common_ones_are_the_weighted_mean() -> None:
    rng = np.random.default_rng(1)
    starts, length, frames = [0, 6, 12], 10, 22
    scored = [rng.random((length, 2), np.float32) for _ in starts]
    made = blend_windows(frames, length, starts, scored)
    for frame in range(frames):
        of = [(n, frame - s) for n, s in enumerate(starts) if 0 <= frame - s < length]
        if len(of) == 1:
            expected = scored[of[0][0]][of[0][1]]
        else:
            (first, a), (second, b) = of  # four frames in common: fifths
            share = (b + 1) / 5
            expected = (1 - share) * scored[first][a] + share * scored[second][b]
        assert np.allclose(made[frame], expected, atol=1e-6)
        assert len(of) > 1 or np.array_equal(made[frame], expected)


def test_windows_that_contradict_each_other_leave_no_jump() -> None:
    """Constant inside every window, 0 in one and 1 in the next: the change is spread evenly."""
    length, overlap = 40, 9
    starts = find_window_starts(200, length, overlap)
    scored = [np.full((length, 1), n % 2, np.float32) for n in range(len(starts))]
    made = blend_windows(200, length, starts, scored)
    assert np.abs(np.diff(made[:, 0])).max() <= 1 / (overlap + 1) + 1e-6
    assert {made.min(), made.max()} == {0, 1}
