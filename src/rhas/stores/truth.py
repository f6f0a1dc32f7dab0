"""``data/raw/truth/<movie>.h5``: the true boxes of a film of RHAS-mini, written by prepare.

F source frames, P persons with a reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.units import find_nearest
from rhas.stores.checking import Array, check_arrays, guard_reading
from rhas.stores.hdf5 import create_hdf5, open_hdf5, write_dataset

_DO = "run `dvc repro prepare`"
_ARRAYS = ("boxes", "visible", "time", "cuts", "lookalike")


class Lookalike(IntEnum):
    """Kind of look-alike of a person, see `rhas.mini.attributes.classify_lookalike`."""

    NONE = 0
    PLACE = 1
    GARMENT = 2


@dataclass(frozen=True)
class TrueBoxes:
    """The truth of a rendered film.

    Args:
        width, height: of a source frame, pixels.
        boxes: float32 (F, P, 4), ``x1, y1, x2, y2`` in pixels of the source frame, NaN where the
            person is not visible.
        visible: float32 (F, P), the visible share of the person, in [0, 1].
        time: float64 (F,), seconds, ascending.
        cuts: int32, source frames that start a shot, without 0.
        lookalike: uint8 (P,), values of `Lookalike`.

    Raises:
        RhasError: a wrong shape or dtype, or no frame.
    """

    width: int
    height: int
    boxes: np.ndarray
    visible: np.ndarray
    time: np.ndarray
    cuts: np.ndarray
    lookalike: np.ndarray

    def __post_init__(self) -> None:
        try:
            check_arrays(
                "true boxes",
                {
                    "boxes": Array(self.boxes, (np.float32,), ("F", "P", 4)),
                    "visible": Array(self.visible, (np.float32,), ("F", "P")),
                    "time": Array(self.time, (np.float64,), ("F",)),
                    "cuts": Array(self.cuts, (np.int32,), ("cuts",)),
                    "lookalike": Array(self.lookalike, (np.uint8,), ("P",)),
                },
            )
        except RhasError as error:
            raise RhasError(
                "true boxes of another shape", expected=error.expected, got=error.got, do=_DO
            ) from error
        if not len(self.time):
            raise RhasError("true boxes of no frame", expected="F above 0", do=_DO)

    @property
    def persons(self) -> int:
        """P."""
        return self.boxes.shape[1]

    def find_boxes(self, seconds: np.ndarray, width: int, height: int) -> np.ndarray:
        """Boxes float32 (N, P, 4) in pixels of a picture of the given size, at N source times;
        those of the nearest source picture, the earlier one of two equally near. NaN: not visible.
        """
        scale = np.array([width / self.width, height / self.height] * 2, np.float32)
        limits = np.array([width, height] * 2, np.float32)
        return np.clip(self.boxes[find_nearest(self.time, seconds)] * scale, 0, limits)

    def find_visible_shares(self, seconds: np.ndarray) -> np.ndarray:
        """Visible share of each person, float32 (N, P) in [0, 1]; times as in `find_boxes`."""
        return self.visible[find_nearest(self.time, seconds)]

    def write(self, path: Path) -> None:
        """Writes the store; equal values give equal bytes."""
        with create_hdf5(path) as file:
            file.attrs["width"], file.attrs["height"] = self.width, self.height
            for name in _ARRAYS:
                write_dataset(file, name, getattr(self, name))

    @staticmethod
    def read(path: Path) -> TrueBoxes:
        """The truth of a film.

        Raises:
            RhasError: the file is absent or has another format.
        """
        if not path.is_file():
            raise RhasError(
                "no true boxes for this film",
                where=str(path),
                do="`ground.backend: truth` is for RHAS-mini alone; use transformers or official",
            )
        with open_hdf5(path, _DO) as file, guard_reading(path, _DO):
            absent = [n for n in _ARRAYS if n not in file]
            absent += [n for n in ("width", "height") if n not in file.attrs]
            if absent:
                raise RhasError(
                    "not a file of true boxes, or one of another version",
                    expected=", ".join((*_ARRAYS, "width", "height")),
                    got=f"none of {', '.join(absent)}",
                    do=_DO,
                )
            arrays = [file[name][:] for name in _ARRAYS]
            return TrueBoxes(int(file.attrs["width"]), int(file.attrs["height"]), *arrays)
