"""Display matrices of any kind, as the ffmpeg command shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from films import corners, set_matrix, write_film

from rhas.config.decode import DecodeConfig
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.decode.orientation import Orientation, find_orientation
from rhas.stores.frames import open_frames

COLOURS = {"r": (200, 0, 0), "g": (0, 180, 0), "b": (0, 0, 220), "w": (230,) * 3}
QUARTERS = [(1, 1), (1, 3), (3, 1), (3, 3)]


def read_quarters(picture: np.ndarray) -> str:
    """Colours of the four quarters, in reading order; ``rgbw`` is upright."""
    height, width = picture.shape[:2]
    seen = [picture[y * height // 4, x * width // 4].astype(int) for y, x in QUARTERS]
    return "".join(min(COLOURS, key=lambda n: np.abs(c - COLOURS[n]).sum()) for c in seen)


@pytest.mark.parametrize(
    ("matrix", "shown", "reader"),
    [
        ((1, 0, 0, 1), "rgbw", "decord"),
        ((-1, 0, 0, 1), "grwb", "pyav"),  # mirrored left to right
        ((1, 0, 0, -1), "bwrg", "pyav"),  # top to bottom
        ((-1, 0, 0, -1), "wbgr", "decord"),
        ((0, 1, -1, 0), "brwg", "pyav"),  # turned clockwise
        ((0, -1, 1, 0), "gwrb", "pyav"),
        ((0, 1, 1, 0), "rbgw", "pyav"),  # rows and columns change places
        ((0, -1, -1, 0), "wgbr", "pyav"),
        ((0, 0, 0, 0), "rgbw", "decord"),  # no angle
        ((2, 0, 0, 2), "rgbw", "decord"),  # larger, as ffmpeg ignores
    ],
)
def test_what_is_shown(tmp_path: Path, matrix: tuple[float, ...], shown: str, reader: str) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), pictures=[corners()] * 3)
    set_matrix(film, matrix)
    report = decode_film(
        DecodeInput("m", film), DecodeConfig(), tmp_path / "out.h5", lambda n: None
    )
    with open_frames(tmp_path / "out.h5") as store:
        picture, size = store.images[0], store.size
    assert read_quarters(picture) == shown
    assert size == ((48, 64) if matrix[0] == 0 and matrix[1] else (64, 48))
    assert report.reader == reader


def test_another_angle_keeps_the_size_and_cuts_the_corners(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), pictures=[corners()] * 3)
    half = 0.5**0.5
    set_matrix(film, (half, half, -half, half))
    assert inspect_film(film).orientation.tilt == pytest.approx(45, abs=0.01)
    decode_film(DecodeInput("m", film), DecodeConfig(), tmp_path / "out.h5", lambda n: None)
    with open_frames(tmp_path / "out.h5") as store:
        picture = store.images[0].astype(int)
    assert picture.shape == (48, 64, 3)
    assert picture[2, 2].max() < 30
    above, right = picture[8, 32], picture[24, 44]  # red's corner goes up, green's to the right
    assert above[0] > 120 > above[1]
    assert right[1] > 120 > right[0]


def test_a_small_angle_is_none() -> None:
    matrix = np.asarray([65536, 300, 0, -300, 65536, 0, 0, 0, 1 << 30], np.int32)
    assert find_orientation(matrix) == Orientation()
