"""The pictures of a film in order, by decord or by PyAV.

`read_pictures` yields exactly one `Picture` for each time that the container tells
(`rhas.decode.container`), turned upright, with square pixels, at the wanted size.

decord, where it is installed, reads first. Its pictures are used only where their times agree
with the container's packets and its decoder logs no error; else `ReaderDistrusted` is raised and
PyAV reads the film from its start. Only PyAV reports a lost picture.

Neither reader survives a fork: call from the process that reads.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import itertools
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import av
import numpy as np

from rhas.decode.container import FilmInfo, configure_stream
from rhas.decode.images import deinterlace, make_converter

Reader = Literal["decord", "pyav"]

DECORD_QUEUE_BYTES = 2 << 30
"""decord's queue has no bound: a film that could fill more than this is read by PyAV."""

_TIME_TOLERANCE_S = 0.002  # decord keeps times as float32
_SEEK_S = 3.0  # seconds by which seeking may miss a picture
_AV_LOG_ERROR = 16
_KNOWS_REFERENCES = {"h264", "hevc"}
"""Codecs whose decoder tells which pictures rest on lost ones; others show them damaged."""


class ReaderDistrusted(Exception):
    """decord cannot read the film, or what it says does not agree with the container."""


class Picture(NamedTuple):
    """One source picture: its time in ticks from the film's first picture, and its pixels.

    ``rgb()`` gives uint8 (height, width, 3); it converts on demand, so that unused pictures cost
    no conversion. None: the picture is lost.
    """

    tick: int
    rgb: Callable[[], np.ndarray] | None


def list_readers(info: FilmInfo, width: int, height: int) -> tuple[Reader, ...]:
    """The readers to try, in order. decord has no wheels for some platforms (docs/PLATFORMS.md)."""
    queue = len(info.ticks) * width * height * 3 + info.path.stat().st_size
    sound = info.decord_could and not info.doubtful
    if sound and queue <= DECORD_QUEUE_BYTES and _decord_installed():
        return ("decord", "pyav")
    return ("pyav",)


def _decord_installed() -> bool:
    return importlib.util.find_spec("decord") is not None


def read_pictures(info: FilmInfo, reader: Reader, width: int, height: int) -> Iterator[Picture]:
    """One `Picture` for each of ``info.ticks``, in order, ``width`` × ``height`` pixels.

    Raises:
        ReaderDistrusted: only by "decord"; perhaps after some pictures.
    """
    return (_read_with_decord if reader == "decord" else _read_with_pyav)(info, width, height)


def _read_with_decord(info: FilmInfo, width: int, height: int) -> Iterator[Picture]:
    import decord

    with _decoder_errors() as errors:
        try:
            # A tolerance below one picture: repeating one in place of a lost one raises.
            film = decord.VideoReader(
                str(info.path.absolute()),
                width=width,
                height=height,
                num_threads=1,
                fault_tol=1e-9,
            )
            stamps = film.get_frame_timestamp(list(range(len(film))))[:, 0].astype(np.float64)
        except Exception as error:  # whatever it is: PyAV reads the film then
            raise ReaderDistrusted(str(error)) from error
        times = info.ticks * float(info.time_base)
        if (
            len(stamps) != len(times)
            or np.abs(stamps - stamps[0] - times).max() > _TIME_TOLERANCE_S
        ):
            raise ReaderDistrusted("its picture times are not those of the packets")
        for tick in info.ticks.tolist():
            try:
                frame = film.next()
            except Exception as error:
                raise ReaderDistrusted(str(error)) from error
            if errors:
                raise ReaderDistrusted("its decoder found damage")
            if frame.shape != (height, width, 3):
                raise ReaderDistrusted(f"its pictures are {frame.shape}")
            yield Picture(tick, frame.asnumpy)


def find_lost(info: FilmInfo) -> list[int]:
    """Pictures of ``info.ticks`` that cannot be decoded.

    Decodes the film with PyAV: all of it, or where nothing else is doubtful the pictures before the
    first key picture, and those from the last one on where the container tells no end.
    """
    if info.lost or any(k >= info.before_key for k in info.doubtful) or info.by_order:
        return _find_lost_between(info, 0, len(info.ticks))
    lost = _find_lost_between(info, 0, info.before_key)
    if info.open_ended:
        lost += _find_lost_between(info, max(info.last_key, info.before_key), len(info.ticks))
    return lost


