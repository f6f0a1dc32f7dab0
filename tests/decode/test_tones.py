"""HDR films: light as the standards say, compressed to SDR."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rhas.config.decode import DecodeConfig
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.decode.tones import find_transfer, map_tones
from rhas.stores.frames import open_frames

PQ_SIGNAL = {0: 0.0, 10: 0.3014, 100: 0.5081, 203: 0.5807, 1000: 0.7518, 10_000: 1.0}
"""Signal of light in nits: SMPTE ST 2084, as ITU-R BT.2408 lists it."""


def grey(signal: float) -> np.ndarray:
    return np.full((1, 1, 3), round(signal * 65535), np.uint16)


def test_light_of_pq() -> None:
    seen = [int(map_tones(grey(signal), "pq")[0, 0, 0]) for signal in PQ_SIGNAL.values()]
    for nits, value in zip(PQ_SIGNAL, seen, strict=True):
        light = nits / 203
        mapped = min(1.0, light * (1 + light / (1000 / 203) ** 2) / (1 + light))
        assert value == pytest.approx(255 * mapped ** (1 / 2.4), abs=1), nits
    assert seen == sorted(seen)


def test_white_is_as_bright_in_hlg_as_in_pq() -> None:
    """BT.2408: 203 nits are 58 % of PQ and 75 % of HLG; 1,000 nits are all of HLG."""
    hlg = map_tones(grey(0.75), "hlg")
    assert hlg == pytest.approx(map_tones(grey(0.5807), "pq"), abs=2)
    assert (map_tones(grey(1.0), "hlg") >= 254).all()
    assert (map_tones(grey(0.0), "hlg") == 0).all()


def test_colours_get_the_displays_primaries() -> None:
    """Red of BT.709 told in BT.2020 (BT.2087) is pure red again; the order of hues stays."""
    red = np.asarray([0.6274, 0.0691, 0.0164]) * 203 / 10_000
    power = red**0.1593017578125
    signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    shown = map_tones(np.rint(signal * 65535).astype(np.uint16)[None, None], "pq")[0, 0]
    assert shown[0] > 180
    assert shown[1:].max() < 30


def write_hdr(path: Path, trc: int) -> Path:
    """Half white paper, 203 nits; half 10 nits."""
    levels = {16: (0.5807, 0.3014), 18: (0.75, 0.254)}[trc]
    picture = np.zeros((48, 64, 3), np.uint16)
    picture[:, :32], picture[:, 32:] = (round(level * 65535) for level in levels)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=30, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = trc, 9, 9
        for n in range(3):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb48le")
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=9)
            frame.pts, frame.time_base = n, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("trc", "transfer"), [(16, "pq"), (18, "hlg")])
def test_a_film(tmp_path: Path, trc: int, transfer: str) -> None:
    film = write_hdr(tmp_path / "film.mkv", trc)
    assert inspect_film(film).transfer == transfer
    decode_film(DecodeInput("m", film), DecodeConfig(), tmp_path / "out.h5", lambda n: None)
    with open_frames(tmp_path / "out.h5") as store:
        picture = store.images[0].astype(int)
    assert picture[24, 16] == pytest.approx(np.full(3, 194), abs=6)
    assert picture[24, 48] == pytest.approx(np.full(3, 71), abs=6)


def test_other_films_stay() -> None:
    assert [find_transfer(number) for number in (1, 2, 13, 14)] == ["sdr"] * 4
