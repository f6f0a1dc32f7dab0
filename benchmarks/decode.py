"""Speed of the decode stage against a plain PyAV loop, in the same process.

    python benchmarks/decode.py [FILM ...] [--short-side 180] [--fps 15] [--repeat 3]

The reference decodes every picture with one thread and converts it to an RGB array at the working
size; it picks no frames and stores nothing. The decode stage picks the frames of the working rate,
checks the file for losses, and writes JPEG. Without a film one is made: 20 s, 640 x 360, 30
pictures/s, H.264. Times are the best of the repetitions, in turn; a ratio below 1 is in favour of
the stage.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from rhas.decode.container import inspect
from rhas.decode.film import decode_film


def make_film(path: Path, pictures: int = 600, width: int = 640, height: int = 360) -> Path:
    """Textured pictures that drift, with grain: neither trivial nor hopeless to compress."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (height // 8, width // 4, 3), np.uint8)
    wide = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for n in range(pictures):
            x = 2 * n % (wide.shape[1] - width)
            grain = rng.integers(-4, 5, (height, width, 1), np.int16)
            picture = np.clip(wide[:, x : x + width] + grain, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def plain_pyav(film: Path, width: int, height: int) -> int:
    """Decodes and converts every picture."""
    pictures = 0
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            frame.to_ndarray(width=width, height=height, format="rgb24")
            pictures += 1
    return pictures


def timed(function: Callable[[], Any], seconds: list[float]) -> Any:
    """Runs once and notes the time."""
    began = time.perf_counter()
    result = function()
    seconds.append(time.perf_counter() - began)
    return result


def compare(film: Path, out: Path, fps: float, short_side: int, repeat: int) -> str:
    """One row of the table."""
    width, height = inspect(film).fitted(short_side)
    arguments = {"movie": film.stem, "config": {"fps": fps, "short_side": short_side}}
    plain: list[float] = []
    ours: list[float] = []
    for _ in range(repeat):
        pictures = timed(lambda: plain_pyav(film, width, height), plain)
        report = timed(lambda: decode_film({"film": film}, arguments, out, lambda n: None), ours)
    a, b = min(plain), min(ours)
    return (
        f"{film.name[:28]:28} {width:5}x{height:<4} {pictures:6} {report['frames']:6} "
        f"{report['reader']:>6} {a:8.2f} {b:8.2f} {b / a:6.2f} {pictures / b:10.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--short-side", type=int, default=180)
    parser.add_argument("--fps", type=float, default=15)
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        films = chosen.films or [make_film(Path(folder) / "made.mp4")]
        print(
            f"{'film':28} {'size':>10} {'source':>6} {'frames':>6} {'reader':>6} "
            f"{'PyAV s':>8} {'stage s':>8} {'ratio':>6} {'pictures/s':>10}"
        )
        for film in films:
            out = Path(folder) / "frames.h5"
            print(compare(film, out, chosen.fps, chosen.short_side, chosen.repeat), flush=True)


if __name__ == "__main__":
    main()
