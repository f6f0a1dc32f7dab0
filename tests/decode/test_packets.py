"""What is lost in the middle of a film is counted: intact and lost pictures are all of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import av.logging
import numpy as np
import pytest
from films import make_hole, number_of, packets, write_film

from rhas.config.decode import DecodeConfig
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.decode.judgement import judge_film
from rhas.stores.frames import open_frames

COUNT = 60
X264 = {"crf": "10", "g": "30", "bf": "2", "preset": "veryfast"}
SIMPLE = {"b": "2M", "g": "15"}
VPX = {"crf": "10", "b": "2M", "g": "30", "cpu-used": "8", "deadline": "realtime"}
FILMS = {
    "film.mkv": ("libx264", X264),
    "film.mp4": ("libx264", X264),
    "film.ts": ("libx264", X264),
    "film.flv": ("libx264", X264),
    "film.webm": ("libvpx-vp9", VPX),
    "vp9.mp4": ("libvpx-vp9", VPX),
    "film8.webm": ("libvpx", VPX),
    "film.avi": ("mpeg4", SIMPLE),
    "mpeg4.mp4": ("mpeg4", SIMPLE | {"bf": "2"}),
    "film.wmv": ("wmv2", SIMPLE),
    "film.mpg": ("mpeg2video", SIMPLE | {"bf": "2"}),
    "mpeg2.ts": ("mpeg2video", SIMPLE | {"bf": "2"}),
    "film.mov": ("mjpeg", {"b": "4M"}),
}


@pytest.fixture(scope="module")
def write_noisy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Writes a copy of a film of `FILMS` whose pictures take many bytes."""
    folder = tmp_path_factory.mktemp("noisy")
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3)).astype(np.uint8) for _ in range(COUNT)]

    def copy(name: str, out: Path) -> Path:
        codec, options = FILMS[name]
        if not (folder / name).exists():
            pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            write_film(folder / name, range(COUNT), pictures=pictures, codec=codec,
                       options=options, pixels=pixels)  # fmt: skip
        return Path(shutil.copy(folder / name, out))

    return copy


@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "noise"])
@pytest.mark.parametrize("name", FILMS)
def test_a_hole_is_counted_and_known_before(
    tmp_path: Path, write_noisy: Callable[[str, Path], Path], name: str, noise: bool
) -> None:
    film = make_hole(write_noisy(name, tmp_path), noise)
    source, keep = DecodeInput("m", film), DecodeConfig(damaged="keep", short_side=16)
    report = decode_film(source, keep, tmp_path / "out.h5", lambda n: None)
    assert report.lost_frames >= 3
    assert report.source_frames + report.lost_frames == pytest.approx(COUNT, abs=1)
    with open_frames(tmp_path / "out.h5") as store:
        assert store.info.lost_frames == report.lost_frames
    (finding,) = judge_film(inspect_film(film), "m", DecodeConfig())
    assert finding.refused
    assert f" {report.lost_frames} of " in finding.error.what
    with pytest.raises(type(finding.error)) as error:
        decode_film(source, DecodeConfig(), tmp_path / "out.h5", lambda n: None)
    assert str(error.value) == str(finding.error)


@pytest.mark.parametrize("name", FILMS)
def test_whole_films_have_no_findings(
    tmp_path: Path, write_noisy: Callable[[str, Path], Path], name: str
) -> None:
    film = inspect_film(write_noisy(name, tmp_path))
    assert (len(film.ticks), film.lost, film.doubtful, film.repeated) == (COUNT, 0, (), 0)
    assert judge_film(film, "m", DecodeConfig()) == []


def test_the_times_after_a_hole_stay(tmp_path: Path) -> None:
    """One key picture per picture: every picture that is left is shown at its own time."""
    film = write_film(tmp_path / "film.mkv", range(100), options={"g": "1", "crf": "1"})
    start, _ = packets(film)[40]
    stop, _ = packets(film)[60]
    data = bytearray(film.read_bytes())
    data[start:stop] = bytes(stop - start)
    film.write_bytes(data)
    keep = DecodeConfig(damaged="keep", fps=30)
    report = decode_film(DecodeInput("m", film), keep, tmp_path / "out.h5", lambda n: None)
    assert report.source_frames + report.lost_frames == report.frames == 100
    with open_frames(tmp_path / "out.h5") as store:
        for frame in (0, 39, 99):
            assert number_of(store.images[frame]) == frame
        assert [round(30 * moment) for moment in store.time[[0, 39, 99]]] == [0, 39, 99]


def test_a_pause_in_a_sound_film_of_variable_rate_is_no_loss(tmp_path: Path) -> None:
    ticks = [*range(0, 60, 2), *range(200, 300, 3)]
    film = inspect_film(write_film(tmp_path / "film.mkv", ticks, options=X264))
    assert (film.lost, film.doubtful) == (0, ())


def test_pictures_of_one_time_are_named(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.flv", range(30), options={"g": "1", "bf": "0"})
    data = bytearray(film.read_bytes())
    with av.open(str(film)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    for place in places[10:12]:  # a tag's time stands four bytes behind its start
        data[place + 4 : place + 7] = data[places[9] + 4 : places[9] + 7]
    film.write_bytes(data)
    (finding,) = judge_film(inspect_film(film), "m", DecodeConfig())
    assert (finding.kind, finding.refused) == ("times", False)
    assert finding.error.what.startswith("2 pictures have the same time stamp")


def test_listening_leaves_ffmpegs_log_as_it_was(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mkv", range(3))
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    inspect_film(film)
    assert (av.logging.get_level(), av.logging.get_skip_repeated()) == before
