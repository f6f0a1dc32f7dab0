"""The decode stage: which source picture every working frame shows, and what is refused."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import corners, number_of, numbered, packets, turn, write_film, write_sound
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.base.errors import RhasError
from rhas.config.decode import DecodeConfig
from rhas.decode import reading
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.stores.frames import open_frames

PLAIN = {"crf": "16", "preset": "ultrafast"}
B_FRAMES = {"crf": "16", "preset": "veryfast", "bf": "3", "g": "24", "x264-params": "b-adapt=0"}


def decode(film: Path, out: Path, **config: object) -> tuple[dict, int]:
    told: list[int] = []
    settings = DecodeConfig(**config)  # type: ignore[arg-type]
    report = decode_film(DecodeInput("m", film), settings, out, told.append)
    assert all(n > 0 for n in told)
    return asdict(report), sum(told)


def numbers(path: Path) -> list[int]:
    with open_frames(path) as store:
        pictures = [store.images[n] for n in range(len(store))]
    return [number_of(picture) for picture in pictures if picture is not None]


def nearest(times: list[Fraction], end: Fraction, fps: Fraction) -> list[int]:
    """For each frame the nearest picture, the earlier of two as near; by search, in whole parts."""
    whole = math.lcm(fps.numerator, *(time.denominator for time in times))
    moments = np.asarray([int(time * whole) for time in times])
    frames = np.asarray([int(n / fps * whole) for n in range(math.ceil(end * fps))])
    return np.abs(moments[None] - frames[:, None]).argmin(1).tolist()


# --- which picture --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [PLAIN, B_FRAMES], ids=["plain", "B-frames"])
@pytest.mark.parametrize(
    ("rate", "fps"),
    [("30", 15), ("30", 20), ("25", 15), ("24000/1001", 15), ("10", 15), ("30000/1001", 30),
     ("60", 12.5)],
)  # fmt: skip
def test_constant_rates(tmp_path: Path, options: dict, rate: str, fps: float) -> None:
    step = 1 / Fraction(rate)
    count = 41
    film = write_film(tmp_path / "film.mp4", range(count), step, options=options)
    report, told = decode(film, tmp_path / "out.h5", fps=fps)
    times = [n * step for n in range(count)]
    expected = nearest(times, count * step, Fraction(str(fps)))
    assert numbers(tmp_path / "out.h5") == expected
    assert report == {
        "frames": len(expected),
        "source_frames": count,
        "lost_frames": 0,
        "reader": "decord",
        "seconds": pytest.approx(float(count * step)),
    }
    assert told == len(expected)
    with open_frames(tmp_path / "out.h5") as store:
        assert store.time == pytest.approx([float(times[n]) for n in expected])


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=30),
    st.sampled_from([5.0, 12.5, 15.0]),
    st.sampled_from(["mp4", "mkv"]),
)
@settings(max_examples=12, deadline=None)
def test_variable_rates(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], fps: float, container: str
) -> None:
    """Pictures at any milliseconds; every frame shows the nearest, whatever the average rate."""
    folder = tmp_path_factory.mktemp("variable")
    base = Fraction(1, 1000)
    ticks = np.cumsum([0, *(5 * gap for gap in gaps)]).tolist()
    film = write_film(folder / f"film.{container}", ticks, base, options=PLAIN)
    report, _ = decode(film, folder / "out.h5", fps=fps)
    end = Fraction(inspect_film(film).ticks[-1] + inspect_film(film).last_ticks) * (
        inspect_film(film).time_base
    )
    assert numbers(folder / "out.h5") == nearest([t * base for t in ticks], end, Fraction(str(fps)))
    assert report["lost_frames"] == 0


def test_a_film_that_starts_late_in_its_container(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mkv", range(100, 121), options=PLAIN)
    decode(film, tmp_path / "out.h5", fps=15)
    assert numbers(tmp_path / "out.h5") == list(range(0, 21, 2))
    with open_frames(tmp_path / "out.h5") as store:
        assert store.time[0] == 0


@pytest.mark.parametrize("reader", ["decord", "pyav"])
def test_a_film_of_one_picture(tmp_path: Path, monkeypatch, reader: str) -> None:
    film = write_film(tmp_path / "film.mp4", [0], options=PLAIN)
    monkeypatch.setattr(reading, "list_readers", lambda *_: (reader,))
    report, told = decode(film, tmp_path / "out.h5")
    assert (report["frames"], told) == (1, 1)
    assert numbers(tmp_path / "out.h5") == [0]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_film_shorter_than_its_decoders_delay(tmp_path: Path, count: int) -> None:
    film = write_film(tmp_path / "film.mp4", range(count), options=B_FRAMES)
    report, _ = decode(film, tmp_path / "out.h5", fps=30)
    assert report["frames"] == count
    assert numbers(tmp_path / "out.h5") == list(range(count))


def test_both_readers_show_the_same(tmp_path: Path, monkeypatch) -> None:
    film = write_film(tmp_path / "film.mp4", range(50), options=B_FRAMES)
    for reader in ("decord", "pyav"):
        monkeypatch.setattr(reading, "list_readers", lambda *_, reader=reader: (reader,))
        report, _ = decode(film, tmp_path / f"{reader}.h5", short_side=24)
        assert report["reader"] == reader
    with open_frames(tmp_path / "decord.h5") as a, open_frames(tmp_path / "pyav.h5") as b:
        assert a.time.tolist() == b.time.tolist()
        first, second = a.images, b.images
        for n in range(len(first)):
            gap = np.abs(first[n].astype(int) - second[n])
            assert gap.mean() < 6


def test_without_decord_a_film_is_decoded_by_pyav(tmp_path: Path, monkeypatch) -> None:
    film = write_film(tmp_path / "film.mp4", range(50), options=PLAIN)
    monkeypatch.setitem(sys.modules, "decord", None)
    report, _ = decode(film, tmp_path / "out.h5", fps=30)
    assert (report["reader"], report["frames"]) == ("pyav", 50)
    assert numbers(tmp_path / "out.h5") == list(range(50))


# --- shape ----------------------------------------------------------------------------------------


def quarters(picture: np.ndarray) -> list[str]:
    """Colours of the four quarters, in reading order."""
    names = {"red": (200, 0, 0), "green": (0, 180, 0), "blue": (0, 0, 220), "white": (230,) * 3}
    height, width = picture.shape[:2]
    found = []
    for y, x in ((1, 1), (1, 3), (3, 1), (3, 3)):
        colour = picture[y * height // 4, x * width // 4].astype(int)
        found.append(min(names, key=lambda n: np.abs(colour - names[n]).sum()))
    return found


TURNED = {
    0: ["red", "green", "blue", "white"],
    90: ["blue", "red", "white", "green"],
    180: ["white", "blue", "green", "red"],
    270: ["green", "white", "red", "blue"],
}


@pytest.mark.parametrize("reader", ["chosen", "pyav"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation(tmp_path: Path, monkeypatch, degrees: int, reader: str) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), pictures=[corners()] * 3, options=PLAIN)
    turn(film, degrees)
    if reader == "pyav":
        monkeypatch.setattr(reading, "list_readers", lambda *_: (reader,))
    decode(film, tmp_path / "out.h5", short_side=24)
    with open_frames(tmp_path / "out.h5") as store:
        picture = store.images[0]
        facts = asdict(store.info)
    assert picture is not None
    size = (32, 24) if degrees in (0, 180) else (24, 32)
    assert (facts["width"], facts["height"]) == size == picture.shape[1::-1]
    assert (facts["source_width"], facts["source_height"]) == (64, 48)
    assert facts["rotation"] == degrees
    assert facts["reader"] == ("decord" if reader == "chosen" and degrees in (0, 180) else "pyav")
    assert quarters(picture) == TURNED[degrees]


@pytest.mark.parametrize("reader", ["chosen", "pyav"])
@pytest.mark.parametrize("degrees", [0, 90])
def test_pixels_that_are_not_square(tmp_path: Path, monkeypatch, degrees: int, reader: str) -> None:
    """60 x 48 pixels of 4:3 are shown as 80 x 48, and turned as 48 x 80."""
    film = write_film(
        tmp_path / "film.mp4", range(3), pictures=[corners(60, 48)] * 3, options=PLAIN,
        aspect=Fraction(4, 3),
    )  # fmt: skip
    turn(film, degrees)
    if reader == "pyav":
        monkeypatch.setattr(reading, "list_readers", lambda *_: (reader,))
    decode(film, tmp_path / "out.h5")
    with open_frames(tmp_path / "out.h5") as store:
        picture = store.images[0]
    assert picture is not None
    assert picture.shape == ((48, 80, 3) if degrees == 0 else (80, 48, 3))
    assert quarters(picture) == TURNED[degrees]


@pytest.mark.parametrize(("codec", "pixels"), [("libx264", "yuv444p"), ("ffv1", "yuv420p")])
def test_odd_sizes(tmp_path: Path, codec: str, pixels: str) -> None:
    film = write_film(
        tmp_path / "film.mkv", range(6), codec=codec, pixels=pixels,
        pictures=[numbered(n, 67, 45) for n in range(6)],
    )  # fmt: skip
    decode(film, tmp_path / "out.h5", fps=30)
    assert numbers(tmp_path / "out.h5") == list(range(6))
    with open_frames(tmp_path / "out.h5") as store:
        assert store.images[0].shape == (45, 67, 3)


def test_other_codecs_and_containers(tmp_path: Path) -> None:
    """MPEG-4 in AVI with B-frames has no presentation times, VP9 in WebM has hidden pictures."""
    for name, codec, options in (
        ("film.avi", "mpeg4", {"bf": "2", "b": "2M"}),
        ("film.webm", "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime", "crf": "20"}),
        ("film.mov", "mjpeg", {"strict": "-1"}),
        ("film.flv", "flv1", {"b": "2M"}),
        ("film.wmv", "wmv2", {"b": "2M"}),
        ("film.mpg", "mpeg2video", {"b": "2M"}),
        ("film.m2ts", "libx264", {"crf": "20"}),
        ("film.3gp", "libx264", {"crf": "20"}),
    ):
        pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        film = write_film(tmp_path / name, range(30), codec=codec, options=options, pixels=pixels)
        report, _ = decode(film, tmp_path / f"{name}.h5", fps=15)
        assert numbers(tmp_path / f"{name}.h5") == list(range(0, 30, 2)), name
        assert report["lost_frames"] == 0


def test_sound_that_is_longer_is_no_loss(tmp_path: Path) -> None:
    for container in ("mp4", "mkv"):
        film = write_film(
            tmp_path / f"film.{container}", range(30), options=PLAIN, audio_seconds=2.5
        )
        report, _ = decode(film, tmp_path / f"{container}.h5")
        assert (report["frames"], report["lost_frames"]) == (15, 0)


# --- the store ------------------------------------------------------------------------------------


def test_attributes(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", range(20), options=PLAIN)
    decode(film, tmp_path / "out.h5", short_side=24, quality=80)
    with open_frames(tmp_path / "out.h5") as store:
        assert asdict(store.info) == {
            "movie": "m", "fps": 15.0, "width": 32, "height": 24, "source_width": 64,
            "source_height": 48, "source_fps": 30.0, "source_seconds": pytest.approx(20 / 30),
            "rotation": 0, "codec": "h264", "reader": "decord", "quality": 80, "lost_frames": 0,
        }  # fmt: skip


@pytest.mark.parametrize("reader", ["decord", "pyav"])
def test_equal_input_gives_equal_bytes(tmp_path: Path, monkeypatch, reader: str) -> None:
    film = write_film(tmp_path / "film.mp4", range(20), options=B_FRAMES)
    monkeypatch.setattr(reading, "list_readers", lambda *_: (reader,))
    for name in ("a.h5", "b.h5"):
        decode(film, tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_the_second_reader_begins_anew(tmp_path: Path, monkeypatch) -> None:
    """decord fails midway: the store is PyAV's alone, and no frame is counted twice."""
    film = write_film(tmp_path / "film.mp4", range(40), options=PLAIN)
    decord = reading._read_with_decord

    def failing(*arguments: object) -> Iterator[reading.Picture]:
        for n, picture in enumerate(decord(*arguments)):
            if n == 25:
                raise reading.ReaderDistrusted("a bad day")
            yield picture

    monkeypatch.setattr(reading, "_read_with_decord", failing)
    report, told = decode(film, tmp_path / "out.h5")
    assert report["reader"] == "pyav"
    assert told == report["frames"] == 20
    assert numbers(tmp_path / "out.h5") == list(range(0, 40, 2))


