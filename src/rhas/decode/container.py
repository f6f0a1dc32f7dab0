"""What a film's container holds, found without decoding more than one picture.

`inspect` reads the container once: size, rotation, pixel shape, the time of every picture, and
what a truncated file has lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from rhas.base.errors import RhasError

MAX_PIXELS = 8192 * 8192
"""Largest picture that is decoded; a header that claims more is taken for an error."""

_JOIN_S = 1.0
"""Clocks that go back by more begin again; muxers' slips are fractions of a picture."""

_CONTAINER_TOLERANCE_S = 0.25  # last audio packets often come without a duration
_DECLARES_DURATION = {"mov", "matroska", "avi", "flv", "asf"}  # in a header, not guessed


@dataclass(frozen=True)
class FilmInfo:
    """What a film's container says.

    Args:
        path: the file.
        codec: FFmpeg's name of the codec.
        stream: number of the video stream in the container.
        width, height: of the coded picture, in pixels, before rotation.
        pixel_aspect: width of a pixel over its height.
        rotation: degrees by which the picture is turned clockwise for display: 0, 90, 180, 270.
        rate: average pictures per second.
        time_base: seconds per tick.
        start: the first picture's time stamp in the container, in ticks.
        ticks: int64 (N,), time of every picture, rising from 0.
        last_ticks: duration of the last picture.
        by_order: the container gives no presentation times (AVI, raw streams): the pictures' order
            tells their times.
        missing: pictures that the container declares but does not hold (truncated).
        torn: pictures whose packet the container could not read whole; ascending indices.
        decord_could: nothing in the container speaks against reading by decord.
    """

    path: Path
    codec: str
    stream: int
    width: int
    height: int
    pixel_aspect: Fraction
    rotation: int
    rate: Fraction
    time_base: Fraction
    start: int
    ticks: np.ndarray
    last_ticks: int
    by_order: bool
    missing: int
    torn: tuple[int, ...]
    decord_could: bool

    @property
    def seconds(self) -> float:
        """Duration: the last picture's time plus its duration."""
        return float((int(self.ticks[-1]) + self.last_ticks) * self.time_base)

    def display_size(self) -> tuple[Fraction, Fraction]:
        """Width and height when shown: pixels made square by width, then turned."""
        width, height = self.width * self.pixel_aspect, Fraction(self.height)
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def fit_size(self, short_side: int) -> tuple[int, int]:
        """Width and height with the shorter side limited to ``short_side``, never enlarged."""
        width, height = self.display_size()
        scale = min(Fraction(1), short_side / min(width, height))
        half = Fraction(1, 2)
        return max(1, int(width * scale + half)), max(1, int(height * scale + half))


def inspect_film(path: Path) -> FilmInfo:
    """What the film holds; reads all packets, decodes one picture.

    Raises:
        RhasError: no file, an empty one, a Git LFS pointer, a text, not a film, a film without its
            index, without video, in an unknown codec, with a picture size above MAX_PIXELS, without
            any picture, or several films in one file, whose times begin again.
    """
    _check_file(path)
    try:
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise _unreadable_error(path, error) from error
    with container:
        return _inspect_container(path, container)


def _check_file(path: Path) -> None:
    where = str(path)
    if not path.exists():
        raise RhasError(
            "the film is missing", where=where, do="put the file there, or run `dvc repro prepare`"
        )
    if not path.is_file():
        raise RhasError(
            "not a file", where=where, expected="a film", do="name the film, not its folder"
        )
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise RhasError(
            "the film is empty", where=where, got="0 bytes", do="copy or download it again"
        )
    if head.startswith(b"version https://git-lfs"):
        raise RhasError(
            "a Git LFS pointer instead of the film it stands for",
            where=where,
            do="run `git lfs pull` where the film comes from, and copy it again",
        )
    if re.fullmatch(rb"[\t\n\f\r\x1b -~\x80-\xff]+", head):
        raise RhasError(
            "a text file, not a film",
            where=where,
            got=repr(head[:40].decode("utf-8", "replace")),
            do="replace it by the film; a download may have saved an error page instead",
        )


