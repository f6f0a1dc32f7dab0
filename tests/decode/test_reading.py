"""What the readers of films yield, and when decord is not believed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from films import corners, film_info, number_of, packets, write_film

from rhas.decode.container import inspect_film
from rhas.decode.reading import DECORD_QUEUE_BYTES, ReaderDistrusted, list_readers, read_pictures

PLAIN = {"crf": "16", "preset": "ultrafast"}


def test_readers() -> None:
    assert list_readers(film_info(), 320, 180) == ("decord", "pyav")
    assert list_readers(film_info(doubtful=(3,)), 320, 180) == ("pyav",)
    assert list_readers(film_info(decord_could=False), 320, 180) == ("pyav",)


def test_a_film_that_could_overflow_decords_queue_is_read_by_pyav() -> None:
    pictures = DECORD_QUEUE_BYTES // (320 * 180 * 3)
    assert list_readers(film_info(ticks=np.arange(pictures - 10)), 320, 180) == ("decord", "pyav")
    assert list_readers(film_info(ticks=np.arange(pictures + 10)), 320, 180) == ("pyav",)


def test_without_decord_pyav_reads_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux on ARM has no wheel of it."""
    monkeypatch.setitem(sys.modules, "decord", None)
    assert list_readers(film_info(), 320, 180) == ("pyav",)


@pytest.mark.parametrize("reader", ["decord", "pyav"])
def test_pictures_one_for_each_tick(tmp_path: Path, reader: str) -> None:
    film = inspect_film(write_film(tmp_path / "film.mp4", range(0, 60, 3), options=PLAIN))
    seen = list(read_pictures(film, reader, 32, 24))
    assert [p.tick for p in seen] == film.ticks.tolist()
    for n, picture in enumerate(seen):
        assert picture.rgb is not None
        made = picture.rgb()
        assert (made.shape, made.dtype) == ((24, 32, 3), np.uint8)
        assert number_of(made) == n


def broken_packets(path: Path, numbers: list[int]) -> Path:
    film = write_film(path, range(20), options={**PLAIN, "g": "1"})
    data = bytearray(film.read_bytes())
    for n in numbers:
        start, size = packets(film)[n]
        data[start : start + size] = bytes(size)
    film.write_bytes(data)
    return film


def test_decord_is_distrusted_where_a_picture_is_damaged(tmp_path: Path) -> None:
    film = inspect_film(broken_packets(tmp_path / "film.mp4", [7]))
    with pytest.raises(ReaderDistrusted):
        list(read_pictures(film, "decord", 32, 24))


def test_pyav_tells_which_pictures_are_lost(tmp_path: Path) -> None:
    film = inspect_film(broken_packets(tmp_path / "film.mp4", [0, 7, 19]))
    seen = list(read_pictures(film, "pyav", 32, 24))
    assert [n for n, p in enumerate(seen) if p.rgb is None] == [0, 7, 19]
    assert [p.tick for p in seen] == film.ticks.tolist()


def test_decord_is_distrusted_where_its_times_are_others(tmp_path: Path) -> None:
    film = inspect_film(write_film(tmp_path / "film.mp4", range(20), options=PLAIN))
    shifted = film_info(**{**vars(film), "ticks": film.ticks * 2})
    with pytest.raises(ReaderDistrusted, match="times"):
        list(read_pictures(shifted, "decord", 32, 24))


def test_names_with_any_characters(tmp_path: Path) -> None:
    film = write_film(tmp_path / "plain.mp4", range(4), options=PLAIN, pictures=[corners()] * 4)
    odd = film.rename(tmp_path / "ein Film: 100% «ü», 雨 #1.mp4")
    assert len(list(read_pictures(inspect_film(odd), "decord", 32, 24))) == 4
    assert len(list(read_pictures(inspect_film(odd), "pyav", 32, 24))) == 4