# --- damage ---------------------------------------------------------------------------------------


def damaged_in_the_middle(tmp_path: Path) -> Path:
    """Pictures 12 and 13 of 30 overwritten; every picture is coded by itself."""
    options = {**PLAIN, "g": "1"}
    film = write_film(tmp_path / "film.mp4", range(30), options=options)
    data = bytearray(film.read_bytes())
    for start, size in packets(film)[12:14]:
        data[start : start + size] = bytes(size)
    film.write_bytes(data)
    return film


def test_damage_is_an_error_that_names_film_picture_and_loss(tmp_path: Path) -> None:
    film = damaged_in_the_middle(tmp_path)
    with pytest.raises(RhasError) as error:
        decode(film, tmp_path / "out.h5")
    text = str(error.value)
    assert f"{film} (movie m), from picture 12 (0.40 s) on" in text
    assert "2 of 30 pictures are lost (0.07 s)" in text
    assert "expected: 30 pictures, 1.00 s" in text
    assert "decode.damaged: keep" in text
    assert not (tmp_path / "out.h5").exists()


def test_damage_may_be_kept_and_is_counted(tmp_path: Path) -> None:
    film = damaged_in_the_middle(tmp_path)
    report, _ = decode(film, tmp_path / "out.h5", fps=30, damaged="keep")
    assert (report["source_frames"], report["lost_frames"]) == (28, 2)
    # 12 is nearer to 11, 13 to 14
    assert numbers(tmp_path / "out.h5") == [*range(12), 11, 14, *range(14, 30)]
    with open_frames(tmp_path / "out.h5") as store:
        assert store.info.lost_frames == 2


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4", "film.mov", "film.avi"])
def test_a_truncated_film(tmp_path: Path, name: str) -> None:
    """Cut in the middle of the 31st of 50 pictures; with its index in front, or without need."""
    container = {"movflags": "faststart"} if name.endswith(("mp4", "mov")) else {}
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    options = {"b": "2M"} if name.endswith("avi") else PLAIN
    film = write_film(
        tmp_path / name,
        range(50),
        codec=codec,
        options=options | {"g": "1"},
        container_options=container,
    )
    start, size = packets(film)[30]
    film.write_bytes(film.read_bytes()[: start + size // 2])
    with pytest.raises(RhasError, match="damaged or truncated") as error:
        decode(film, tmp_path / "out.h5")
    assert str(film) in str(error.value)
    assert "picture 30 (1.00 s)" in str(error.value)
    assert not (tmp_path / "out.h5").exists()
    report, _ = decode(film, tmp_path / "out.h5", fps=30, damaged="keep")
    assert report["source_frames"] == 30
    assert report["lost_frames"] == pytest.approx(20, abs=1)
    assert numbers(tmp_path / "out.h5")[:30] == list(range(30))


def test_nothing_but_damage(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", range(10), options=PLAIN | {"g": "1"})
    data = bytearray(film.read_bytes())
    for start, size in packets(film):
        data[start : start + size] = bytes(size)
    film.write_bytes(data)
    with pytest.raises(RhasError, match="no picture of the film can be decoded"):
        decode(film, tmp_path / "out.h5", damaged="keep")
    assert not (tmp_path / "out.h5").exists()


def test_an_interrupted_film_leaves_nothing_behind(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", range(30), options=PLAIN)

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_film(DecodeInput("m", film), DecodeConfig(), tmp_path / "out.h5", interrupt)
    assert not (tmp_path / "out.h5").exists()


def mp4_without_index(folder: Path) -> bytes:
    whole = write_film(folder / "whole.mp4", range(10), options=PLAIN).read_bytes()
    return whole[: len(whole) // 2]


def sound(folder: Path) -> bytes:
    return write_sound(folder / "sound.mp4").read_bytes()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: b"", "the film is empty"),
        (lambda _: LFS, "a Git LFS pointer"),
        (lambda _: b"<html>404 not found</html>", "a text file, not a film"),
        (lambda _: np.random.default_rng(0).bytes(5000), "not a film that FFmpeg can read"),
        (mp4_without_index, "the film's index cannot be read: the file is truncated"),
        (sound, "the file has no video"),
    ],
    ids=["empty", "lfs", "text", "garbage", "index", "sound"],
)
def test_what_is_no_film(tmp_path: Path, content, message: str) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(content(tmp_path))
    with pytest.raises(RhasError, match=message) as error:
        decode(film, tmp_path / "out.h5")
    assert error.value.where == str(film)
    assert error.value.do
    assert not (tmp_path / "out.h5").exists()


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="the film is missing"):
        decode(tmp_path / "absent.mp4", tmp_path / "out.h5")
    with pytest.raises(RhasError, match="not a file"):
        decode(tmp_path, tmp_path / "out.h5")


@pytest.mark.parametrize(
    ("name", "value"), [("fps", 0), ("short_side", 8), ("quality", 0), ("quality", 96)]
)
def test_parameters_out_of_range(name: str, value: float) -> None:
    with pytest.raises(RhasError, match=rf"(^|decode\.){name}: parameter out of range"):
        DecodeConfig(**{name: value})


# --- real films -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pictures", "size"),
    [
        ("armwrestling_sar.mp4", 280, (53, 32)),
        ("basketball_3people.mp4", 300, (57, 32)),
        ("basketball_hevc.mkv", 300, (57, 32)),
        ("basketball_vp9.webm", 300, (57, 32)),
        ("pancake_kitchen.mkv", 310, (57, 32)),
    ],
)
def test_healthy_clips(
    shared: Path, tmp_path: Path, name: str, pictures: int, size: tuple[int, int]
) -> None:
    film = shared / "clips" / name
    report, told = decode(film, tmp_path / "out.h5", fps=5, short_side=32)
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        moments = [p.pts * p.time_base for p in container.demux(stream) if p.pts is not None]
        step = 1 / stream.average_rate
    times = sorted(time - min(moments) for time in moments)
    assert report["source_frames"] == len(times) == pictures
    assert report["frames"] == told == math.ceil((times[-1] + step) * 5)
    with open_frames(tmp_path / "out.h5") as store:
        shown = nearest(times, times[-1] + step, Fraction(5))
        assert store.time == pytest.approx([float(times[k]) for k in shown], abs=1e-6)
        assert store.size == size
        assert store.images[3].shape[1::-1] == size


