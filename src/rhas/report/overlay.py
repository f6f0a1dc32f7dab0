"""The overlay film: every frame with the persons' boxes, and below it their actions.

VP9 in WebM, which is free to use and which every browser plays; without sound.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rhas.base.progress import Progress
from rhas.report.drawing import load_font
from rhas.stores.frames import open_frames
from rhas.stores.tracks import BoxSource, FilmTracks

# Okabe and Ito's palette on dark, without black; it repeats for more persons
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2")
_SHORT_SIDE = 360  # pixels; smaller frames are enlarged by a whole factor, so that text is sharp
_CONTAINER = {"fflags": "+bitexact"}  # else a random number and the version of FFmpeg
_OPTIONS: dict[str, object] = {"deadline": "realtime", "cpu-used": "8", "crf": "30", "g": "60"}

Stretch = tuple[int, int, Sequence[str]]  # start, stop (frames), names of the actions


@dataclass(frozen=True)
class OverlayInput:
    """What is drawn.

    Args:
        frames, tracks: the film's stores.
        stretches: of each person, as `rhas.segment.subtitles.find_constant_intervals` gives them.
    """

    frames: Path
    tracks: Path
    stretches: tuple[tuple[Stretch, ...], ...]


@dataclass(frozen=True)
class OverlayReport:
    """Size of the film, pixels."""

    width: int
    height: int


def draw_overlay(source: OverlayInput, out: Path, progress: Progress) -> OverlayReport:
    """Writes the film; one frame at a time is held.

    A box is thick where the person is detected, thin where it is interpolated.

    Args:
        source: what is drawn.
        out: the file to write.
        progress: called with the number of frames written since the last call.
    """
    tracks = FilmTracks.read(source.tracks)
    with open_frames(source.frames) as film:
        captions = [_Caption(stretches) for stretches in source.stretches]
        canvas = _Canvas(*film.size, tracks.references)
        rate = Fraction(str(film.info.fps)).limit_denominator(1001)
        with av.open(str(out), "w", format="webm", options=_CONTAINER) as container:
            stream = container.add_stream("libvpx-vp9", rate=rate)
            stream.width, stream.height, stream.pix_fmt = *canvas.size, "yuv420p"
            stream.bit_rate = 0
            stream.codec_context.time_base = 1 / rate
            stream.codec_context.thread_count = 1
            stream.options = _OPTIONS
            for frame in range(len(film)):
                image = film.images[frame]
                assert image is not None  # crop has read it
                boxes = [
                    (n, person.boxes[frame], person.source[frame] == BoxSource.DETECTED)
                    for n, person in enumerate(tracks.persons)
                    if person.source[frame] != BoxSource.MISSING
                ]
                texts = tuple(person.find_text(frame) for person in captions)
                drawn = av.VideoFrame.from_ndarray(canvas.draw(image, boxes, texts), format="rgb24")
                drawn.pts, drawn.time_base = frame, 1 / rate
                container.mux(stream.encode(drawn))
                progress(1)
            container.mux(stream.encode(None))
    return OverlayReport(*canvas.size)


class _Caption:
    """A person's actions by frame; frames are asked for in order."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._waiting = list(reversed(stretches))

    def find_text(self, frame: int) -> str:
        while self._waiting and self._waiting[-1][1] <= frame:
            self._waiting.pop()
        if self._waiting and self._waiting[-1][0] <= frame:
            return ", ".join(self._waiting[-1][2])
        return ""


class _Canvas:
    """Where frames are drawn.

    Args:
        width, height: of the film's frames, pixels.
        references: by person.
    """

    def __init__(self, width: int, height: int, references: Sequence[str]) -> None:
        self._factor = max(1, -(-_SHORT_SIDE // min(width, height)))
        self._wide, self._high = width * self._factor, height * self._factor
        self._references = references
        text = max(13, self._high // 30)
        self._font = load_font(text)
        self._line = text + text // 2
        band = self._line * len(references) + text // 2
        self.size = self._wide + self._wide % 2, (self._high + band + 1) // 2 * 2
        self._draw_band_once = functools.lru_cache(maxsize=1)(self._draw_band)

    def draw(
        self,
        image: NDArray[np.uint8],
        boxes: Sequence[tuple[int, NDArray[np.float32], bool]],
        actions: tuple[str, ...],
    ) -> NDArray[np.uint8]:
        """uint8 (height, width, 3): the frame, and below it a line per person.

        Args:
            image: uint8, the frame.
            boxes: number of the person, box, whether it was detected.
            actions: by person.
        """
        canvas = Image.new("RGB", self.size)
        enlarged = Image.fromarray(image)
        if self._factor > 1:
            enlarged = enlarged.resize((self._wide, self._high), Image.Resampling.BILINEAR)
        canvas.paste(enlarged)
        draw = ImageDraw.Draw(canvas)
        for number, box, detected in boxes:
            x1, y1, x2, y2 = (float(v) * self._factor for v in box)
            colour, wide = COLOURS[number % len(COLOURS)], 3 if detected else 1
            draw.rectangle((x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)), outline=colour, width=wide)
            self._draw_tag(draw, str(number), colour, x1, y1)
        canvas.paste(self._draw_band_once(actions), (0, self._high))
        return np.asarray(canvas)

    def _draw_tag(
        self, draw: ImageDraw.ImageDraw, text: str, colour: str, x: float, y: float
    ) -> None:
        """A person's number on its colour, at a box's upper left corner and inside the image."""
        wide, high = self._font.getlength(text) + 6, self._line
        x, y = min(max(x, 0), self._wide - wide), min(max(y - high, 0), self._high - high)
        draw.rectangle((x, y, x + wide, y + high), fill=colour)
        draw.text((x + 3, y + high / 2), text, "black", self._font, "lm")

    def _draw_band(self, actions: tuple[str, ...]) -> Image.Image:
        band = Image.new("RGB", (self.size[0], self.size[1] - self._high), "#111111")
        draw = ImageDraw.Draw(band)
        for number, (reference, text) in enumerate(zip(self._references, actions, strict=True)):
            y = number * self._line + 2
            self._draw_number(draw, number, y)
            left = 2 * self._line
            width = self.size[0] - left - 4
            doing = self._shorten(text, width * 2 // 3 if reference else width)
            name = self._shorten(
                " ".join(reference.split()), width - self._font.getlength(doing) - 16
            )
            draw.text((left, y + self._line / 2), name, "#BBBBBB", self._font, "lm")
            x = left + self._font.getlength(name) + 12
            draw.text((x, y + self._line / 2), doing, "white", self._font, "lm")
        return band

    def _draw_number(self, draw: ImageDraw.ImageDraw, number: int, y: int) -> None:
        colour = COLOURS[number % len(COLOURS)]
        draw.rectangle((4, y + 2, 2 * self._line - 8, y + self._line - 2), fill=colour)
        middle = ((2 * self._line - 4) / 2, y + self._line / 2)
        draw.text(middle, str(number), "black", self._font, "mm")

    def _shorten(self, text: str, width: float) -> str:
        if self._font.getlength(text) <= width:
            return text
        while text and self._font.getlength(text + "…") > width:
            text = text[:-1]
        return text + "…"
