"""The stores by plain functions, for use outside the pipeline (docs/API.md)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.stores import frames, scores
from rhas.stores.boxes import FilmBoxes
from rhas.stores.features import (
    FeatureInfo,
    Features,
    FeatureStore,
    FeatureStoreWriter,
    measure_statistics,
)
from rhas.stores.tracks import FilmTracks

AnyPath = str | PathLike[str]


def read_features(path: AnyPath, person: int, start: int = 0, stop: int | None = None) -> Features:
    """Frames ``[start, stop)`` of a person from a feature store, streams as float32 (n, D).

    Raises:
        RhasError: no such store or person, or a window outside the film.
    """
    return FeatureStore(Path(path)).read_window(person, start, stop)


def write_features(
    path: AnyPath,
    persons: Sequence[Features],
    references: Sequence[str],
    *,
    fps: float,
    encoder: str,
    checkpoint: str = "",
) -> None:
    """Writes a feature store, ``<movie>.zarr``, which the stage chunk reads.

    Args:
        path: the folder to make; must not exist.
        persons: features of each person, of one number of frames, width and dtype.
        references: a sentence per person.
        fps: frames per second.
        encoder: ``blip2``, ``clip`` or ``siglip2``.
        checkpoint: where its weights come from.

    Raises:
        RhasError: it exists, not a reference per person, no person, or persons of different shape
            or dtype.
    """
    if len(persons) != len(references):
        raise RhasError(
            "not a reference per person",
            where=str(path),
            expected=str(len(persons)),
            got=str(len(references)),
        )
    kinds = [f"{f.holistic.dtype} {f.holistic.shape}, text {f.text.shape}" for f in persons]
    if len(set(kinds)) != 1:
        raise RhasError(
            "features of different shape or dtype in one film, or of nobody",
            where=str(path),
            expected="one shape (frames, D), one dtype and one length of text for all persons",
            got="; ".join(kinds) or "no person",
        )
    info = FeatureInfo(
        movie=Path(path).stem,
        fps=fps,
        frames=len(persons[0].present),
        encoder=encoder,
        checkpoint=checkpoint,
        checkpoint_hash="",
        dtype=str(persons[0].holistic.dtype),
        truth=False,
        references=tuple(references),
        statistics=measure_statistics(persons),
    )
    FeatureStoreWriter(Path(path), len(persons)).write(persons, info)


def read_boxes(path: AnyPath) -> FilmBoxes:
    """The box candidates of a film, from ``data/boxes/<movie>.h5``."""
    return FilmBoxes.read(Path(path))


def read_tracks(path: AnyPath) -> FilmTracks:
    """The tracks of a film: ``data/tracks/<movie>.h5``, or ``tracks.h5`` of `rhas segment`."""
    return FilmTracks.read(Path(path))


def read_scores(path: AnyPath) -> list[scores.PersonScores]:
    """Every person's scores, from the ``scores.zarr`` of `rhas segment`."""
    return scores.read_person_scores(Path(path))


def open_frames(path: AnyPath) -> AbstractContextManager[frames.FrameStore]:
    """The frames of a film, from ``data/frames/<movie>.h5``; use it in a ``with`` statement."""
    return frames.open_frames(Path(path))
