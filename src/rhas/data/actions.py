"""What a film's people did, and where they were: the record that labelling formats are made of.

T working frames, F source frames, P persons.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.units import find_nearest, frame_to_seconds, seconds_to_frame
from rhas.decode.container import FilmInfo
from rhas.decode.timing import count_frames, count_frames_before
from rhas.stores.checking import Array, check_arrays
from rhas.stores.frames import FrameInfo

_FULL_SIZE = 8192  # shorter side, pixels: films keep their size
_MAX_SLIP = 0.25  # of a source frame, by which times of a constant rate are rounded


@dataclass(frozen=True)
class FilmFrames:
    """The frames of a film: its own, which labelling tools count, and the working ones.

    Args:
        movie: its name.
        file: name of the film's file.
        fps: working rate, frames per second.
        width, height: of a working frame, pixels.
        source_width, source_height: of a source frame as players turn it, pixels.
        source_fps: average rate of the film.
        seconds: duration.
        times: float64 (F,), seconds of every source frame, not descending.
        shown: int64 (T,), the source frame that each working frame shows, not descending.

    Raises:
        RhasError: a wrong shape, dtype or order; no frame.
    """

    movie: str
    file: str
    fps: float
    width: int
    height: int
    source_width: int
    source_height: int
    source_fps: float
    seconds: float
    times: np.ndarray
    shown: np.ndarray

    def __post_init__(self) -> None:
        check_arrays("times", {"times": Array(self.times, (np.float64,), ("F",))})
        check_arrays("shown", {"shown": Array(self.shown, (np.int64,), ("T",))})
        ordered = (
            np.diff(self.times).min(initial=0) >= 0 and np.diff(self.shown).min(initial=0) >= 0
        )
        if not len(self.shown) or not 0 <= self.shown[0] <= self.shown[-1] < len(self.times):
            raise RhasError("working frames without a source frame", where=self.movie)
        if not ordered:
            raise RhasError("frames of a film that go back in time", where=self.movie)

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def source_frames(self) -> int:
        """F."""
        return len(self.times)

    @property
    def scale(self) -> np.ndarray:
        """float64 (4,): from pixels of a working frame to pixels of a source frame."""
        return np.array([self.source_width / self.width, self.source_height / self.height] * 2)

    def to_source(self, frame: int) -> int:
        """The source frame at which working frame ``frame`` begins; F for T."""
        return int(self.shown[frame]) if frame < len(self) else self.source_frames

    def from_source(self, frame: int) -> int:
        """The first working frame that shows source frame ``frame`` or a later one, or T."""
        return int(np.searchsorted(self.shown, frame))

    def source_seconds(self, frame: int) -> float:
        """The moment at which source frame ``frame`` begins (F: the film's end); where that moment
        belongs to another working frame than `from_source`, the moment of this one."""
        seconds = float(self.times[frame]) if frame < self.source_frames else self.seconds
        first = self.from_source(frame)
        exact = seconds_to_frame(seconds, self.fps) == first
        return seconds if exact else frame_to_seconds(first, self.fps)

    @staticmethod
    def of_film(movie: str, film: FilmInfo, fps: float, short_side: int = _FULL_SIZE) -> FilmFrames:
        """The frames that decode makes of a film (`rhas.decode.decoding`), without decoding it."""
        width, height = film.fit_size(short_side)
        per_tick = film.time_base * Fraction(str(fps))
        ticks = film.ticks.tolist()
        stops = [count_frames_before(a, b, per_tick) for a, b in itertools.pairwise(ticks)]
        count = count_frames(ticks[-1] + film.last_ticks, per_tick)
        shown = np.searchsorted(np.array(stops, np.int64), np.arange(count), "right")
        times = film.ticks * float(film.time_base)
        return FilmFrames(
            movie, film.path.name, fps, width, height, *film.turned_size, float(film.rate),
            film.seconds, times, shown.astype(np.int64),
        )  # fmt: skip

    @staticmethod
    def of_store(
        info: FrameInfo, time: np.ndarray, film: FilmInfo | None, where: str
    ) -> FilmFrames:
        """The frames of a frames store, with the source times of its film.

        Args:
            info, time: of the store.
            film: the film's container; None: its rate is constant.
            where: for the error.

        Raises:
            RhasError: without ``film``, the rate is not constant; or the store is of another film.
        """
        if film is None:
            count = max(1, round(info.source_seconds * info.source_fps))
            shown = np.rint(time * info.source_fps).astype(np.int64)
            times = np.arange(max(count, int(shown.max(initial=0)) + 1)) / info.source_fps
            expected = "a film of constant rate, or its file"
        else:
            times = film.ticks * float(film.time_base)
            shown = find_nearest(times, time)
            expected = f"the film of {film.path}"
        if np.abs(times[shown] - time).max(initial=0) * info.source_fps > _MAX_SLIP:
            raise RhasError(
                "the times of the film's own frames are unknown",
                where=where,
                expected=expected,
                got="frames whose times do not fit it",
                do="name the folder of the film that was processed: --films",
            )
        turned = info.rotation in (90, 270)
        size = (info.source_width, info.source_height)
        return FilmFrames(
            info.movie, film.path.name if film else info.movie, info.fps, info.width, info.height,
            *(size[::-1] if turned else size), info.source_fps, info.source_seconds,
            times.astype(np.float64), shown.astype(np.int64),
        )  # fmt: skip


@dataclass(frozen=True)
class ActionInterval:
    """An action over working frames ``[start, stop)``; ``score`` in [0, 1], None where unknown."""

    action: str
    start: int
    stop: int
    score: float | None = None


@dataclass(frozen=True)
class PersonActions:
    """What one person did, and where they were.

    Args:
        reference: the sentence.
        intervals: of one action they may overlap others.
        boxes: float32 (T, 4), ``x1, y1, x2, y2`` in pixels of a working frame, NaN where missing.
        scores: float32 (T,), of the boxes; 0 where missing.
        source: uint8 (T,), values of `rhas.stores.tracks.BoxSource`.

    Raises:
        RhasError: a wrong shape or dtype.
    """

    reference: str
    intervals: tuple[ActionInterval, ...]
    boxes: np.ndarray
    scores: np.ndarray
    source: np.ndarray

    def __post_init__(self) -> None:
        arrays = {
            "boxes": Array(self.boxes, (np.float32,), ("T", 4)),
            "scores": Array(self.scores, (np.float32,), ("T",)),
            "source": Array(self.source, (np.uint8,), ("T",)),
        }
        check_arrays("the boxes of a person", arrays)

    @property
    def present(self) -> np.ndarray:
        """bool (T,): the frame has a box."""
        return self.source != 0

    def find_active(self, frame: int) -> frozenset[str]:
        """The actions at a frame."""
        return frozenset(i.action for i in self.intervals if i.start <= frame < i.stop)

    @staticmethod
    def without_boxes(
        reference: str, intervals: Sequence[ActionInterval], frames: int
    ) -> PersonActions:
        """A person of whom no box is known."""
        boxes = np.full((frames, 4), np.nan, np.float32)
        nothing = np.zeros(frames, np.float32), np.zeros(frames, np.uint8)
        return PersonActions(reference, tuple(intervals), boxes, *nothing)


@dataclass(frozen=True)
class FilmActions:
    """What the persons of a film did.

    Raises:
        RhasError: boxes of another number of frames, an interval outside the film.
    """

    film: FilmFrames
    persons: tuple[PersonActions, ...]

    def __post_init__(self) -> None:
        for number, person in enumerate(self.persons):
            where = f"{self.film.movie}, person {number}"
            if len(person.source) != len(self.film):
                raise RhasError(
                    "boxes of another number of frames than the film's",
                    where=where,
                    expected=str(len(self.film)),
                    got=str(len(person.source)),
                )
            for i in person.intervals:
                if not 0 <= i.start < i.stop <= len(self.film):
                    raise RhasError(
                        "an interval outside the film",
                        where=where,
                        expected=f"frames of 0 to {len(self.film)}",
                        got=f"{i.action}, {i.start} to {i.stop}",
                    )

    def list_actions(self) -> list[str]:
        """Names of all actions that occur, sorted."""
        return sorted({i.action for person in self.persons for i in person.intervals})


def merge_intervals(intervals: Sequence[ActionInterval]) -> list[ActionInterval]:
    """The same frames without overlaps or neighbours of one action; by action and start.

    The score of a merged interval is the highest of its parts.
    """
    merged: list[ActionInterval] = []
    for i in sorted(intervals, key=lambda i: (i.action, i.start, i.stop)):
        last = merged[-1] if merged else None
        if last is not None and last.action == i.action and i.start <= last.stop:
            scores = [s for s in (last.score, i.score) if s is not None]
            merged[-1] = ActionInterval(
                i.action, last.start, max(last.stop, i.stop), max(scores, default=None)
            )
        else:
            merged.append(i)
    return merged
