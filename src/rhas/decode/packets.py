"""The packets of a film's video stream, and what they tell about lost pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.logging
import numpy as np

_NEAR = 32
"""Packets before and after a place of damage in which its gap lies: more than pictures are held
back to be reordered."""
_ZEROS = bytes(8)  # no coded picture begins so; a hole in a file does
_CONSTANT_RATE = {"mpeg1video", "mpeg2video"}
_OBU_TYPES = {1, 2, 3, 4, 5, 6, 7, 8, 15}
_BEGINNINGS: dict[str, Callable[[bytes], bool]] = {
    "av1": lambda data: not data[0] & 0x81 and data[0] >> 3 & 15 in _OBU_TYPES,
    "mjpeg": lambda data: data[:2] == b"\xff\xd8",
    "mpeg1video": lambda data: data[:3] == b"\0\0\1",
    "mpeg2video": lambda data: data[:3] == b"\0\0\1",
    "mpeg4": lambda data: data[:3] == b"\0\0\1",
    "prores": lambda data: data[4:8] == b"icpf",
    "vp9": lambda data: data[0] >> 6 == 2,
}
"""Whether bytes are how a coded picture begins, by codec."""


Message = tuple[int, str, str]
"""Level, component and text of what FFmpeg logs."""


class Times(NamedTuple):
    """When the pictures are shown.

    Args:
        start: the first picture's time stamp, in ticks.
        ticks: int64 (N,), rising from 0.
        last_ticks: duration of the last picture.
        time_base: seconds per tick.
        doubtful: pictures whose packet looks damaged, or before the first key picture.
        before_key: pictures before the first key picture.
        last_key: the last key picture; 0 without one.
        holes: the picture after each hole in the film, and how many are lost in it.
    """

    start: int
    ticks: np.ndarray
    last_ticks: int
    time_base: Fraction
    doubtful: tuple[int, ...]
    before_key: int
    last_key: int
    holes: tuple[tuple[int, int], ...]


class Packets:
    """The packets of one video stream, in file order, and where the other streams end.

    Args:
        stream: of the film, ready to decode.
        demuxer: FFmpeg's name of the container's format.
        messages: FFmpeg's error messages since the last packet, see `capture_errors`.
    """

    def __init__(self, stream: Any, demuxer: str, messages: list[Message]) -> None:
        self.stream = stream
        self.demuxer = demuxer
        self.messages = messages
        self.codec = stream.codec_context.codec.canonical_name
        self.unit_bytes = _read_unit_bytes(self.codec, stream.codec_context.extradata)
        self.pts: list[int | None] = []
        self.dts: list[int | None] = []
        self.durations: list[int] = []
        self.keys: list[bool] = []
        self.damaged: list[bool] = []
        self.breaks: list[int] = []
        self.empty = 0
        self.end_s = 0.0
        self.first: Any = None

    def add(self, packet: Any) -> None:
        """Takes the next packet of any stream."""
        if any(name == self.demuxer for _, name, _ in self.messages):
            self.breaks.append(len(self.pts))
        self.messages.clear()
        moment = packet.dts if packet.pts is None else packet.pts
        if moment is None and not packet.size:  # the end: a decoder gives what it held back
            if packet.stream is self.stream and self.first is None:
                self._decode_first(packet)
            return
        if moment is not None:
            end = (moment + (packet.duration or 0)) * packet.time_base
            self.end_s = max(self.end_s, float(end))
        if packet.stream is not self.stream:
            return
        if not packet.size:
            self.empty += 1
            return
        if self.first is None:
            self._decode_first(packet)
        if packet.is_discard or not is_shown(self.codec, packet):
            return
        if packet.is_corrupt or moment is None:
            self.breaks.append(len(self.pts))
        self.pts.append(packet.pts)
        self.dts.append(packet.dts)
        self.durations.append(packet.duration or 0)
        self.keys.append(packet.is_keyframe)
        self.damaged.append(packet.is_corrupt or self._is_damaged(packet))

    def _decode_first(self, packet: Any) -> None:
        try:
            self.first = next(iter(packet.decode()), None)
        except av.FFmpegError:
            return  # reading the pictures will count it

    def _is_damaged(self, packet: Any) -> bool:
        """Whether a packet's bytes cannot be a picture; where in doubt, decoding will tell."""
        data = memoryview(packet)
        if self.unit_bytes:
            return not _has_whole_units(data, self.unit_bytes)
        begin = bytes(data[:8])
        if self.codec == "rawvideo" or len(begin) < 8:
            return False
        return begin == _ZEROS or not _BEGINNINGS.get(self.codec, bool)(begin)

    def find_times(self, time_base: Fraction, rate: Fraction, by_order: bool) -> Times:
        """Times of all pictures.

        Args:
            rate: pictures per second.
            by_order: pictures follow each other in file order.
        """
        raw = self.dts if by_order else self.pts
        keys, damaged = np.asarray(self.keys), np.asarray(self.damaged)
        timed = np.asarray([stamp is not None for stamp in raw])
        if by_order and not timed.all():
            ticks = np.arange(len(raw), dtype=np.int64)
            before_key = _count_before_key(keys)
            doubtful = _find_doubtful(before_key, damaged)
            return Times(0, ticks, 1, 1 / rate, doubtful, before_key, _find_last_key(keys), ())
        stamps = np.asarray([stamp for stamp in raw if stamp is not None], np.int64)
        keys, damaged = keys[timed], damaged[timed]
        ticks, first = np.unique(stamps, return_index=True)
        durations = np.asarray(self.durations)[timed]
        last = int(durations[first[-1]]) or max(1, round(1 / (rate * time_base)))
        start, before_key = int(ticks[0]), _count_before_key(keys[first])
        doubtful = _find_doubtful(before_key, damaged[first])
        breaks = [int(timed[:place].sum()) for place in self.breaks]
        holes = self._find_holes(stamps, ticks, breaks)
        last_key = _find_last_key(keys[first])
        return Times(start, ticks - start, last, time_base, doubtful, before_key, last_key, holes)

    def _find_holes(
        self, stamps: np.ndarray, ticks: np.ndarray, breaks: Sequence[int]
    ) -> tuple[tuple[int, int], ...]:
        """Gaps near places of damage that are longer than usual; the mean step tells their size.

        Where a small file was read ahead, the place is unknown, and can be anywhere.

        Args:
            stamps: of the packets, in file order.
            ticks: the same, rising, each once.
            breaks: indices into ``stamps``.
        """
        gaps = np.diff(ticks)
        anywhere = 0 in self.breaks or self.codec in _CONSTANT_RATE
        near = np.full(len(gaps), anywhere)
        for place in breaks:
            around = stamps[max(0, place - _NEAR) : place + _NEAR]
            if len(around):
                low, high = np.searchsorted(ticks, [around.min(), around.max()])
                near[low:high] = True
        if not near.any():
            return ()
        usual = gaps if near.all() else gaps[~near]
        longest = 1.5 * np.percentile(usual, 95 if near.all() else 99, method="lower")
        step = usual[usual <= longest].mean()
        return tuple(
            (int(n) + 1, lost)
            for n in np.flatnonzero(near & (gaps > longest))
            if (lost := round(gaps[n] / step) - 1)
        )


