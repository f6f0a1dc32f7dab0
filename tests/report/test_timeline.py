from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.report.timeline import (
    ABSENT,
    FALSE_ALARMS,
    PREDICTION,
    TRUTH,
    PersonTimeline,
    draw_timeline,
)

NAMES = ("walking", "waving", "sitting")


def timeline(frames: int = 600) -> PersonTimeline:
    truth, predicted = np.zeros((2, frames, 3), bool)
    truth[100:300, 0] = predicted[150:350, 0] = predicted[400:450, 2] = True
    everywhere = np.ones(frames, bool)
    return PersonTimeline(truth, predicted, everywhere, everywhere, 0)


def drawn(
    made: PersonTimeline, path: Path, title: str = "the man with the hat"
) -> NDArray[np.uint8]:
    draw_timeline(made, NAMES, 15.0, title, path)
    return (image.imread(path)[..., :3] * 255).round().astype(np.uint8)


def extent(picture: NDArray[np.uint8], colour: str) -> tuple[int, int]:
    """First column and width, in pixels, of the picture row with most pixels of a colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    matches = (picture == wanted).all(axis=-1)
    row = matches[matches.sum(axis=1).argmax()]
    return int(row.argmax()), int(row.sum())


def share(picture: NDArray[np.uint8], colour: str) -> int:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((picture == wanted).all(axis=-1).sum())


def test_bars_are_as_long_as_the_intervals(tmp_path: Path) -> None:
    made = timeline()
    both = drawn(made, tmp_path / "a.png")
    doubled = made.truth.copy()
    doubled[300:500, 0] = True
    longer = drawn(replace(made, truth=doubled), tmp_path / "b.png")
    (true_at, width), (said_at, said_width) = extent(both, TRUTH), extent(both, PREDICTION)
    pixels = width / 200  # of a frame
    assert 600 * pixels == pytest.approx(0.82 * both.shape[1], rel=0.02)
    assert said_width == pytest.approx(width, abs=2)
    assert said_at - true_at == pytest.approx(50 * pixels, abs=2)
    assert extent(longer, TRUTH) == (true_at, pytest.approx(2 * width, abs=2))
    assert both.shape == longer.shape  # two rows: a class in neither has none


def test_frames_without_a_crop_are_shaded(tmp_path: Path) -> None:
    made = timeline()
    present = made.present.copy()
    present[450:600] = False
    shaded = drawn(replace(made, present=present), tmp_path / "a.png")
    assert share(shaded, ABSENT) > share(drawn(made, tmp_path / "b.png"), ABSENT) + 5000
    uncovered = drawn(replace(made, present=present, covered=present), tmp_path / "c.png")
    assert share(uncovered, ABSENT) < share(shaded, ABSENT) / 2


def test_false_alarms_beyond_a_few_are_counted_not_drawn(tmp_path: Path) -> None:
    def height(classes: int, path: Path) -> int:
        predicted = np.zeros((600, 40), bool)
        predicted[:, :classes] = True
        truth = np.zeros((600, 40), bool)
        truth[:, 20:22] = True
        made = replace(timeline(), truth=truth, predicted=predicted)
        draw_timeline(made, [f"class {n}" for n in range(40)], 15.0, "", path)
        return image.imread(path).shape[0]

    heights = [height(n, tmp_path / f"{n}.png") for n in (0, 1, FALSE_ALARMS, FALSE_ALARMS + 3)]
    row = heights[1] - heights[0]
    assert row > 0
    assert heights[2] == pytest.approx(heights[0] + FALSE_ALARMS * row, abs=8)
    assert heights[3] == heights[2]


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        drawn(timeline(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_long_odd_reference_and_an_empty_timeline(tmp_path: Path) -> None:
    made = timeline()
    one = drawn(made, tmp_path / "a.png", "the man")
    long = drawn(made, tmp_path / "b.png", "the man who paid $5 and $6 " * 8)
    assert long.shape[0] > one.shape[0]
    nothing = np.zeros((600, 3), bool)
    assert drawn(replace(made, truth=nothing, predicted=nothing), tmp_path / "c.png").size


def test_arrays_must_fit() -> None:
    made = timeline()
    with pytest.raises(RhasError, match="do not fit"):
        replace(made, present=made.present[:-1])
    with pytest.raises(RhasError, match="do not fit"):
        replace(made, predicted=made.predicted[:-1])