def _unreadable_error(path: Path, error: av.FFmpegError | OSError) -> RhasError:
    with path.open("rb") as file:
        head = file.read(12)
    size = f"{path.stat().st_size} bytes; FFmpeg: {error.strerror}"
    if head[4:8] == b"ftyp":
        return RhasError(
            "the film's index cannot be read: the file is truncated (an MP4 keeps its index at "
            "the end unless made for streaming), so none of its pictures can be found",
            where=str(path),
            got=size,
            do="copy or download it again",
        )
    return RhasError(
        "not a film that FFmpeg can read",
        where=str(path),
        got=size,
        do="copy or download it again; check that it plays in a player",
    )


def _inspect_container(path: Path, container: Any) -> FilmInfo:
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        others = ", ".join(s.type for s in container.streams) or "nothing"
        raise RhasError(
            "the file has no video", where=str(path), got=others, do="replace it by the film"
        )
    best = container.streams.best("video")
    stream = best if best in videos else videos[0]
    if stream.codec_context is None:
        raise RhasError(
            "the film is encrypted, or in a codec that FFmpeg does not know",
            where=str(path),
            do="convert it to H.264 with the player that shows it",
        )
    _check_size(path, stream.width, stream.height)
    configure_stream(stream)
    packets = _Packets(stream)
    broken = ""
    try:
        for packet in container.demux():
            packets.add(packet)
    except av.FFmpegError as error:
        broken = str(error)
    if packets.first is None:
        raise RhasError(
            "no picture of the film can be decoded",
            where=str(path),
            expected=f"{stream.codec_context.name} pictures",
            got=broken or f"{len(packets.pts)} packets",
            do="copy or download it again",
        )
    formats = set(container.format.name.split(","))
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    by_order = "avi" in formats or None in packets.pts
    _check_clock(path, packets, stream.time_base, by_order)
    start, ticks, torn, last_ticks, time_base = packets.index_pictures(
        stream.time_base, rate, by_order
    )
    if "mov" in formats and stream.duration and ticks[-1] < stream.duration:
        # A packet's duration is the gap in decoding order, too long before a reordered picture.
        last_ticks = min(last_ticks, stream.duration - int(ticks[-1]))
    turn = -packets.first.rotation % 360
    rotation = round(turn / 90) * 90
    sides = (packets.first.width, packets.first.height)
    return FilmInfo(
        path=path,
        codec=stream.codec_context.codec.canonical_name,
        stream=stream.index,
        width=sides[0],
        height=sides[1],
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        rotation=rotation % 360,
        rate=rate,
        time_base=time_base,
        start=start,
        ticks=ticks,
        last_ticks=last_ticks,
        by_order=by_order,
        missing=_count_missing(container, stream, packets, formats, rate),
        torn=torn,
        decord_could=(
            len(container.streams.video) == 1
            and not by_order
            and not broken
            and turn in (0, 180)  # by 90 or 270 it turns into four channels and garbled pixels
            and sides == (stream.width, stream.height)
        ),
    )


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise RhasError(
            "the film claims pictures too large to be true",
            where=str(path),
            expected=f"at most {MAX_PIXELS} pixels",
            got=f"{width} x {height}",
            do="its header is damaged, or scale the film down first",
        )


def _check_clock(path: Path, packets: _Packets, time_base: Fraction, by_order: bool) -> None:
    """Pictures of one time would stand for each other, and those of later films be left out."""
    stamps = [stamp for stamp in packets.dts if stamp is not None]
    falls = [n for n, (a, b) in enumerate(pairwise(stamps), 1) if (a - b) * time_base > _JOIN_S]
    if falls and not by_order:
        raise RhasError(
            "the film's times begin again: several films in one file, end to end",
            where=str(path),
            got=f"after picture {falls[0]} of {len(stamps)}"
            + (f", and {len(falls) - 1} times more" if falls[1:] else ""),
            do="join them so that the times go on: `ffmpeg -i FILM -c copy NEW.mkv`, "
            "or give each part as a film of its own",
        )


