"""Little films for tests: every picture carries its own number, readable after any codec."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from rhas.decode.container import FilmInfo
from rhas.decode.orientation import Orientation

WIDTH, HEIGHT = 64, 48


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Eight cells, two rows of four: bright where the number's bit is set, highest bit first."""
    rows = (np.arange(height) * 2 // height)[:, None]
    columns = (np.arange(width) * 4 // width)[None]
    bit = 7 - (4 * rows + columns)
    grey = np.where((number >> bit) & 1, 220, 30).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


def number_of(picture: np.ndarray) -> int:
    """The number that a picture of any size carries; fails where a cell is neither."""
    height, width = picture.shape[:2]
    number = 0
    for cell in range(8):
        y, x = (2 * (cell // 4) + 1) * height // 4, (2 * (cell % 4) + 1) * width // 8
        value = picture[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean()
        assert value < 80 or value > 170, f"cell {cell} is {value:.0f}, a mixture of pictures"
        number = 2 * number + (value > 125)
    return number


def corners(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Red and green above, blue and white below."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (200, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 180, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 220)
    picture[height // 2 :, width // 2 :] = (230, 230, 230)
    return picture


def write_film(
    path: Path,
    ticks: Sequence[int],
    time_base: Fraction = Fraction(1, 30),
    *,
    pictures: Sequence[np.ndarray] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    audio_seconds: float = 0.0,
) -> Path:
    """A film with a picture at each of ``ticks``; numbered from 0 unless ``pictures`` are given."""
    shown = pictures or [numbered(n) for n in range(len(ticks))]
    height, width = shown[0].shape[:2]
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=1 / time_base)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.time_base = time_base
        stream.options = options or {}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        sound = container.add_stream("aac", rate=16000, layout="mono") if audio_seconds else None
        for tick, picture in zip(ticks, shown, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            mux_silence(container, sound, audio_seconds)
    return path


def mux_silence(container: av.container.OutputContainer, stream, seconds: float) -> None:
    for start in range(0, int(16000 * seconds), 1024):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = 16000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_sound(path: Path) -> Path:
    """A file with sound and nothing else."""
    with av.open(str(path), "w") as container:
        mux_silence(container, container.add_stream("aac", rate=16000, layout="mono"), 0.5)
    return path


def add_cover(path: Path) -> Path:
    """The same film with a cover picture as its first stream."""
    out = path.with_stem(path.stem + "_cover")
    picture = av.VideoFrame.from_ndarray(corners(), format="rgb24").reformat(format="yuvj420p")
    with av.open(str(path)) as reader, av.open(str(out), "w") as writer:
        cover = writer.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        source = reader.streams.video[0]
        copy = writer.add_stream_from_template(source)
        picture.pts, picture.time_base = 0, Fraction(1)
        encoded = [*cover.encode(picture), *cover.encode(None)]
        for packet in encoded:
            writer.mux(packet)
        for packet in reader.demux(source):
            if packet.size:
                packet.stream = copy
                writer.mux(packet)
    return out


def turn(path: Path, degrees: int) -> Path:
    """Sets the display matrix of an MP4's only track: shown turned clockwise."""
    return set_matrix(
        path, {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    )


def set_matrix(path: Path, matrix: tuple[float, float, float, float]) -> Path:
    """Sets the display matrix a, b, c, d of an MP4's only track."""
    data = bytearray(path.read_bytes())
    assert data.count(b"tkhd") == 1
    a, b, c, d = (round(value * (1 << 16)) for value in matrix)
    start = data.index(b"tkhd") + 44
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def make_hole(path: Path, noise: bool = False) -> Path:
    """Overwrites an eighth of the file, in its middle, by zeros or noise."""
    data = bytearray(path.read_bytes())
    start, size = len(data) // 2, len(data) // 8
    data[start : start + size] = np.random.default_rng(0).bytes(size) if noise else bytes(size)
    path.write_bytes(data)
    return path


def packets(path: Path) -> list[tuple[int, int]]:
    """Place and size in the file of every video packet, in file order."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(video=0) if p.size]


def film_info(**changes: object) -> FilmInfo:
    """Facts of a film that is not there, read by decord unless changed."""
    facts: dict[str, object] = {
        "path": Path(__file__), "codec": "h264", "stream": 0, "width": 640, "height": 360,
        "pixel_aspect": Fraction(1), "orientation": Orientation(), "rate": Fraction(30),
        "time_base": Fraction(1, 30), "start": 0, "ticks": np.arange(60), "last_ticks": 1,
        "by_order": False, "missing": 0, "doubtful": (), "before_key": 0, "holes": (),
        "marks_keys": True,
        "repeated": 0, "untimed": 0, "last_key": 0, "open_ended": False,
        "interlaced": False, "transfer": "sdr", "decord_could": True,
    }  # fmt: skip
    return FilmInfo(**{**facts, **changes})
