"""What a film's container holds, found without decoding more than one picture.

`inspect` reads the container once: size, rotation, pixel shape, the time of every picture, and
what a truncated file has lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from rhas.base.errors import RhasError
from rhas.decode.encryption import (
    encryption_error,
    is_encrypted_file,
    is_encrypted_packet,
    is_encrypted_stream,
)
from rhas.decode.orientation import Orientation, read_orientation
from rhas.decode.packets import Message, Packets, capture_errors
from rhas.decode.tones import Transfer, find_transfer

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
        orientation: how the picture is turned and mirrored for display.
        rate: average pictures per second.
        time_base: seconds per tick.
        start: the first picture's time stamp in the container, in ticks.
        ticks: int64 (N,), time of every picture, rising from 0.
        last_ticks: duration of the last picture.
        by_order: the container gives no presentation times (AVI, raw streams): the pictures' order
            tells their times.
        missing: pictures that the container declares but does not hold at its end (truncated).
        doubtful: pictures that may not decode: their packet looks damaged, or they come before the
            first key picture; ascending indices.
        before_key: pictures before the first key picture.
        marks_keys: the container tells which pictures are key pictures.
        holes: the picture after each hole in the middle, and how many are lost in it.
        repeated: pictures that share their time with another, of which one is shown.
        untimed: pictures without a time, where others have one; they are not shown.
        last_key: the last key picture.
        open_ended: the container does not tell where the film ends; its last picture may be cut.
        interlaced: the first picture is of two fields.
        transfer: ``pq`` or ``hlg`` of an HDR film.
        decord_could: nothing in the container speaks against reading by decord.
    """

    path: Path
    codec: str
    stream: int
    width: int
    height: int
    pixel_aspect: Fraction
    orientation: Orientation
    rate: Fraction
    time_base: Fraction
    start: int
    ticks: np.ndarray
    last_ticks: int
    by_order: bool
    missing: int
    doubtful: tuple[int, ...]
    before_key: int
    marks_keys: bool
    holes: tuple[tuple[int, int], ...]
    repeated: int
    untimed: int
    last_key: int
    open_ended: bool
    interlaced: bool
    transfer: Transfer
    decord_could: bool

    @property
    def seconds(self) -> float:
        """Duration: the last picture's time plus its duration."""
        return float((int(self.ticks[-1]) + self.last_ticks) * self.time_base)

    @property
    def rotation(self) -> int:
        """Degrees by which the picture is turned clockwise for display: 0, 90, 180, 270."""
        return self.orientation.rotation

    @property
    def lost(self) -> int:
        """Pictures that are not in the file, at its end or in its middle."""
        return self.missing + sum(lost for _, lost in self.holes)

    @property
    def turned_size(self) -> tuple[int, int]:
        """Width and height of the picture in its own pixels, turned for display."""
        size = (self.width, self.height)
        return size[::-1] if self.rotation in (90, 270) else size

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
    with capture_errors() as messages:
        try:
            container = av.open(str(path.absolute()), metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:
            raise _unreadable_error(path, error) from error
        with container:
            return _inspect_container(path, container, messages)


def inspect_once(path: Path) -> FilmInfo:
    """`inspect_film`, whose result is kept as long as the file does not change.

    Raises:
        RhasError: see `inspect_film`.
    """
    try:
        state = path.stat()
    except OSError:
        return inspect_film(path)  # tells what is wrong
    found = _inspect_cached(path, state.st_mtime_ns, state.st_size)
    if isinstance(found, RhasError):
        raise found
    return found


@lru_cache(maxsize=1024)
def _inspect_cached(path: Path, changed: int, size: int) -> FilmInfo | RhasError:
    try:
        return inspect_film(path)
    except RhasError as error:
        return error


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
    raw = head.startswith(b"YUV4MPEG2")  # a line of text, then pictures without compression
    if re.fullmatch(rb"[\t\n\f\r\x1b -~\x80-\xff]+", head) and not raw:
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


def _inspect_container(path: Path, container: Any, messages: list[Message]) -> FilmInfo:
    stream = _choose_stream(path, container)
    _check_size(path, stream.width, stream.height)
    configure_stream(stream)
    packets = Packets(stream, container.format.name, messages)
    broken = ""
    try:
        for packet in container.demux():
            if packet.stream is stream and is_encrypted_packet(packet):
                raise encryption_error(path)
            packets.add(packet)
    except av.FFmpegError as error:
        broken = str(error)
    if packets.first is None and is_encrypted_file(path):
        raise encryption_error(path)
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
    by_order = "avi" in formats or packets.pts.count(None) > len(packets.pts) / 2
    _check_clock(path, packets, stream.time_base, by_order)
    times = packets.find_times(stream.time_base, rate, by_order)
    ticks, last_ticks = times.ticks, times.last_ticks
    untimed = 0 if by_order else packets.pts.count(None)
    if "mov" in formats and stream.duration and ticks[-1] < stream.duration:
        # A packet's duration is the gap in decoding order, too long before a reordered picture.
        last_ticks = min(last_ticks, stream.duration - int(ticks[-1]))
    orientation = read_orientation(packets.first)
    transfer = find_transfer(packets.first.color_trc)
    sides = (packets.first.width, packets.first.height)
    return FilmInfo(
        path=path,
        codec=stream.codec_context.codec.canonical_name,
        stream=stream.index,
        width=sides[0],
        height=sides[1],
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        orientation=orientation,
        rate=rate,
        time_base=times.time_base,
        start=times.start,
        ticks=ticks,
        last_ticks=last_ticks,
        by_order=by_order,
        missing=_count_missing(container, stream, packets, formats, rate),
        doubtful=times.doubtful,
        before_key=times.before_key,
        marks_keys=any(packets.keys),
        holes=times.holes,
        repeated=len(packets.pts) - untimed - len(ticks),
        untimed=untimed,
        last_key=times.last_key,
        open_ended=not formats & _DECLARES_DURATION,
        interlaced=packets.first.interlaced_frame,
        transfer=transfer,
        decord_could=(
            len(container.streams.video) == 1
            and not by_order
            and not broken
            and not times.holes
            and not packets.first.interlaced_frame
            and transfer == "sdr"
            and not orientation.mirrored
            and not orientation.tilt
            and orientation.rotation in (0, 180)  # else four channels and garbled pixels
            and sides == (stream.width, stream.height)
        ),
    )


def _choose_stream(path: Path, container: Any) -> Any:
    """The video stream that players show."""
    covers = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
    videos = [s for s in container.streams.video if s not in covers]
    if not videos:
        if is_encrypted_file(path):
            raise encryption_error(path)
        others = ["cover picture" if s in covers else s.type for s in container.streams]
        raise RhasError(
            "the file has no video" + (" but a cover picture" if covers else ""),
            where=str(path),
            got=", ".join(others) or "nothing",
            do="replace it by the film",
        )
    best = container.streams.best("video")
    stream = best if best in videos else videos[0]
    if is_encrypted_stream(stream):
        raise encryption_error(path)
    if stream.codec_context is None:
        raise RhasError(
            "the film is encrypted, or in a codec that FFmpeg does not know",
            where=str(path),
            do="convert it to H.264 with the player that shows it",
        )
    return stream


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise RhasError(
            "the film claims pictures too large to be true",
            where=str(path),
            expected=f"at most {MAX_PIXELS} pixels",
            got=f"{width} x {height}",
            do="its header is damaged, or scale the film down first",
        )


def _check_clock(path: Path, packets: Packets, time_base: Fraction, by_order: bool) -> None:
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


def _count_missing(
    container: Any, stream: Any, packets: Packets, formats: set[str], rate: Fraction
) -> int:
    """Pictures that the container declares but does not hold.

    A truncated file ends early in all of its streams; one whose sound alone is longer does not.
    """
    if not formats & _DECLARES_DURATION or not container.duration:
        return 0
    declared_s = container.duration / av.time_base
    if "avi" in formats:  # that duration is a guess from the file's size
        count = stream.frames - len(packets.pts) - packets.empty
        return count if count > 1 else 0
    tolerance_s = float(1.5 / rate) if "mov" in formats else _CONTAINER_TOLERANCE_S
    shortfall_s = declared_s - packets.end_s
    if shortfall_s <= tolerance_s:
        return 0
    if stream.frames:
        return max(0, stream.frames - len(packets.pts))
    return round(shortfall_s * rate)