def _count_before_key(keys: np.ndarray) -> int:
    """Pictures before the first key picture; 0 where none is marked as one."""
    return int(keys.argmax()) if keys.any() else 0


def _find_last_key(keys: np.ndarray) -> int:
    """The last key picture; 0 where none is marked as one."""
    return int(np.flatnonzero(keys).max(initial=0))


def _find_doubtful(before_key: int, damaged: np.ndarray) -> tuple[int, ...]:
    """Indices of pictures, in order of presentation."""
    return tuple(np.flatnonzero(damaged | (np.arange(len(damaged)) < before_key)).tolist())


def _read_unit_bytes(codec: str, extradata: bytes | None) -> int:
    """Bytes of the size that stands before each unit of a packet in MP4 and Matroska; 0: none."""
    if codec not in ("h264", "hevc") or not extradata or extradata[0] != 1:
        return 0
    place = 4 if codec == "h264" else 21
    return 1 + (extradata[place] & 3) if len(extradata) > place else 0


def _has_whole_units(data: memoryview, unit_bytes: int) -> bool:
    place = 0
    while place + unit_bytes <= len(data):
        size = int.from_bytes(data[place : place + unit_bytes], "big")
        place += unit_bytes + size
        if not size or place > len(data):
            return False
    return True


def is_shown(codec: str, packet: Any) -> bool:
    """False for VP8 and VP9 packets with a reference picture that is never shown."""
    if codec not in ("vp8", "vp9"):
        return True
    data = memoryview(packet)
    if codec == "vp8":
        return bool(data[0] & 0x10)
    if data[0] >> 6 != 2:
        return True  # no VP9: damaged
    superframe = data[-1] & 0xE0 == 0xC0
    return superframe or bool(data[0] & 0x0A)  # show_existing_frame or show_frame


@contextmanager
def capture_errors() -> Iterator[list[Message]]:
    """Errors that FFmpeg logs meanwhile in this thread."""
    level, repeated = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as messages:
            yield messages
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(repeated)
