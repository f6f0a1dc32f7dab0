"""The colours of a body."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rhas.crop.colours import compare_colours, convert_to_lab, measure_colours

# CIELAB under D50 of sRGB colours, from the standard's formulas (Lindbloom's calculator)
KNOWN = {
    (255, 255, 255): (100, 0, 0),
    (128, 128, 128): (53.6, 0, 0),
    (255, 0, 0): (54.3, 80.8, 69.9),
    (0, 255, 0): (87.8, -79.3, 81.0),
    (0, 0, 255): (29.6, 68.3, -112.0),
}


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_lab(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    made = convert_to_lab(np.full((2, 3, 3), rgb, np.uint8))
    assert made.shape == (2, 3, 3)
    assert made.reshape(-1, 3) == pytest.approx(np.tile(lab, (6, 1)), abs=1.2)


def person(height: int = 100) -> np.ndarray:
    """A body 40 wide from x 20 and ``height`` high from y 10, in bands, on green."""
    picture = np.full((140, 80, 3), (0, 255, 0), np.uint8)
    for top, colour in zip((0, 19, 48, 72), ((128,) * 3, (255, 0, 0), (0, 0, 255), (255,) * 3),
                           strict=True):  # fmt: skip
        picture[10 + top * height // 100 : 10 + height, 32:48] = colour
    return picture


def test_bands_from_head_to_feet() -> None:
    found = measure_colours(person(), np.asarray([[20, 10, 60, 110], [0, 0, 8, 8]]))
    assert found.shape == (2, 12)
    bands = np.asarray([KNOWN[c] for c in ((128,) * 3, (255, 0, 0), (0, 0, 255), (255,) * 3)])
    assert found[0].reshape(4, 3) == pytest.approx(bands, abs=1.2)
    assert found[1].reshape(4, 3) == pytest.approx(np.tile(KNOWN[0, 255, 0], (4, 1)), abs=1.2)


def test_the_same_body_nearer_and_farther_has_the_same_colours() -> None:
    far = measure_colours(person(50), np.asarray([[20, 10, 60, 60]]))
    near = measure_colours(person(100), np.asarray([[20, 10, 60, 110]]))
    assert far == pytest.approx(near, abs=0.01)


@pytest.mark.parametrize(
    "box", [(-50, -80, -10, -5), (200, 200, 260, 300), (30, 139.8, 30.2, 400), (79.5, 0, 90, 140)]
)
def test_a_box_outside_the_picture_takes_the_nearest_pixels(box: tuple[float, ...]) -> None:
    found = measure_colours(person(), np.asarray([box]))
    assert found.reshape(4, 3) == pytest.approx(np.tile(KNOWN[0, 255, 0], (4, 1)), abs=1.2)


def test_no_body() -> None:
    assert measure_colours(person(), np.zeros((0, 4))).shape == (0, 12)


ROWS = st.integers(0, 4).flatmap(lambda n: arrays(float, (n, 12), elements=st.floats(-100, 100)))


@given(ROWS, ROWS, st.floats(0.1, 10))
def test_bodies_are_as_far_apart_as_a_plain_sum_says(
    one: np.ndarray, other: np.ndarray, most: float
) -> None:
    found = compare_colours(one, other, most)
    assert found.shape == (len(one), len(other))
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            terms = [min((x - y) ** 2 / 288, most) for x, y in zip(a, b, strict=True)]  # 2 · 12²
            assert found[i, j] == pytest.approx(sum(terms) / 12)


def test_colours_that_are_not_known_tell_nothing() -> None:
    assert compare_colours(np.zeros((2, 0)), np.zeros((3, 0)), 4.0).tolist() == [[0.0] * 3] * 2
