"""What a film's container is said to hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import HEIGHT, WIDTH, film_info, numbered, turn, write_film
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.base.errors import RhasError
from rhas.decode import container as room
from rhas.decode.container import inspect_film
from rhas.decode.orientation import Orientation

PLAIN = {"crf": "16", "preset": "ultrafast"}


def test_inspect_tells_what_was_written(tmp_path: Path) -> None:
    ticks = [100, 103, 110, 111, 150]
    film = write_film(tmp_path / "film.mkv", ticks, Fraction(1, 100), options=PLAIN)
    found = inspect_film(film)
    assert (found.codec, found.width, found.height) == ("h264", WIDTH, HEIGHT)
    assert [round(float(t * found.time_base), 3) for t in found.ticks] == [0, 0.03, 0.1, 0.11, 0.5]
    assert found.ticks.dtype == np.int64
    assert (found.missing, found.doubtful, found.rotation) == (0, (), 0)
    assert found.decord_could


def test_times_in_order_though_coded_out_of_order(tmp_path: Path) -> None:
    options = {"bf": "3", "preset": "veryfast", "x264-params": "b-adapt=0"}
    film = write_film(tmp_path / "film.mp4", range(30), options=options)
    with av.open(str(film)) as container:
        stamps = [p.pts for p in container.demux(video=0) if p.pts is not None]
    assert stamps != sorted(stamps)
    found = inspect_film(film)
    assert (found.ticks * float(found.time_base)).tolist() == pytest.approx(np.arange(30) / 30)
    assert found.seconds == pytest.approx(1.0)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_read_and_decord_turns_no_film_on_its_side(
    tmp_path: Path, degrees: int
) -> None:
    film = turn(write_film(tmp_path / "film.mp4", range(3), options=PLAIN), degrees)
    found = inspect_film(film)
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
        ({"orientation": Orientation(rotation=90)}, 180, (180, 320)),
        ({"width": 720, "height": 576, "pixel_aspect": Fraction(64, 45)}, 576, (1024, 576)),
        ({"width": 426, "height": 240}, 180, (320, 180)),  # 319.5
        ({"width": 4000, "height": 10}, 180, (4000, 10)),
    ],
)
def test_fitted(changes: dict, short_side: int, size: tuple[int, int]) -> None:
    assert film_info(**changes).fit_size(short_side) == size


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
    film = film_info(
        width=width, height=height, pixel_aspect=aspect, orientation=Orientation(rotation=rotation)
    )
    shown, fitted = film.display_size(), film.fit_size(limit)
    assert min(fitted) >= 1
    assert min(fitted) <= limit + 1
    scale = min(1, limit / float(min(shown)))
    for one, other in zip(fitted, shown, strict=True):
        assert abs(one - float(other) * scale) <= 1


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
        inspect_film(path)


def test_a_picture_too_large_to_be_true(tmp_path: Path, monkeypatch) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), options=PLAIN)
    monkeypatch.setattr(room, "MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(RhasError, match="too large to be true") as error:
        inspect_film(film)
    assert error.value.got == "64 x 48"


@pytest.mark.parametrize("ending", ["mpg", "ts"])
def test_films_joined_end_to_end_are_told(tmp_path: Path, ending: str) -> None:
    parts = [
        write_film(tmp_path / f"{n}.{ending}", range(60), codec="mpeg2video").read_bytes()
        for n in range(3)
    ]
    joined = tmp_path / f"joined.{ending}"
    joined.write_bytes(b"".join(parts))
    with pytest.raises(RhasError, match=r"times begin again") as failure:
        inspect_film(joined)
    assert failure.value.where == str(joined)
    assert "picture 60 of 180, and 1 times more" in str(failure.value.got)
    assert len(inspect_film(tmp_path / f"0.{ending}").ticks) == 60


@pytest.mark.parametrize("code", [b"encv", b"zzzz"])
def test_a_film_nobody_can_decode(tmp_path: Path, code: bytes) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), options=PLAIN)
    film.write_bytes(film.read_bytes().replace(b"avc1", code))
    with pytest.raises(RhasError, match=r"encrypted, or in a codec") as failure:
        inspect_film(film)
    assert failure.value.where == str(film)
