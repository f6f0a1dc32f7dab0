"""``data/raw/boxes/<movie>.h5``: boxes that people drew, written by prepare from boxes.csv.

A person's track is keyframes: at each a box begins, or the person is out of the picture, or nobody
has looked from there on. Between two boxes the track is a straight line over time. Per person a
group with ``times`` float64 (n,), ``kinds`` uint8 (n,) and ``boxes`` float64 (n, 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import h5py
import numpy as np

from rhas.base.errors import RhasError
from rhas.stores.checking import Array, check_arrays, guard_reading
from rhas.stores.hdf5 import create_hdf5, open_hdf5, person_group, person_groups, write_dataset
from rhas.stores.tracks import BoxSource

_DO = "run `dvc repro prepare`"
_ARRAYS = ("times", "kinds", "boxes")
_SLACK_S = 0.001
"""By how much a time may be rounded: tables have milliseconds."""


class DrawnKind(IntEnum):
    """What holds from a keyframe on."""

    ABSENT = 0
    BOX = 1
    UNKNOWN = 2


@dataclass(frozen=True)
class DrawnFrames:
    """A drawn track at the frames of a film.

    Args:
        known: bool (T,), False where nobody has looked.
        boxes: float32 (T, 4), NaN without a box.
        source: uint8 (T,), values of `BoxSource`: detected at keyframes, interpolated between.
    """

    known: np.ndarray
    boxes: np.ndarray
    source: np.ndarray


@dataclass(frozen=True)
class DrawnTrack:
    """The keyframes of a person; before the first nobody has looked.

    Args:
        times: float64 (n,), seconds from the film's first picture, ascending.
        kinds: uint8 (n,), values of `DrawnKind`.
        boxes: float64 (n, 4), ``x1, y1, x2, y2`` in pixels, NaN but for `DrawnKind.BOX`.

    Raises:
        RhasError: a wrong shape or dtype, times that do not ascend, a box without an area.
    """

    times: np.ndarray
    kinds: np.ndarray
    boxes: np.ndarray

    def __post_init__(self) -> None:
        check_arrays(
            "drawn boxes",
            {
                "times": Array(self.times, (np.float64,), ("n",)),
                "kinds": Array(self.kinds, (np.uint8,), ("n",)),
                "boxes": Array(self.boxes, (np.float64,), ("n", 4)),
            },
        )
        if not np.isfinite(self.times).all() or (np.diff(self.times) <= 0).any():
            raise RhasError("times of drawn boxes that do not ascend")
        areas = (self.boxes[:, 2:] > self.boxes[:, :2]).all(1) & np.isfinite(self.boxes).all(1)
        if ((self.kinds == DrawnKind.BOX) != areas).any() or self.kinds.max(initial=0) > 2:
            raise RhasError("a drawn box without an area, or a box where there is none")

    @property
    def complete(self) -> bool:
        """Whether somebody has looked at the whole film."""
        unknown = DrawnKind.UNKNOWN in self.kinds.tolist()
        return len(self.times) > 0 and float(self.times[0]) <= _SLACK_S and not unknown

    def scale(self, factors: np.ndarray) -> DrawnTrack:
        """With every coordinate multiplied; ``factors`` (4,)."""
        return replace(self, boxes=self.boxes * factors)

    def retime(self, convert: Callable[[float], float]) -> DrawnTrack:
        """With other times, in the same order."""
        return replace(self, times=np.array([convert(t) for t in self.times.tolist()]))

    def trim(self, seconds: float) -> DrawnTrack:
        """What lies within a film of this length: from 0, where what held before holds."""
        inside = (self.times >= 0) & (self.times <= seconds)
        first = int(np.searchsorted(self.times, 0, "right")) - 1  # what holds at 0
        times, boxes = self.times, self.boxes.copy()
        if first >= 0 and times[first] < 0:
            inside[first] = True
            if self.kinds[first : first + 2].tolist() == [DrawnKind.BOX] * 2:
                part = -times[first] / (times[first + 1] - times[first])
                boxes[first] += part * (boxes[first + 1] - boxes[first])
        return DrawnTrack(np.maximum(times, 0)[inside], self.kinds[inside], boxes[inside])

    def drop_outside(self, width: int, height: int) -> tuple[DrawnTrack, int]:
        """With boxes that lie outside a picture of this size made absent, and their number."""
        low, high = self.boxes[:, :2], self.boxes[:, 2:]
        outside = np.any((low >= [width, height]) | (high <= 0), axis=1)  # NaN: False
        kinds = np.where(outside, DrawnKind.ABSENT, self.kinds).astype(np.uint8)
        boxes = np.where(outside[:, None], np.nan, self.boxes)
        return replace(self, kinds=kinds, boxes=boxes), int(outside.sum())

    def draw(self, time: np.ndarray, cuts: np.ndarray, width: int, height: int) -> DrawnFrames:
        """The track at the frames of a film, clipped to the picture.

        A box holds until the next keyframe where that is no box. A line between two boxes does not
        cross a cut: each holds up to the cut on its side, and in a shot in which there is neither
        the person is missing.

        Args:
            time: float64 (T,), source time of every frame, ascending.
            cuts: int (cuts,), frames that start a shot, ascending.
            width, height: of the picture, pixels.
        """
        count = len(self.times)
        if not count:
            nothing = np.full((len(time), 4), np.nan, np.float32)
            return DrawnFrames(np.zeros(len(time), bool), nothing, np.zeros(len(time), np.uint8))
        before = np.searchsorted(self.times - _SLACK_S, time, "right") - 1
        row, after = np.maximum(before, 0), np.minimum(before + 1, count - 1)
        known = (before >= 0) & (self.kinds[row] != DrawnKind.UNKNOWN)
        present = known & (self.kinds[row] == DrawnKind.BOX)
        line = present & (after > before) & (self.kinds[after] == DrawnKind.BOX)
        span = np.where(line, self.times[after] - self.times[row], 1.0)
        part = np.where(line, np.clip((time - self.times[row]) / span, 0, 1), 0.0)
        part, missing = self._stop_at_cuts(part, line, before, time, cuts)
        boxes = self.boxes[row].copy()
        boxes[line] += part[line, None] * (self.boxes[after] - self.boxes[row])[line]
        boxes = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
        present &= ~missing & (boxes[:, 2:] > boxes[:, :2]).all(1)
        boxes[~present] = np.nan
        at_keyframe = np.abs(time - self.times[row]) <= _SLACK_S
        source = np.where(at_keyframe, BoxSource.DETECTED, BoxSource.INTERPOLATED)
        return DrawnFrames(known, boxes, np.where(present, source, 0).astype(np.uint8))

    def _stop_at_cuts(
        self,
        part: np.ndarray,
        line: np.ndarray,
        before: np.ndarray,
        time: np.ndarray,
        cuts: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far along its line each frame is, (T,), and bool (T,), where a line has no end in the
        shot. A keyframe between a cut's two frames belongs to both shots."""
        part, missing = part.copy(), np.zeros(len(time), bool)
        inner = cuts[(cuts > 0) & (cuts < len(time))]
        for row in np.unique(before[inner - 1][line[inner - 1]]):
            start, stop = np.searchsorted(before, (row, row + 1))
            end = self.times[row + 1] + _SLACK_S
            edges = inner[(inner > start) & (inner <= stop) & (time[inner] <= end)]
            if len(edges):
                part[start : edges[0]] = 0.0
                part[edges[-1] : stop] = 1.0
                missing[edges[0] : edges[-1]] = True
        return part, missing

    @staticmethod
    def make_empty() -> DrawnTrack:
        """Of a person whom nobody has drawn."""
        return DrawnTrack(np.zeros(0), np.zeros(0, np.uint8), np.zeros((0, 4)))

    def write(self, group: h5py.Group, prefix: str = "") -> None:
        """Writes the arrays into a person's group."""
        for name in _ARRAYS:
            write_dataset(group, prefix + name, getattr(self, name))

    @staticmethod
    def read(group: h5py.Group, prefix: str = "") -> DrawnTrack:
        """The track of a person's group."""
        return DrawnTrack(*(group[prefix + name][:] for name in _ARRAYS))


@dataclass(frozen=True)
class DrawnBoxes:
    """The drawn tracks of a film.

    Args:
        width, height: of a source frame as players turn it, pixels; the boxes are in it.
        tracks: by person; without keyframes where nobody has drawn the person.
    """

    width: int
    height: int
    tracks: tuple[DrawnTrack, ...]

    def write(self, path: Path) -> None:
        """Writes the store; equal values give equal bytes."""
        with create_hdf5(path) as file:
            file.attrs["width"], file.attrs["height"] = self.width, self.height
            for person, track in enumerate(self.tracks):
                track.write(file.create_group(person_group(person)))

    @staticmethod
    def read(path: Path) -> DrawnBoxes:
        """The store of a film.

        Raises:
            RhasError: it is absent or damaged.
        """
        with open_hdf5(path, _DO) as file, guard_reading(path, _DO):
            tracks = tuple(DrawnTrack.read(group) for group in person_groups(file))
            return DrawnBoxes(int(file.attrs["width"]), int(file.attrs["height"]), tracks)
