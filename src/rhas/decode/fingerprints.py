"""What tells copies of a film: its packets, and small pictures of it.

A film that was copied into another container, or cut without encoding, keeps the bytes of its
packets. One that was encoded anew keeps its pictures: here upright, in grey, of P = SIDE × SIDE
pixels. Times are seconds from the film's first picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import av
import numpy as np

from rhas.decode.container import FilmInfo, configure_stream
from rhas.decode.images import make_converter

SIDE = 24
_TAIL_BYTES = 64  # of a packet; its beginning, and zeros behind it, depend on the container
_MIN_BYTES = 150  # of a packet that is told from others by its end
_KEY_DISTANCE_S = 0.5  # every picture of some codecs is a key picture


class SmallPictures(NamedTuple):
    """float64 (n,), ascending, and float32 (n, P), 0 to 255."""

    seconds: np.ndarray
    pictures: np.ndarray


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a film.

    Args:
        film: what its container holds.
        tails: uint64 (N,), digests of the ends of its larger packets.
        tail_seconds: float64 (N,).
        keys: its key pictures, half a second apart at least.
    """

    film: FilmInfo
    tails: np.ndarray
    tail_seconds: np.ndarray
    keys: SmallPictures


def read_fingerprint(film: FilmInfo) -> Fingerprint:
    """Reads all packets of a film and decodes its key pictures."""
    tails: list[tuple[int, float]] = []
    keys: list[tuple[float, np.ndarray]] = []
    shrink = make_converter(film, SIDE, SIDE)
    with av.open(str(film.path.absolute()), metadata_errors="replace") as container:
        stream = container.streams[film.stream]
        configure_stream(stream)
        stream.codec_context.skip_frame = "NONKEY"
        for packet in _demux(container, stream):
            seconds = _find_seconds(packet, film)
            if seconds is not None and packet.size >= _MIN_BYTES:
                tails.append((_hash_tail(packet), seconds))
            if packet.size and not packet.is_keyframe:
                continue
            for frame in _decode(packet):
                at = _find_seconds(frame, film)
                if at is not None and (not keys or at - keys[-1][0] >= _KEY_DISTANCE_S):
                    keys.append((at, shrink(frame).mean(-1).ravel()))
    return Fingerprint(
        film,
        np.array([tail for tail, _ in tails], np.uint64),
        np.array([seconds for _, seconds in tails]),
        _stack_pictures(keys),
    )


def read_small_pictures(
    film: FilmInfo, windows: Sequence[tuple[float, float]]
) -> list[SmallPictures]:
    """The pictures of each window: from its start to its stop, the first one at least."""
    shrink = make_converter(film, SIDE, SIDE)
    with av.open(str(film.path.absolute()), metadata_errors="replace") as container:
        stream = container.streams[film.stream]
        configure_stream(stream)
        return [_read_window(container, stream, film, shrink, *window) for window in windows]


def _read_window(
    container: Any,
    stream: Any,
    film: FilmInfo,
    shrink: Callable[[Any], np.ndarray],
    start_s: float,
    stop_s: float,
) -> SmallPictures:
    container.seek(film.start + int(start_s / film.time_base), stream=stream)
    found: list[tuple[float, np.ndarray]] = []
    slip = 0.5 / float(film.rate)
    for packet in _demux(container, stream):
        for frame in _decode(packet):
            at = _find_seconds(frame, film)
            if at is None or at < start_s - slip:
                continue
            if found and at > stop_s:
                return _stack_pictures(found)
            found.append((at, shrink(frame).mean(-1).ravel()))
    return _stack_pictures(found)


def _stack_pictures(found: Sequence[tuple[float, np.ndarray]]) -> SmallPictures:
    pictures = np.array([picture for _, picture in found], np.float32)
    return SmallPictures(
        np.array([at for at, _ in found]), pictures.reshape(len(found), SIDE * SIDE)
    )


def _demux(container: Any, stream: Any) -> Iterator[Any]:
    """Packets as far as the container can be read."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return


def _decode(packet: Any) -> list[Any]:
    """The frames of a packet; none where it is damaged."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _find_seconds(timed: Any, film: FilmInfo) -> float | None:
    """When a packet or frame is shown; AVI tells when it is decoded."""
    stamp = timed.dts if timed.pts is None else timed.pts
    return None if stamp is None else float((stamp - film.start) * film.time_base)


def _hash_tail(packet: Any) -> int:
    tail = bytes(memoryview(packet)[-2 * _TAIL_BYTES :]).rstrip(b"\0")[-_TAIL_BYTES:]
    return int.from_bytes(hashlib.blake2b(tail, digest_size=8).digest(), "little")