def _find_lost_between(info: FilmInfo, first: int, stop: int) -> list[int]:
    pictures = _read_with_pyav(info, info.width, info.height, first)
    numbered = enumerate(itertools.islice(pictures, stop - first), first)
    return [k for k, picture in numbered if picture.rgb is None]


def _read_with_pyav(info: FilmInfo, width: int, height: int, first: int = 0) -> Iterator[Picture]:
    """The pictures from ``first``, a key picture, on."""
    ticks = info.ticks.tolist()
    index = {tick + info.start: k for k, tick in enumerate(ticks)}
    convert = make_converter(info, width, height)
    position = first
    with av.open(str(info.path.absolute()), metadata_errors="replace") as container:
        stream = container.streams[info.stream]
        configure_stream(stream)
        if first:
            before = round(_SEEK_S / float(info.time_base))
            container.seek(max(0, info.start + ticks[first] - before), stream=stream)
        frames = _decode_packets(container, stream)
        if info.codec not in _KNOWS_REFERENCES:
            holes = {info.start + ticks[k] for k, _ in info.holes}
            frames = _until_key_frame(frames, holes, broken=info.marks_keys)
        if info.interlaced:
            frames = deinterlace(frames)
        for frame in frames:
            found = position
            if not info.by_order:
                found = -1 if frame is None else index.get(frame.pts, -1)
            if not position <= found < len(ticks):
                continue  # not one picture of the index: the second field of one, a repeated stamp
            yield from (Picture(tick, None) for tick in ticks[position:found])
            intact = frame is not None and not frame.is_corrupt
            yield Picture(ticks[found], functools.partial(convert, frame) if intact else None)
            position = found + 1
    yield from (Picture(tick, None) for tick in ticks[position:])


def _decode_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames in order of presentation, None where a packet cannot be decoded."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # the container ends here
            packet = None
        if packet is None:
            return
        if packet.is_corrupt:
            yield None
            continue
        try:
            yield from packet.decode()
        except av.FFmpegError:
            yield None


def _until_key_frame(frames: Iterator[Any], holes: Collection[int], broken: bool) -> Iterator[Any]:
    """None from a loss to the next key frame: what is shown there rests on pictures that are lost.

    Args:
        holes: time stamps of frames before which frames are missing.
        broken: frames are missing before the first one, unless it is a key frame.
    """
    for frame in frames:
        broken |= frame is None or frame.is_corrupt or frame.pts in holes
        if broken and frame is not None and frame.key_frame and not frame.is_corrupt:
            broken = False
        yield None if broken else frame


@contextmanager
def _decoder_errors() -> Iterator[list[str]]:
    """Errors that decord's FFmpeg logs meanwhile: damaged pictures show in its log alone.

    Counts for the whole process: two films read by threads of one process share their errors.
    """
    libavutil, hook = _load_libavutil()
    _errors.clear()
    libavutil.av_log_set_callback(hook)
    try:
        yield _errors
    finally:
        libavutil.av_log_set_callback(libavutil.av_log_default_callback)


_errors: list[str] = []


@functools.cache
def _load_libavutil() -> tuple[Any, Any]:
    """decord's own libavutil and a log callback that lives as long as the process."""
    import decord

    package = Path(decord.__file__).parent  # wheels for Linux, macOS and Windows differ
    patterns = "../decord.libs/libavutil*", ".dylibs/libavutil*", "avutil-*.dll"
    found = [path for pattern in patterns for path in sorted(package.glob(pattern))]
    if not found:
        raise ReaderDistrusted("this build of decord does not show what its decoder says")

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    def hook(source: int, level: int, text: bytes, values: int) -> None:
        if level <= _AV_LOG_ERROR:
            _errors.append(text.decode("utf-8", "replace"))

    library = ctypes.CDLL(str(found[0]))
    library.av_log_set_callback.argtypes = [ctypes.c_void_p]
    return library, hook
