"""What decode refuses of a film, and what it takes with a warning.

decode, check, import and segment ask here, so that they say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.formatting import format_duration
from rhas.config.decode import DecodeConfig
from rhas.decode.container import FilmInfo
from rhas.decode.reading import find_lost
from rhas.stores.frames import MAX_ELONGATION

_MAX_ASPECT = 4
"""Pixels are at most 2 times as wide as high in any format; beyond twice that it is an error."""


_MAX_GAP_S = 6 * 3600


class FilmFinding(NamedTuple):
    """Something odd about a film.

    Args:
        kind: what it is about.
        refused: decode raises ``error``; else a warning.
        error: what, where, expected, got, and what to do.
    """

    kind: Literal["damage", "shape", "clock", "gap", "times"]
    refused: bool
    error: RhasError


def refuse_film(film: FilmInfo, movie: str, config: DecodeConfig) -> None:
    """Raises what is known to be wrong before the pictures are decoded.

    Raises:
        RhasError: see `judge_film`.
    """
    for finding in _judge_container(film, movie, config, counts_all=False):
        if finding.refused:
            raise finding.error


def judge_film(film: FilmInfo, movie: str, config: DecodeConfig) -> list[FilmFinding]:
    """Everything odd about a film, that which is refused first.

    Decodes the film where its container gives reason to doubt pictures. Damage within packets that
    look sound is found by decode alone.
    """
    findings = list(_judge_container(film, movie, config, counts_all=True))
    doubted = film.doubtful or film.open_ended
    if doubted and not film.lost and (lost := find_lost(film)):
        findings.append(_judge_damage(film, movie, lost, config))
    return sorted(findings, key=lambda finding: not finding.refused)


def _judge_container(
    film: FilmInfo, movie: str, config: DecodeConfig, *, counts_all: bool
) -> Iterator[FilmFinding]:
    """What packets and metadata tell; without ``counts_all`` a loss that is not refused is left to
    whoever decodes the film anyway."""
    where = f"{film.path} (movie {movie})"
    if error := _find_shape_error(film, where, config):
        yield FilmFinding("shape", True, error)
    if film.lost and (counts_all or config.damaged == "error"):
        cut_off = not (film.doubtful or film.holes or film.by_order)  # truncated, and no more
        lost = [] if cut_off else find_lost(film)
        yield _judge_damage(film, movie, lost, config)
    if error := _find_time_error(film, where):
        yield FilmFinding("clock", True, error)
    elif error := _find_gap(film, where, config):
        yield FilmFinding("gap", config.gaps == "error", error)
    if film.repeated:
        yield FilmFinding("times", False, RhasError(
            f"{film.repeated} pictures have the same time stamp as another one, which is shown",
            where=where, got=f"{len(film.ticks)} times of {len(film.ticks) + film.repeated} "
            "pictures", do="write it anew where motion stutters: `ffmpeg -i FILM -r RATE NEW.mkv`",
        ))  # fmt: skip
    if film.untimed:
        yield FilmFinding("times", False, RhasError(
            f"{film.untimed} pictures have no time stamp and are not shown",
            where=where, got=f"{len(film.ticks)} times of {len(film.ticks) + film.untimed} "
            "pictures", do="let FFmpeg give them times: `ffmpeg -fflags +genpts -i FILM NEW.mkv`",
        ))  # fmt: skip


def _find_shape_error(film: FilmInfo, where: str, config: DecodeConfig) -> RhasError | None:
    aspect = film.pixel_aspect
    if not Fraction(1, _MAX_ASPECT) <= aspect <= _MAX_ASPECT:
        return RhasError(
            "the file gives its pixels a shape beyond reason",
            where=where,
            expected=f"a width of 1:{_MAX_ASPECT} to {_MAX_ASPECT}:1 of the height",
            got=f"{aspect.numerator}:{aspect.denominator}",
            do="set the shape of the picture, e.g. "
            f"`ffmpeg -i FILM -c copy -aspect {film.width}:{film.height} NEW.mkv`",
        )
    width, height = film.fit_size(config.short_side)
    if max(width, height) > MAX_ELONGATION * min(width, height):
        return RhasError(
            "pictures too elongated for a detector",
            where=where,
            expected=f"a longer side of at most {MAX_ELONGATION} times the shorter one",
            got=f"{width} x {height} pixels",
            do="cut the film into narrower ones, one for each part of the picture: "
            "`ffmpeg -i FILM -vf crop=WIDTH:HEIGHT:X:Y NEW.mkv`",
        )
    return None


def _find_time_error(film: FilmInfo, where: str) -> RhasError | None:
    """A picture that stands so long that its time is an error: its frames would fill the disk."""
    standing = np.diff(film.ticks, append=film.ticks[-1] + film.last_ticks)
    longest = int(standing.argmax())
    seconds = float(int(standing[longest]) * film.time_base)
    if seconds <= _MAX_GAP_S:
        return None
    begin = float(int(film.ticks[longest]) * film.time_base)
    return RhasError(
        "the film's times are damaged: a picture stays on the screen beyond reason",
        where=f"{where}, at {begin:.2f} s",
        expected=f"at most {format_duration(_MAX_GAP_S)} hours",
        got=f"{seconds:,.0f} s",
        do="correct its times: `ffmpeg -i FILM -vf setpts=N/FRAME_RATE/TB NEW.mkv`",
    )


def _find_gap(film: FilmInfo, where: str, config: DecodeConfig) -> RhasError | None:
    """Pictures that stand for longer than ``config.gap_s``."""
    if film.by_order:
        return None
    standing = np.diff(film.ticks, append=film.ticks[-1] + film.last_ticks)
    long = np.flatnonzero(standing * float(film.time_base) > config.gap_s)
    if not len(long):
        return None
    seconds = float(standing[long].sum() * film.time_base)
    begin = float(film.ticks[long[0]] * film.time_base)
    return RhasError(
        f"pictures that stay on the screen for longer than {config.gap_s:g} s: {len(long)}, "
        f"together {format_duration(seconds)}",
        where=f"{where}, first at {begin:.2f} s",
        expected="films without breaks, or slides that are meant to stand",
        got=f"{round(seconds * config.fps):,} of {round(film.seconds * config.fps):,} frames show "
        "them",
        do="cut the film there, or correct its times: `ffmpeg -i FILM -vf setpts=N/FRAME_RATE/TB "
        "NEW.mkv`; `decode.gaps` says what decode does",
    )


def _judge_damage(
    film: FilmInfo, movie: str, lost: Sequence[int], config: DecodeConfig
) -> FilmFinding:
    return FilmFinding("damage", config.damaged == "error", damage_error(film, movie, lost))


def damage_error(film: FilmInfo, movie: str, lost: Sequence[int]) -> RhasError:
    """How much of a film is lost, and where.

    Args:
        lost: pictures of ``film.ticks`` that cannot be decoded.
    """
    expected, count = len(film.ticks) + film.lost, film.lost + len(lost)
    about = "about " if film.lost else ""
    times = [*film.ticks.tolist(), film.ticks[-1] + film.last_ticks]
    breaks = [len(film.ticks), *(picture for picture, _ in film.holes), *lost[:1]]
    first = min(breaks)
    moment = float(times[first - (first in breaks[1 : 1 + len(film.holes)])] * film.time_base)
    key_s = float(film.ticks[film.before_key] * film.time_base)
    at_start = not film.lost and 0 < len(lost) <= film.before_key
    return RhasError(
        f"the film begins between two key pictures: its first {count} of {expected} pictures "
        f"({float(count / film.rate):.2f} s) rest on pictures before it"
        if at_start
        else f"the film is damaged or truncated: {about}{count} of {expected} pictures are lost "
        f"({float(count / film.rate):.2f} s)",
        where=f"{film.path} (movie {movie}), from picture {first} ({moment:.2f} s) on",
        expected=f"{about}{expected} pictures, "
        f"{film.seconds + float(film.missing / film.rate):.2f} s",
        got=f"{len(film.ticks) - len(lost)} intact pictures, "
        f"{film.seconds - float((count - film.missing) / film.rate):.2f} s",
        do="let it begin at its first key picture: "
        f"`ffmpeg -ss {key_s:.3f} -i FILM NEW.mkv`, or set "
        "`decode.damaged: keep` to show that picture in their place"
        if at_start
        else "copy or download the film again, or set `decode.damaged: keep` to go on with what is "
        "there and count the loss",
    )
