"""From decoded frames to images: fields joined, scaled, turned upright, tones mapped to SDR."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from rhas.decode.container import FilmInfo
from rhas.decode.tones import map_tones


def make_converter(info: FilmInfo, width: int, height: int) -> Callable[[Any], np.ndarray]:
    """A function from a frame of the film to uint8 (height, width, 3)."""
    orientation, hdr = info.orientation, info.transfer != "sdr"
    quarters = orientation.rotation // 90
    across, down = (height, width) if quarters % 2 else (width, height)
    smaller = across <= info.width and down <= info.height
    reformatter = VideoReformatter()

    def convert(frame: Any) -> np.ndarray:
        scaled = reformatter.reformat(
            frame,
            width=across,
            height=down,
            format="rgb48le" if hdr else "rgb24",
            src_colorspace=Colorspace.BT2020 if hdr else None,
            interpolation="AREA" if smaller else "BICUBIC",
            threads=1,
        )
        image = scaled.to_ndarray()
        if info.transfer != "sdr":
            image = map_tones(image, info.transfer)
        if orientation.tilt:
            image = _rotate(image, orientation.tilt)
        if orientation.mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, -quarters))

    return convert


def _rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turned clockwise about its centre, of the same size; the corners are black."""
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame.pts, frame.time_base = 0, Fraction(1)
    graph = _make_graph(frame, ("rotate", str(math.radians(degrees))), ("format", "rgb24"))
    graph.push(frame)
    return graph.pull().to_ndarray()


def deinterlace(frames: Iterator[Any]) -> Iterator[Any]:
    """Frames whose fields are joined where they are marked as interlaced (FFmpeg's bwdif).

    Args:
        frames: in order; None where one is lost.
    """
    graph: Any = None
    shape: tuple[int, int, str] | None = None
    for frame in frames:
        now = None if frame is None else (frame.width, frame.height, frame.format.name)
        if now != shape and graph is not None:
            yield from _drain(graph)
            graph = None
        shape = now
        if frame is None:
            yield None
            continue
        if graph is None:
            graph = _make_graph(frame, ("bwdif", "mode=send_frame:deint=interlaced"))
        graph.push(frame)
        yield from _pull_all(graph)
    if graph is not None:
        yield from _drain(graph)


def _make_graph(frame: Any, *filters: tuple[str, str]) -> Any:
    """A chain of FFmpeg's filters for frames like ``frame``."""
    graph = av.filter.Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    for name, arguments in (*filters, ("buffersink", "")):
        added = graph.add(name, arguments or None)
        last.link_to(added)
        last = added
    graph.configure()
    return graph


def _pull_all(graph: Any) -> Iterator[Any]:
    """The frames that a graph of bwdif has ready; it counts time in half ticks."""
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if frame.pts is not None:
            frame.pts //= 2
        yield frame


def _drain(graph: Any) -> Iterator[Any]:
    graph.push(None)
    yield from _pull_all(graph)