def configure_stream(stream: Any) -> None:
    """Before decoding. One thread: films run in parallel, pictures do not."""
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}


def _is_shown(codec: str, packet: Any) -> bool:
    """False for VP8 and VP9 packets with a reference picture that is never shown."""
    if codec not in ("vp8", "vp9"):
        return True
    data = memoryview(packet)
    if codec == "vp8":
        return bool(data[0] & 0x10)
    superframe = data[-1] & 0xE0 == 0xC0
    return superframe or bool(data[0] & 0x0A)  # show_existing_frame or show_frame


class _Packets:
    """The packets of one video stream, in file order, and where the other streams end."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.codec = stream.codec_context.codec.canonical_name
        self.pts: list[int | None] = []
        self.dts: list[int | None] = []
        self.durations: list[int] = []
        self.torn: list[bool] = []
        self.end_s = 0.0
        self.first: Any = None

    def add(self, packet: Any) -> None:
        moment = packet.dts if packet.pts is None else packet.pts
        if moment is None and not packet.size:  # the end: a decoder gives what it held back
            if packet.stream is self.stream and self.first is None:
                self._decode_first(packet)
            return
        if moment is not None:
            end = (moment + (packet.duration or 0)) * packet.time_base
            self.end_s = max(self.end_s, float(end))
        if packet.stream is not self.stream or not packet.size:
            return
        if self.first is None:
            self._decode_first(packet)
        if packet.is_discard or not _is_shown(self.codec, packet):
            return
        self.pts.append(packet.pts)
        self.dts.append(packet.dts)
        self.durations.append(packet.duration or 0)
        self.torn.append(packet.is_corrupt)

    def _decode_first(self, packet: Any) -> None:
        try:
            self.first = next(iter(packet.decode()), None)
        except av.FFmpegError:
            return  # reading the pictures will count it

    def index_pictures(
        self, time_base: Fraction, rate: Fraction, by_order: bool
    ) -> tuple[int, np.ndarray, tuple[int, ...], int, Fraction]:
        """First stamp, ticks from it, torn pictures, duration of the last, seconds per tick."""
        raw = self.dts if by_order else self.pts
        if None in raw:
            count, torn = len(raw), tuple(np.flatnonzero(self.torn).tolist())
            return 0, np.arange(count, dtype=np.int64), torn, 1, 1 / rate
        stamps = np.asarray(raw, np.int64)
        ticks, first = np.unique(stamps, return_index=True)
        torn = tuple(np.flatnonzero(np.asarray(self.torn)[first]).tolist())
        last = self.durations[first[-1]] or max(1, round(1 / (rate * time_base)))
        return int(ticks[0]), ticks - ticks[0], torn, last, time_base


def _count_missing(
    container: Any, stream: Any, packets: _Packets, formats: set[str], rate: Fraction
) -> int:
    """Pictures that the container declares but does not hold.

    A truncated file ends early in all of its streams; one whose sound alone is longer does not.
    """
    if not formats & _DECLARES_DURATION or not container.duration:
        return 0
    declared_s = container.duration / av.time_base
    if "avi" in formats:  # that duration is a guess from the file's size; a tick is a picture
        declared_s = float(stream.frames * stream.time_base)
    tolerance_s = float(1.5 / rate) if "mov" in formats else _CONTAINER_TOLERANCE_S
    shortfall_s = declared_s - packets.end_s
    if shortfall_s <= tolerance_s:
        return 0
    if stream.frames and "avi" not in formats:  # where a picture may be a packet of no bytes
        return max(0, stream.frames - len(packets.pts))
    return round(shortfall_s * rate)