def test_the_clip_of_variable_rate_shows_the_pictures_of_its_source(
    shared: Path, tmp_path: Path
) -> None:
    """It keeps 120 of 200 pictures at their own times: the nearest kept one is shown."""
    kept = json.loads((shared / "clips/bedroom_vfr.kept_source_frames.json").read_text())
    decode(shared / "clips/bedroom_vfr.mp4", tmp_path / "out.h5", fps=15, short_side=32)
    with open_frames(tmp_path / "out.h5") as store:
        time = store.time
    end = Fraction(kept[-1] + 1, 30)
    shown = nearest([Fraction(k, 30) for k in kept], end, Fraction(15))
    assert time == pytest.approx([kept[k] / 30 for k in shown], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("audio_only_aac.mp4", "the file has no video"),
        ("derived_text_named.mp4", "a text file, not a film"),
        ("derived_truncated55.mkv", r"picture 164 .*about 14\d of 31\d pictures are lost"),
        ("derived_truncated60_moov_last.mp4", "index cannot be read: the file is truncated"),
        ("derived_zero_length.mp4", "the film is empty"),
        ("lfs_pointer.mp4", "a Git LFS pointer"),
    ],
)
def test_broken_clips(shared: Path, tmp_path: Path, name: str, message: str) -> None:
    film = shared / "clips/broken" / name
    with pytest.raises(RhasError, match=message) as error:
        decode(film, tmp_path / "out.h5", short_side=32)
    assert str(error.value).startswith(str(film))
    assert not (tmp_path / "out.h5").exists()
