"""What a film's container is said to hold, and what its readers yield."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import HEIGHT, WIDTH, corners, number_of, numbered, packets, turn, write_film
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.base.errors import RhasError
from rhas.decode import video
from rhas.decode.video import FilmInfo, inspect, pictures, readers

PLAIN = {"crf": "16", "preset": "ultrafast"}


def info(**changes: object) -> FilmInfo:
    facts: dict[str, object] = {
        "path": Path(__file__), "codec": "h264", "stream": 0, "width": 640, "height": 360,
        "pixel_aspect": Fraction(1), "rotation": 0, "rate": Fraction(30),
        "time_base": Fraction(1, 30), "start": 0, "ticks": np.arange(60), "last_ticks": 1,
        "by_order": False, "missing": 0, "torn": (), "decord_could": True,
    }  # fmt: skip
    return FilmInfo(**{**facts, **changes})


def test_inspect_tells_what_was_written(tmp_path: Path) -> None:
    ticks = [100, 103, 110, 111, 150]
    film = write_film(tmp_path / "film.mkv", ticks, Fraction(1, 100), options=PLAIN)
    found = inspect(film)
    assert (found.codec, found.width, found.height) == ("h264", WIDTH, HEIGHT)
    assert [round(float(t * found.time_base), 3) for t in found.ticks] == [0, 0.03, 0.1, 0.11, 0.5]
    assert found.ticks.dtype == np.int64
    assert (found.missing, found.torn, found.rotation) == (0, (), 0)
    assert found.decord_could


def test_times_in_order_though_coded_out_of_order(tmp_path: Path) -> None:
    options = {"bf": "3", "preset": "veryfast", "x264-params": "b-adapt=0"}
    film = write_film(tmp_path / "film.mp4", range(30), options=options)
    with av.open(str(film)) as container:
        stamps = [p.pts for p in container.demux(video=0) if p.pts is not None]
    assert stamps != sorted(stamps)
    found = inspect(film)
    assert (found.ticks * float(found.time_base)).tolist() == pytest.approx(np.arange(30) / 30)
    assert found.seconds == pytest.approx(1.0)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_read_and_decord_turns_no_film_on_its_side(
    tmp_path: Path, degrees: int
) -> None:
    film = turn(write_film(tmp_path / "film.mp4", range(3), options=PLAIN), degrees)
    found = inspect(film)
    assert found.rotation == degrees
    assert found.decord_could == (degrees in (0, 180))
    upright = (WIDTH, HEIGHT) if degrees in (0, 180) else (HEIGHT, WIDTH)
    assert found.display_size() == upright


@pytest.mark.parametrize(
    ("changes", "short_side", "size"),
    [
        ({}, 180, (320, 180)),
        ({}, 360, (640, 360)),
        ({}, 720, (640, 360)),  # never enlarged
        ({"rotation": 90}, 180, (180, 320)),
        ({"width": 720, "height": 576, "pixel_aspect": Fraction(64, 45)}, 576, (1024, 576)),
        ({"width": 426, "height": 240}, 180, (320, 180)),  # 319.5
        ({"width": 4000, "height": 10}, 180, (4000, 10)),
    ],
)
def test_fitted(changes: dict, short_side: int, size: tuple[int, int]) -> None:
    assert info(**changes).fitted(short_side) == size


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.fractions(Fraction(1, 4), 4, max_denominator=64),
    st.sampled_from([0, 90, 180, 270]),
    st.integers(16, 1000),
)
@settings(max_examples=50, deadline=None)
def test_fitted_keeps_the_aspect_and_the_limit(
    width: int, height: int, aspect: Fraction, rotation: int, limit: int
) -> None:
    film = info(width=width, height=height, pixel_aspect=aspect, rotation=rotation)
    shown, fitted = film.display_size(), film.fitted(limit)
    assert min(fitted) >= 1
    assert min(fitted) <= limit + 1
    scale = min(1, limit / float(min(shown)))
    for one, other in zip(fitted, shown, strict=True):
        assert abs(one - float(other) * scale) <= 1


def test_readers() -> None:
    assert readers(info(), 320, 180) == ("decord", "pyav")
    assert readers(info(torn=(3,)), 320, 180) == ("pyav",)
    assert readers(info(decord_could=False), 320, 180) == ("pyav",)


def test_a_film_that_could_overflow_decords_queue_is_read_by_pyav() -> None:
    pictures = video.DECORD_QUEUE_BYTES // (320 * 180 * 3)
    assert readers(info(ticks=np.arange(pictures - 10)), 320, 180) == ("decord", "pyav")
    assert readers(info(ticks=np.arange(pictures + 10)), 320, 180) == ("pyav",)


@pytest.mark.parametrize("reader", ["decord", "pyav"])
def test_pictures_one_for_each_tick(tmp_path: Path, reader: str) -> None:
    film = inspect(write_film(tmp_path / "film.mp4", range(0, 60, 3), options=PLAIN))
    seen = list(pictures(film, reader, 32, 24))
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
    film = inspect(broken_packets(tmp_path / "film.mp4", [7]))
    with pytest.raises(video.ReaderDistrusted):
        list(pictures(film, "decord", 32, 24))


def test_pyav_tells_which_pictures_are_lost(tmp_path: Path) -> None:
    film = inspect(broken_packets(tmp_path / "film.mp4", [0, 7, 19]))
    seen = list(pictures(film, "pyav", 32, 24))
    assert [n for n, p in enumerate(seen) if p.rgb is None] == [0, 7, 19]
    assert [p.tick for p in seen] == film.ticks.tolist()


def test_decord_is_distrusted_where_its_times_are_others(tmp_path: Path) -> None:
    film = inspect(write_film(tmp_path / "film.mp4", range(20), options=PLAIN))
    shifted = info(**{**vars(film), "ticks": film.ticks * 2})
    with pytest.raises(video.ReaderDistrusted, match="times"):
        list(pictures(shifted, "decord", 32, 24))


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    """A still attached to a sound file, as music shops sell it, is no video."""
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1, options={"strict": "-1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        stream.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(numbered(1), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(RhasError, match="the file has no video"):
        inspect(path)


def test_a_picture_too_large_to_be_true(tmp_path: Path, monkeypatch) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), options=PLAIN)
    monkeypatch.setattr(video, "MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(RhasError, match="too large to be true") as error:
        inspect(film)
    assert error.value.got == "64 x 48"


def test_names_with_any_characters(tmp_path: Path) -> None:
    film = write_film(tmp_path / "plain.mp4", range(4), options=PLAIN, pictures=[corners()] * 4)
    odd = film.rename(tmp_path / "ein Film: 100% «ü», 雨 #1.mp4")
    assert len(list(pictures(inspect(odd), "decord", 32, 24))) == 4
    assert len(list(pictures(inspect(odd), "pyav", 32, 24))) == 4
