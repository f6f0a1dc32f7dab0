"""Test data: stores of every format, small and written through `rhas.stores`.

``**facts`` are attributes of a store that differ from the usual ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rhas.base.classes import CLASSES
from rhas.stores.boxes import BoxInfo, FilmBoxes, PersonBoxes, make_offsets
from rhas.stores.features import FeatureInfo, Features, FeatureStoreWriter, measure_statistics
from rhas.stores.frames import FrameInfo, create_frames
from rhas.stores.jpeg import encode_jpeg
from rhas.stores.scores import PersonScores, write_person_scores
from rhas.stores.tracks import BoxSource, FilmTracks, PersonTrack, TrackInfo, create_tracks
from rhas.stores.truth import TrueBoxes

Image = np.ndarray | bytes
FRAMES = FrameInfo("m", 15.0, 8, 8, 64, 48, 30.0, 4.0, 0, "h264", "decord", 95, 0)
BOXES = BoxInfo("m", 1, "transformers", "weights/g", "0" * 64, "mean", "packed", "float32", False)
TRACKS = TrackInfo("m", 16, 0.1, False)
FEATURES = FeatureInfo("m", 15.0, 0, "blip2", "weights/blip2", "0" * 64, "float16", False,
                       ("somebody",), ({},))  # fmt: skip


def write_frames(path: Path, images: Sequence[Image], **facts: Any) -> Path:
    """A frames store; bytes are stored as they are. Frame n has the source time n / fps."""
    first = next((image for image in images if isinstance(image, np.ndarray)), None)
    if first is not None:
        facts = {"height": first.shape[0], "width": first.shape[1], **facts}
    info = replace(FRAMES, **facts)
    with create_frames(path) as store:
        for frame, image in enumerate(images):
            store.append(_to_jpeg(image, info.quality), frame / info.fps)
        store.info = info
    return path


def make_boxes(
    rows: Sequence[Sequence[Sequence[float]]],
    scores: Sequence[float] | None = None,
    reference: str = "somebody",
) -> PersonBoxes:
    """Candidates of a person by grounded frame, best first; scores of all in order, else falling
    from 1 to 0."""
    boxes = np.array([box for row in rows for box in row], np.float32).reshape(-1, 4)
    values = np.linspace(1, 0, len(boxes)) if scores is None else np.asarray(scores)
    offsets = make_offsets([len(row) for row in rows])
    return PersonBoxes(reference, offsets, boxes, values.astype(np.float32))


def write_boxes(
    path: Path, frames: ArrayLike, persons: Sequence[PersonBoxes], **facts: Any
) -> Path:
    """A boxes store of these grounded frames."""
    grounded = np.asarray(frames, np.int32)
    FilmBoxes(replace(BOXES, **facts), grounded, tuple(persons)).write(path)
    return path


def make_track(
    boxes: ArrayLike,
    source: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    reference: str = "somebody",
) -> PersonTrack:
    """A track (T, 4); detected and of score 1 where it has a box, unless said otherwise."""
    values = np.asarray(boxes, np.float32).reshape(-1, 4)
    found = np.isfinite(values).all(1)
    return PersonTrack(
        reference,
        values,
        np.asarray(found if scores is None else scores, np.float32),
        np.asarray(found * BoxSource.DETECTED if source is None else source, np.uint8),
    )


def write_tracks(
    path: Path,
    tracks: Sequence[PersonTrack],
    crops: Sequence[Sequence[Image]] | None = None,
    cuts: Sequence[int] = (),
    **facts: Any,
) -> Path:
    """A tracks store; crops by person and frame, grey ones where there is a box by default."""
    info = replace(TRACKS, **facts)
    grey = encode_jpeg(np.full((info.size, info.size, 3), 128, np.uint8), 90)
    film = FilmTracks(info, np.asarray(cuts, np.int32), tuple(tracks))
    with create_tracks(path, film) as writer:
        for frame in range(len(film)):
            writer.append(
                [grey if track.present[frame] else b"" for track in tracks]
                if crops is None
                else [_to_jpeg(images[frame], 95) for images in crops]
            )
    return path


def write_truth(
    path: Path,
    boxes: ArrayLike,
    visible: ArrayLike | None = None,
    *,
    rate: float = 15.0,
    size: tuple[int, int] = (120, 90),
    cuts: Sequence[int] = (),
    lookalike: Sequence[int] | None = None,
) -> Path:
    """True boxes (F, P, 4), ``rate`` source frames per second; visible where there is a box."""
    values = np.asarray(boxes, np.float32)
    shown = np.isfinite(values).all(2) if visible is None else visible
    groups = [0] * values.shape[1] if lookalike is None else lookalike
    TrueBoxes(
        *size,
        values,
        np.asarray(shown, np.float32),
        np.arange(len(values)) / rate,
        np.asarray(cuts, np.int32),
        np.asarray(groups, np.uint8),
    ).write(path)
    return path


def write_features(
    path: Path, persons: Sequence[Features], references: Sequence[str] = (), **facts: Any
) -> Path:
    """A feature store of the movie that the file is named after."""
    info = replace(
        FEATURES,
        movie=path.stem,
        frames=len(persons[0].present),
        references=tuple(references) or tuple(f"person {n}" for n in range(len(persons))),
        statistics=measure_statistics(persons),
    )
    FeatureStoreWriter(path, len(persons)).write(persons, replace(info, **facts))
    return path


def write_scores(path: Path, scores: Sequence[np.ndarray], references: Sequence[str]) -> Path:
    """The ``scores.zarr`` of `rhas segment`: (T, C) by person."""
    persons = zip(references, scores, strict=True)
    write_person_scores(
        [
            PersonScores(number, reference, 15.0, CLASSES, values.astype(np.float16))
            for number, (reference, values) in enumerate(persons)
        ],
        path,
    )
    return path


def _to_jpeg(image: Image, quality: int) -> bytes:
    return image if isinstance(image, bytes) else encode_jpeg(image, quality)
