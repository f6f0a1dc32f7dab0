"""What decode refuses of a film, and what is told with a warning."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import film_info, number_of, numbered, write_film

from rhas.base.errors import RhasError
from rhas.config.decode import DecodeConfig
from rhas.data.audit import Audit
from rhas.data.foreign_tables import Clock, ForeignReference
from rhas.data.labels import LabelMap
from rhas.data.matching import match_tables
from rhas.decode import judgement
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.decode.judgement import judge_film, refuse_film
from rhas.stores.frames import open_frames


def judge(film: Path, **config: object) -> list[tuple[str, bool, str, str]]:
    found = judge_film(inspect_film(film), "m", DecodeConfig(**config))  # type: ignore[arg-type]
    return [(one.kind, one.refused, one.error.what, one.error.do) for one in found]


def decode(film: Path, out: Path, **config: object) -> int:
    settings = DecodeConfig(**config)  # type: ignore[arg-type]
    return decode_film(DecodeInput("m", film), settings, out, lambda n: None).frames


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"width": 720, "height": 576, "pixel_aspect": Fraction(64, 45)}, False),
        ({"width": 1440, "height": 1080, "pixel_aspect": Fraction(4, 3)}, False),
        ({"pixel_aspect": Fraction(1, 100)}, True),
        ({"pixel_aspect": Fraction(100)}, True),
        ({"width": 1600, "height": 100}, False),
        ({"width": 1602, "height": 100}, True),
        ({"width": 100, "height": 4000}, True),
    ],
)
def test_shapes(changes: dict[str, object], refused: bool) -> None:
    found = judge_film(film_info(**changes), "m", DecodeConfig())
    assert [(one.kind, one.refused) for one in found] == [("shape", True)] * refused


def test_pixels_of_an_impossible_shape_are_told_as_such(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", range(3), aspect=Fraction(1, 50))
    ((kind, refused, what, do),) = judge(film)
    assert (kind, refused) == ("shape", True)
    assert "pixels a shape beyond reason" in what
    assert "-aspect 64:48" in do
    with pytest.raises(RhasError, match="pixels a shape beyond reason"):
        decode(film, tmp_path / "out.h5")


def test_a_picture_that_stands_is_named_and_may_be_refused(tmp_path: Path) -> None:
    """It stands for 100 s after 1 s; 1,515 frames show it."""
    film = write_film(tmp_path / "film.mkv", [*range(30), *range(3030, 3060)])
    ((kind, refused, what, _),) = judge(film)
    assert (kind, refused) == ("gap", False)
    assert what == "pictures that stay on the screen for longer than 60 s: 1, together 1:40"
    assert decode(film, tmp_path / "held.h5") == 1530
    assert judge(film, gaps="error")[0][1]
    with pytest.raises(RhasError, match="pictures that stay on the screen for longer than 60 s"):
        decode(film, tmp_path / "out.h5", gaps="error")
    assert judge(film, gaps="error", gap_s=101) == []


def test_a_picture_that_stands_beyond_reason_is_refused(tmp_path: Path) -> None:
    """One damaged time would write frames until the disk is full."""
    film = write_film(tmp_path / "film.mkv", [0, 1, 2, 30 * 3600 * 7])
    assert [(kind, refused) for kind, refused, _, _ in judge(film)] == [("clock", True)]
    with pytest.raises(RhasError, match="stays on the screen beyond reason"):
        decode(film, tmp_path / "out.h5")
    files, audit = {"a": film}, Audit()
    row = ForeignReference("r:1", "a", "0", "the man", "")
    match_tables(files, [row], [], LabelMap({}, {}), None, Clock(), audit, DecodeConfig())
    assert "film of impossible times" in audit.found


def test_a_recording_that_begins_between_key_pictures(tmp_path: Path) -> None:
    """Its first pictures rest on others that are not there: no damage, and no download helps."""
    whole = write_film(
        tmp_path / "whole.ts", range(60), options={"g": "30", "bf": "0", "sc_threshold": "0"}
    )
    film = tmp_path / "film.ts"
    film.write_bytes(_cut_transport_stream(whole, after=10))
    ((kind, refused, what, do),) = judge(film)
    assert (kind, refused) == ("damage", True)
    assert what.startswith("the film begins between two key pictures: its first 20 of 50 pictures")
    assert "download" not in do
    with pytest.raises(RhasError, match="begins between two key pictures"):
        decode(film, tmp_path / "out.h5")
    assert decode(film, tmp_path / "out.h5", damaged="keep", fps=30) == 50
    with open_frames(tmp_path / "out.h5") as store:
        assert number_of(store.images[0]) == 30


def _cut_transport_stream(path: Path, after: int) -> bytes:
    """The tables of a transport stream, and its packets from a picture on."""
    import av

    with av.open(str(path)) as container:
        start = [p.pos for p in container.demux(video=0) if p.size][after]
    data = path.read_bytes()
    return data[: 188 * 3] + data[start:]


def write_interlaced(path: Path, marked: bool = True) -> Path:
    """A bar that moves between the two fields of each picture."""
    pictures = []
    for n in range(8):
        picture = np.full((96, 128, 3), 30, np.uint8)
        picture[0::2, 10 + 8 * n : 40 + 8 * n] = 220
        picture[1::2, 14 + 8 * n : 44 + 8 * n] = 220
        pictures.append(picture)
    options = {"crf": "1"} | ({"x264-params": "tff=1"} if marked else {})
    return write_film(path, range(8), pictures=pictures, pixels="yuv444p", options=options)


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_fields_are_joined(tmp_path: Path, ending: str) -> None:
    film = write_interlaced(tmp_path / f"film.{ending}")
    assert inspect_film(film).interlaced
    combs = {}
    for name, source in (
        ("joined", film),
        ("combed", write_interlaced(tmp_path / f"combed.{ending}", marked=False)),
    ):
        assert decode(source, tmp_path / f"{name}.h5", fps=30) == 8
        with open_frames(tmp_path / f"{name}.h5") as store:
            picture = store.images[4].astype(int)[20:76]
            assert store.info.lost_frames == 0
        combs[name] = np.abs(np.diff(picture, axis=0)).mean()
    assert combs["joined"] < 0.2 * combs["combed"]


def test_interlaced_films_keep_their_pictures_in_order(tmp_path: Path) -> None:
    pictures = [numbered(n, 128, 96) for n in range(40)]
    film = write_film(
        tmp_path / "film.mkv", range(40), pictures=pictures,
        options={"crf": "1", "x264-params": "tff=1", "bf": "2"},
    )  # fmt: skip
    assert decode(film, tmp_path / "out.h5", fps=30) == 40
    with open_frames(tmp_path / "out.h5") as store:
        assert [number_of(store.images[n]) for n in range(40)] == list(range(40))
        assert store.time == pytest.approx(np.arange(40) / 30, abs=1e-3)


def test_a_film_that_is_kept_is_decoded_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be refused is not counted before decode counts it."""
    film = film_info(holes=((5, 3),))
    monkeypatch.setattr(judgement, "find_lost", lambda info: pytest.fail("decoded to count"))
    refuse_film(film, "a", DecodeConfig(damaged="keep"))


def test_a_film_that_begins_with_damage_is_told_so() -> None:
    """Losing the first picture is not to begin between two key pictures."""
    damaged = judgement.damage_error(film_info(doubtful=(0,)), "a", [0])
    assert "damaged or truncated" in damaged.what
    leading = film_info(doubtful=(0, 1), before_key=2)
    assert "between two key pictures" in judgement.damage_error(leading, "a", [0, 1]).what
