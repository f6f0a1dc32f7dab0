"""decode: a film to JPEG frames at a constant working rate, by nearest source time.

Working frame n shows the source picture whose time, counted from the film's first picture, is
nearest to n / fps; of two equally near the earlier. For example 30 pictures/s at fps 15 gives
pictures 0, 2, 4, ...; at fps 20, where n / fps falls midway for every odd n, 0, 1, 3, 4, 6, ....

A film lasts until its last picture's time plus that picture's duration, and T is the number of
n >= 0 with n / fps before its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rhas.base.progress import Progress
from rhas.config.decode import DecodeConfig
from rhas.decode import reading
from rhas.decode.container import FilmInfo, inspect_film
from rhas.decode.judgement import damage_error, refuse_film
from rhas.decode.timing import count_frames, count_frames_before
from rhas.stores.frames import FrameInfo, FrameWriter, create_frames
from rhas.stores.jpeg import encode_jpeg


@dataclass(frozen=True)
class DecodeInput:
    """A film and its name."""

    movie: str
    film: Path


@dataclass(frozen=True)
class DecodeReport:
    """What became of a film.

    Args:
        frames: T.
        source_frames: those decoded intact.
        lost_frames: source frames that are missing or damaged.
        reader: ``decord`` or ``pyav``.
        seconds: duration of the film.
    """

    frames: int
    source_frames: int
    lost_frames: int
    reader: str
    seconds: float


def decode_film(
    source: DecodeInput, config: DecodeConfig, out: Path, progress: Progress
) -> DecodeReport:
    """Writes the frames store of one film (docs/DESIGN.md, Files).

    Args:
        source: the film.
        config: parameters of the stage.
        out: the HDF5 file to write; absent again after an exception.
        progress: called with the number of working frames written since the last call.

    Raises:
        RhasError: not a film (see `rhas.decode.container.inspect_film`), or one that is refused
            (see `rhas.decode.judgement`).
    """
    film = inspect_film(source.film)
    refuse_film(film, source.movie, config)
    size = film.fit_size(config.short_side)
    report_new = _only_new(progress)
    for reader in reading.list_readers(film, *size):
        try:
            with create_frames(out) as store:
                return _write_frames(store, film, reader, size, config, source.movie, report_new)
        except reading.ReaderDistrusted:
            continue  # PyAV, the last reader, never raises it
    raise AssertionError("no reader judged the film")


def _write_frames(
    store: FrameWriter,
    film: FilmInfo,
    reader: reading.Reader,
    size: tuple[int, int],
    config: DecodeConfig,
    movie: str,
    tell: Progress,
) -> DecodeReport:
    fps = Fraction(str(config.fps))
    per_tick = film.time_base * fps  # working frames per tick
    lost: list[int] = []
    shown: reading.Picture | None = None

    def show_until(picture: reading.Picture, stop: int) -> None:
        """Working frames up to ``stop`` (exclusive) show the picture."""
        count = stop - len(store.time)
        if count <= 0:
            return
        assert picture.rgb is not None
        data = encode_jpeg(picture.rgb(), config.quality)
        for _ in range(count):
            store.append(data, float(picture.tick * film.time_base))
        tell(len(store.time))

    for k, picture in enumerate(reading.read_pictures(film, reader, *size)):
        if picture.rgb is None:
            lost.append(k)
            continue
        if shown is not None:
            show_until(shown, count_frames_before(shown.tick, picture.tick, per_tick))
        shown = picture
    decoded = len(film.ticks) - len(lost)
    if shown is None or (lost and config.damaged == "error"):
        raise damage_error(film, movie, lost)
    complete = shown.tick == film.ticks[-1]
    duration = film.last_ticks if complete else 1 / (film.rate * film.time_base)
    end = shown.tick + duration
    show_until(shown, count_frames(end, per_tick))
    store.info = FrameInfo(
        movie=movie,
        fps=float(config.fps),
        width=size[0],
        height=size[1],
        source_width=film.width,
        source_height=film.height,
        source_fps=float(film.rate),
        source_seconds=float(end * film.time_base),
        rotation=film.rotation,
        codec=film.codec,
        reader=reader,
        quality=config.quality,
        lost_frames=film.lost + len(lost),
    )
    return DecodeReport(
        frames=len(store.time),
        source_frames=decoded,
        lost_frames=store.info.lost_frames,
        reader=reader,
        seconds=store.info.source_seconds,
    )


def _only_new(progress: Progress) -> Progress:
    """Takes the frames so far; a film begun again by the second reader counts none twice."""
    seen = 0

    def tell(total: int) -> None:
        nonlocal seen
        if total > seen:
            progress(total - seen)
            seen = total

    return tell
