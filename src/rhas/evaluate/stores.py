"""What evaluation reads of a film beside its samples: frames, tracks, and the truth, if any.

Legend: T frames, P persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.ground.truth import TruthBoxes
from rhas.metrics.tracks import INTERPOLATED, TrackedFilm
from rhas.stores.jpegstore import person_group


@dataclass(frozen=True)
class Stores:
    """The folders of a data set: ``data/raw``, ``frames``, ``boxes``, ``tracks``."""

    raw: Path
    frames: Path
    boxes: Path
    tracks: Path

    def truth(self, movie: str) -> Path:
        """Where the true boxes of a film of RHAS-mini lie."""
        return self.raw / "truth" / f"{movie}.h5"


@dataclass(frozen=True)
class Tracks:
    """A tracks store without its crops.

    Args:
        references: sentences, by person.
        boxes: float32 (T, P, 4), NaN where missing.
        source: uint8 (T, P): 0 missing, 1 detected, 2 interpolated.
        cuts: int32, frames that start a shot.
        truth: the boxes come from the truth.
    """

    references: list[str]
    boxes: NDArray[np.float32]
    source: NDArray[np.uint8]
    cuts: NDArray[np.int32]
    truth: bool


def read_tracks(path: Path) -> Tracks:
    """The tracks of a film.

    Raises:
        RhasError: the store is absent, or its persons' tracks have different lengths.
    """
    _exists(path)
    with h5py.File(path) as file:
        groups: list[h5py.Group] = []
        while (name := person_group(len(groups))) in file:
            groups.append(file[name])
        lengths = {len(group["boxes"]) for group in groups}
        if len(lengths) != 1:
            raise RhasError(
                "not the tracks of one film", where=str(path),
                expected="one or more persons, each with all frames",
                got=f"{len(groups)} persons with {sorted(lengths)} frames",
                do="run `dvc repro crop`",
            )  # fmt: skip
        return Tracks(
            [str(group.attrs["reference"]) for group in groups],
            np.stack([group["boxes"][:] for group in groups], axis=1),
            np.stack([group["source"][:] for group in groups], axis=1),
            file["cuts"][:],
            bool(file.attrs["truth"]),
        )


def read_tracked(stores: Stores, movie: str) -> TrackedFilm:
    """The truth and the tracks of a film of RHAS-mini.

    Raises:
        RhasError: a store is absent, or they do not belong together.
    """
    frames, path = stores.frames / f"{movie}.h5", stores.tracks / f"{movie}.h5"
    truth, tracks = TruthBoxes(stores.truth(movie)), read_tracks(path)
    _exists(frames)
    with h5py.File(frames) as file:
        time = file["time"][:]
        size = int(file.attrs["width"]), int(file.attrs["height"])
    if tracks.source.shape != (len(time), truth.persons):
        raise RhasError(
            "the tracks do not belong to the film and its truth", where=str(path),
            expected=f"{len(time)} frames of {truth.persons} persons",
            got="{} frames of {} persons".format(*tracks.source.shape), do="run `dvc repro crop`",
        )  # fmt: skip
    return TrackedFilm(
        right=truth.at(time, *size),
        visible=truth.visible(time),
        cuts=_true_cuts(stores.truth(movie), time),
        boxes=tracks.boxes,
        interpolated=tracks.source == INTERPOLATED,
        found_cuts=tracks.cuts,
    )


def _true_cuts(path: Path, time: np.ndarray) -> np.ndarray:
    """The first working frame of each shot: the first one nearer to the shot's first picture than
    to the one before."""
    with h5py.File(path) as file:
        if not {"cuts", "lookalike"} <= set(file):
            raise RhasError(
                "a truth file of another version", where=str(path), got=", ".join(file),
                expected="cuts and lookalike, too", do="run `dvc repro prepare`",
            )  # fmt: skip
        cuts, source = file["cuts"][:], file["time"][:]
    return np.searchsorted(time, (source[cuts - 1] + source[cuts]) / 2, side="right")


def _exists(path: Path) -> None:
    if not path.is_file():
        raise RhasError("no such store", where=str(path), do="run `dvc repro`")
