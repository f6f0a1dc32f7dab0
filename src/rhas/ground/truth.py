"""True boxes of RHAS-mini in place of a model's, to separate grounding's errors from the rest."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from rhas.base.errors import RhasError
from rhas.ground.candidates import Candidates


class TruthBoxes:
    """The true boxes of one film.

    Args:
        path: ``truth/<movie>.h5``: ``boxes`` float32 (F, P, 4) in pixels of the source picture at
            the source rate, NaN where a person is not visible; ``visible`` float32 (F, P), the
            visible share of the person; ``time`` float64 (F,) seconds, increasing; attributes
            ``width`` and ``height`` of the source picture.

    Raises:
        RhasError: the file is absent or has another format.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise RhasError(
                "no true boxes for this film",
                where=str(path),
                do="`ground.backend: truth` is for RHAS-mini alone; use transformers or official",
            )
        with h5py.File(path, "r") as file:
            try:
                self._boxes = file["boxes"][:].astype(np.float32)
                self._visible = file["visible"][:].astype(np.float32)
                self._time = file["time"][:].astype(np.float64)
                self._size = (float(file.attrs["width"]), float(file.attrs["height"]))
            except KeyError as error:
                raise RhasError(
                    "not a file of true boxes", where=str(path), got=str(error.args[0]),
                    expected="boxes, visible, time, width, height", do="run `dvc repro prepare`",
                ) from error  # fmt: skip
        shape = self._boxes.shape
        if (
            len(shape) != 3
            or shape[2] != 4
            or not shape[0]
            or self._time.shape != shape[:1]
            or self._visible.shape != shape[:2]
        ):
            raise RhasError(
                "true boxes of another shape", where=str(path),
                expected="boxes (F, P, 4), visible (F, P), time (F,), F above 0",
                got=f"boxes {shape}, visible {self._visible.shape}, time {self._time.shape}",
                do="run `dvc repro prepare`",
            )  # fmt: skip

    @property
    def persons(self) -> int:
        """P."""
        return self._boxes.shape[1]

    def at(self, seconds: np.ndarray, width: int, height: int) -> np.ndarray:
        """Boxes float32 (N, P, 4) in pixels of a picture of the given size, at N source times;
        those of the nearest source picture, the earlier one of two equally near. NaN: not visible.
        """
        scale = np.array([width / self._size[0], height / self._size[1]] * 2, np.float32)
        limits = np.array([width, height] * 2, np.float32)
        return np.clip(self._boxes[self._nearest(seconds)] * scale, 0, limits)

    def visible(self, seconds: np.ndarray) -> np.ndarray:
        """Visible share of each person, float32 (N, P) in [0, 1], at N source times as in `at`."""
        return self._visible[self._nearest(seconds)]

    def _nearest(self, seconds: np.ndarray) -> np.ndarray:
        after = np.clip(np.searchsorted(self._time, seconds), 1, max(len(self._time) - 1, 1))
        after = np.minimum(after, len(self._time) - 1)
        before = np.maximum(after - 1, 0)
        nearer = seconds - self._time[before] <= self._time[after] - seconds
        return np.where(nearer, before, after)

    def candidates(self, seconds: np.ndarray, width: int, height: int) -> list[list[Candidates]]:
        """By time, then by person: the true box with score 1, or none where not visible."""
        one = np.ones(1, np.float32)
        return [
            [
                Candidates(box[None], one) if (box[2:] > box[:2]).all() else Candidates.none()
                for box in persons
            ]
            for persons in self.at(seconds, width, height)
        ]
