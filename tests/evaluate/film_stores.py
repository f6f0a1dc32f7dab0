"""A film's stores by hand: truth, frames, boxes, tracks (docs/DESIGN.md, Files)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import factory
import numpy as np
from factory import make_boxes, make_track

from rhas.stores.dataset import DatasetPaths
from rhas.stores.manifest import Film, Manifest

A, B, FAR = [0, 0, 40, 80], [60, 0, 100, 80], [110, 0, 119, 9]
NEAR_A = [10, 0, 50, 80]  # IoU with A 30 / 50
NAN = [np.nan] * 4
RATE, SIZE = 15, (120, 90)
REFERENCES = ("the woman in the red coat", "the man on the left")

# By person and frame: true box, track, its source (0 missing, 1 detected, 2 interpolated).
TRUE = [[A] * 6, [B, B, B, B, NAN, NAN]]
TRACKS = [[A, NEAR_A, B, NAN, A, A], [B, NAN, NAN, NAN, NAN, B]]
SOURCE = [[1, 2, 1, 0, 1, 2], [1, 0, 0, 0, 0, 2]]
CANDIDATES = [[[A], [FAR, A], []], [[B], [B], [A]]]  # frames 0, 2, 4


def write_stores(
    folder: Path, subsets: dict[str, str | None], *, truth: bool = True
) -> DatasetPaths:
    """A data set of films with the two people above, 6 frames each, a true cut at 5."""
    stores = DatasetPaths(*(folder / name for name in ("raw", "frames", "boxes", "tracks")))
    for path in (stores.raw / "truth", stores.frames, stores.boxes, stores.tracks):
        path.mkdir(parents=True)
    films = tuple(Film(m, f"films/{m}.mp4", "", REFERENCES, s) for m, s in subsets.items())
    Manifest("mini" if truth else "own", films, truth=truth).write(stores.raw)
    for movie in subsets:
        if truth:
            write_truth(stores.raw / "truth" / f"{movie}.h5")
        write_frames(stores.frames / f"{movie}.h5")
        write_boxes(stores.boxes / f"{movie}.h5")
        write_tracks(stores.tracks / f"{movie}.h5")
    return stores


def write_truth(path: Path, lookalike: Sequence[int] = (2, 1)) -> None:
    boxes = np.stack(TRUE, axis=1)  # (F, P, 4)
    factory.write_truth(path, boxes, rate=RATE, size=SIZE, cuts=[5], lookalike=lookalike)


def write_frames(path: Path, lost: Sequence[int] = ()) -> None:
    shades = [np.full((SIZE[1], SIZE[0], 3), 60 + 20 * frame, np.uint8) for frame in range(6)]
    images = [b"" if frame in lost else shade for frame, shade in enumerate(shades)]
    factory.write_frames(path, images, movie=path.stem, fps=float(RATE))


def write_boxes(path: Path) -> None:
    persons = [
        make_boxes(rows, reference=r) for rows, r in zip(CANDIDATES, REFERENCES, strict=True)
    ]
    factory.write_boxes(path, [0, 2, 4], persons, movie=path.stem, stride=2)


def write_tracks(
    path: Path,
    boxes: Sequence[Sequence[Sequence[float]]] = TRACKS,
    source: Sequence[Sequence[int]] = SOURCE,
) -> None:
    persons = zip(boxes, source, REFERENCES, strict=True)
    tracks = [make_track(rows, kinds, reference=name) for rows, kinds, name in persons]
    factory.write_tracks(path, tracks, movie=path.stem)
