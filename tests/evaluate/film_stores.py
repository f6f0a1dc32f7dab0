"""A film's stores by hand: truth, frames, boxes, tracks (docs/DESIGN.md, Files)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rhas.evaluate.stores import Stores
from rhas.stores.jpegstore import JpegWriter, create_dataset, create_h5, encode_jpeg, person_group
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


def write_stores(folder: Path, subsets: dict[str, str | None], *, truth: bool = True) -> Stores:
    """A data set of films with the two people above, 6 frames each, a true cut at 5."""
    stores = Stores(*(folder / name for name in ("raw", "frames", "boxes", "tracks")))
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
    boxes = np.stack(TRUE, axis=1).astype(np.float32)  # (F, P, 4)
    with create_h5(path) as file:
        file.attrs["width"], file.attrs["height"] = SIZE
        create_dataset(file, "boxes", boxes)
        create_dataset(file, "visible", np.isfinite(boxes).all(2).astype(np.float32))
        create_dataset(file, "time", np.arange(len(boxes)) / RATE)
        create_dataset(file, "cuts", np.array([5], np.int32))
        create_dataset(file, "lookalike", np.asarray(lookalike, np.uint8))


def write_frames(path: Path, lost: Sequence[int] = ()) -> None:
    with create_h5(path) as file:
        file.attrs["movie"], file.attrs["fps"] = path.stem, RATE
        file.attrs["width"], file.attrs["height"] = SIZE
        with JpegWriter(file) as writer:
            for frame in range(6):
                picture = np.full((SIZE[1], SIZE[0], 3), 60 + 20 * frame, np.uint8)
                writer.append(b"" if frame in lost else encode_jpeg(picture, 95))
        create_dataset(file, "time", np.arange(6) / RATE)


def write_boxes(path: Path) -> None:
    with create_h5(path) as file:
        create_dataset(file, "frames", np.array([0, 2, 4], np.int32))
        for person, rows in enumerate(CANDIDATES):
            group = file.create_group(person_group(person))
            flat = np.array([box for row in rows for box in row], np.float32).reshape(-1, 4)
            create_dataset(group, "offsets", np.cumsum([0, *(len(row) for row in rows)]))
            create_dataset(group, "boxes", flat)


def write_tracks(
    path: Path,
    boxes: Sequence[Sequence[Sequence[float]]] = TRACKS,
    source: Sequence[Sequence[int]] = SOURCE,
) -> None:
    with create_h5(path) as file:
        file.attrs["truth"] = False
        create_dataset(file, "cuts", np.array([], np.int32))
        for person, (own, kind) in enumerate(zip(boxes, source, strict=True)):
            group = file.create_group(person_group(person))
            group.attrs["reference"] = REFERENCES[person]
            create_dataset(group, "boxes", np.asarray(own, np.float32).reshape(-1, 4))
            create_dataset(group, "source", np.asarray(kind, np.uint8))
