"""A film's file: H.264 video and a sound track, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from rhas.mini.spec import FilmSpec

_SOUND_RATE = 22050  # Hz
_BLOCK = 1024  # samples of a sound frame


def encode_film(
    spec: FilmSpec, path: Path, draw: Callable[[int], NDArray[np.uint8]],
    sound: np.random.Generator, progress: Callable[[int], None] | None,
) -> None:  # fmt: skip
    """Write a film's file.

    Args:
        spec: the film.
        path: of the file, which does not exist.
        draw: (height, width, 4) RGBA of a source frame by its number, called in order.
        sound: source of randomness of the sound track.
        progress: called after each frame with 1.
    """
    bitexact = {"fflags": "+bitexact"}
    with av.open(str(path), "w", options=bitexact) as container:
        video = container.add_stream("libx264", rate=spec.rate)
        video.width, video.height, video.pix_fmt = spec.width, spec.height, "yuv420p"
        video.codec_context.time_base = 1 / spec.rate
        video.codec_context.thread_count = 1
        video.options = {
            "crf": "24", "preset": "veryfast", "threads": "1", "g": "120",
            "flags": "+bitexact",
            "x264-params": "mbtree=0",  # x264's AVX-512 form of it gives other bytes every time
        }  # fmt: skip
        audio = None
        if spec.audio:
            audio = container.add_stream("aac", rate=_SOUND_RATE, layout="mono")
            audio.options = {"flags": "+bitexact"}
            noise = _SoundTrack(sound)
        written = 0
        for n in range(spec.frames):
            frame = av.VideoFrame.from_ndarray(draw(n), format="rgba")
            frame.pts = n
            frame.time_base = 1 / spec.rate
            container.mux(video.encode(frame))
            if audio is not None:
                due = int((n + 1) / float(spec.rate) * _SOUND_RATE)
                while written + _BLOCK <= due:
                    container.mux(audio.encode(noise.make_block(written)))
                    written += _BLOCK
            if progress is not None:
                progress(1)
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))


class _SoundTrack:
    """Room noise and a slow hum of a few tones."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.tones = [(float(rng.uniform(90, 500)), float(rng.uniform(0.05, 0.4)))
                      for _ in range(3)]  # fmt: skip

    def make_block(self, start: int) -> av.AudioFrame:
        """1,024 samples from a position on."""
        t = (start + np.arange(_BLOCK)) / _SOUND_RATE
        wave = 0.01 * self.rng.standard_normal(_BLOCK)
        for pitch, pulse in self.tones:
            wave += 0.04 * np.sin(2 * np.pi * pitch * t) * (0.5 + 0.5 * np.sin(pulse * t * 6.28))
        frame = av.AudioFrame.from_ndarray(
            wave.astype(np.float32)[None, :], format="fltp", layout="mono"
        )
        frame.sample_rate = _SOUND_RATE
        frame.pts = start
        frame.time_base = Fraction(1, _SOUND_RATE)
        return frame
