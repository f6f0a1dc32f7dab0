"""The tracks of a film beside its true boxes."""

from __future__ import annotations

import numpy as np

from rhas.base.errors import RhasError
from rhas.metrics.tracks import TrackedFilm
from rhas.stores.dataset import DatasetPaths
from rhas.stores.frames import open_frames
from rhas.stores.tracks import BoxSource, FilmTracks
from rhas.stores.truth import TrueBoxes


def read_tracked_film(stores: DatasetPaths, movie: str) -> TrackedFilm:
    """The truth and the tracks of a film of RHAS-mini.

    Raises:
        RhasError: a store is absent, or they do not belong together.
    """
    path = stores.tracks / f"{movie}.h5"
    truth, tracks = TrueBoxes.read(stores.truth_path(movie)), FilmTracks.read(path)
    with open_frames(stores.frames / f"{movie}.h5") as film:
        time, size = film.time, film.size
    source = tracks.source
    if source.shape != (len(time), truth.persons):
        raise RhasError(
            "the tracks do not belong to the film and its truth",
            where=str(path),
            expected=f"{len(time)} frames of {truth.persons} persons",
            got="{} frames of {} persons".format(*source.shape),
            do="run `dvc repro crop`",
        )
    return TrackedFilm(
        right=truth.find_boxes(time, *size),
        visible=truth.find_visible_shares(time),
        cuts=_true_cuts(truth, time),
        boxes=tracks.boxes,
        interpolated=source == BoxSource.INTERPOLATED,
        found_cuts=tracks.cuts,
    )


def _true_cuts(truth: TrueBoxes, time: np.ndarray) -> np.ndarray:
    """The first working frame of each shot: the first one nearer to the shot's first picture than
    to the one before."""
    before, after = truth.time[truth.cuts - 1], truth.time[truth.cuts]
    return np.searchsorted(time, (before + after) / 2, side="right")
