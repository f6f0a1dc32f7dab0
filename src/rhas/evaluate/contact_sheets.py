"""Contact sheets: frames of a film with the box of every track.

Legend: T frames, P persons, n shown frames.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.base.units import frame_to_seconds
from rhas.evaluate.tracked import read_tracked_film
from rhas.metrics.recall import IOU
from rhas.metrics.tracks import TrackedFilm, find_wrong_boxes, track_overlaps
from rhas.report.sheet_image import Sheet, draw_sheet
from rhas.stores.dataset import DatasetPaths
from rhas.stores.frames import open_frames
from rhas.stores.manifest import Manifest
from rhas.stores.tracks import BoxSource, FilmTracks


def write_contact_sheets(
    stores: DatasetPaths, trained_on: Collection[str], frames: int, folder: Path
) -> None:
    """Writes ``folder/contact_sheets/<movie>.jpg`` of the films that are not trained on; equal
    stores give equal bytes. Features that were imported without their film have no sheet.

    Args:
        stores: where frames and tracks lie, and the truth, where a film has one.
        trained_on: movies of the train side alone; they get no sheet.
        frames: how many are shown, if the film has as many, spread evenly over it.
        folder: exists.
    """
    (folder / "contact_sheets").mkdir()
    for movie in [film.movie for film in Manifest.read(stores.raw).films]:
        paths = [store / f"{movie}.h5" for store in (stores.frames, stores.tracks)]
        if movie in trained_on or not any(path.exists() for path in paths):
            continue
        sheet = read_sheet(stores, movie, frames)
        draw_sheet(sheet).save(folder / "contact_sheets" / f"{movie}.jpg", quality=88)


def read_sheet(stores: DatasetPaths, movie: str, frames: int) -> Sheet:
    """The sheet of a film.

    Raises:
        RhasError: a store is absent, or they do not belong together.
    """
    tracks = FilmTracks.read(stores.tracks / f"{movie}.h5")
    film = read_tracked_film(stores, movie) if stores.truth_path(movie).is_file() else None
    length = len(tracks)
    path = stores.frames / f"{movie}.h5"
    with open_frames(path) as store:
        if len(store) != length:
            raise RhasError(
                "frames and tracks do not belong together", where=str(path),
                expected=f"{length} frames", got=str(len(store)), do="run `dvc repro crop`",
            )  # fmt: skip
        shown = spread_middles(length, frames)
        images = [store.images[int(frame)] for frame in shown]
        seconds = [frame_to_seconds(int(frame), store.info.fps) for frame in shown]
    wrong, right, lost = np.zeros((3, *tracks.source.shape), bool)
    if film is not None:
        lost = film.counted & ~film.has_box
        for person in range(wrong.shape[1]):
            overlap = track_overlaps(film, person)
            wrong[:, person] = find_wrong_boxes(overlap, person)
            right[:, person] = overlap[:, person] >= IOU
    provenance = ", boxes are the truth's" if tracks.info.truth else ""
    return Sheet(
        f"{movie}: {len(shown)} of {length} frames{provenance}",
        [
            _describe_track(tracks, film, right[:, person], wrong[:, person], person)
            for person in range(len(tracks.references))
        ],
        (tracks.source == BoxSource.MISSING).all(0).tolist(),
        images,
        seconds,
        tracks.boxes[shown],
        tracks.source[shown],
        None if film is None else film.right[shown],
        wrong[shown],
        lost[shown],
    )


def spread_middles(length: int, frames: int) -> NDArray[np.int64]:
    """The middle frames of up to ``frames`` equal parts of a film of ``length`` frames."""
    parts = min(length, frames)
    return ((2 * np.arange(parts) + 1) * length // (2 * parts)).astype(np.int64)


def _describe_track(
    tracks: FilmTracks,
    film: TrackedFilm | None,
    right: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    person: int,
) -> list[str]:
    """The reference, and how much of the film its track covers and is right.

    Args:
        right, wrong: (T,), the box lies on the person, or on another one.
    """
    kinds = [
        100 * float((tracks.source[:, person] == k).mean())
        for k in (BoxSource.DETECTED, BoxSource.INTERPOLATED)
    ]
    text = "a box in {:.0f} % of the frames ({:.0f} % detected, {:.0f} % interpolated)".format(
        sum(kinds), *kinds
    )
    if film is not None and (visible := film.counted[:, person]).any():
        text += f"; visible in {100 * visible.mean():.0f} %: of these "
        text += f"{100 * right[visible].mean():.0f} % right"
        text += f", {100 * wrong[visible].mean():.0f} % on another person"
    return [tracks.references[person], text]
