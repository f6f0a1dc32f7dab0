"""Films of strangers: inspected, judged and decoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from films import write_film
from fuzz.target import Kind

from rhas.base.progress import ignore_progress
from rhas.config.decode import DecodeConfig
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.decode.judgement import judge_film

_FRAMES = 12
_CODECS = {
    "h264.mp4": "libx264", "h264.mkv": "libx264", "h264.ts": "libx264", "hevc.mp4": "libx265",
    "vp9.webm": "libvpx-vp9", "mpeg4.avi": "mpeg4", "mpeg2.mpg": "mpeg2video", "mjpeg.mov": "mjpeg",
}  # fmt: skip
_PIXELS = {"mjpeg": "yuvj420p"}


def write(folder: Path) -> None:
    for name, codec in _CODECS.items():
        write_film(
            folder / name, range(_FRAMES), Fraction(1, 25), codec=codec,
            pixels=_PIXELS.get(codec, "yuv420p"), audio_seconds=0.2 if "mp4" in name else 0,
        )  # fmt: skip


def read(folder: Path, path: Path, way: int) -> None:
    config = DecodeConfig(fps=15, short_side=32, damaged=("error", "keep")[way])
    if way == 0:
        judge_film(inspect_film(path), "m", config)
    decode_film(DecodeInput("m", path), config, folder.with_name("out.h5"), ignore_progress)


CONTAINERS = Kind("containers", write, read, ways=2, seconds=30, examples=100)
