"""Stores made by hand: frames, truth, boxes, tracks (docs/DESIGN.md, Files)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rhas.stores.jpegstore import JpegWriter, create_dataset, create_h5, encode_jpeg, person_group


def write_frames(
    path: Path, pictures: Sequence[np.ndarray | bytes], fps: float, size: tuple[int, int]
) -> Path:
    """Bytes are stored as they are; ``size`` is (width, height)."""
    with create_h5(path) as file:
        file.attrs["width"], file.attrs["height"] = size
        with JpegWriter(file) as writer:
            for picture in pictures:
                writer.append(picture if isinstance(picture, bytes) else encode_jpeg(picture, 95))
        create_dataset(file, "time", np.arange(len(pictures)) / fps)
    return path


def write_truth(
    path: Path, boxes: np.ndarray, visible: np.ndarray, rate: float, size: tuple[int, int]
) -> Path:
    """``boxes`` (F, P, 4), ``visible`` (F, P), ``rate`` source pictures per second."""
    with create_h5(path) as file:
        file.attrs["width"], file.attrs["height"] = size
        create_dataset(file, "boxes", boxes.astype(np.float32))
        create_dataset(file, "visible", visible.astype(np.float32))
        create_dataset(file, "time", np.arange(len(boxes)) / rate)
    return path


def write_boxes(
    path: Path, frames: Sequence[int], persons: Sequence[Sequence[Sequence[Sequence[float]]]]
) -> Path:
    """``persons[p][s]``: boxes of person p in the s-th sampled frame, best first."""
    with create_h5(path) as file:
        create_dataset(file, "frames", np.asarray(frames, np.int32))
        for person, rows in enumerate(persons):
            group = file.create_group(person_group(person))
            counts = [len(row) for row in rows]
            flat = np.array([box for row in rows for box in row], np.float32).reshape(-1, 4)
            create_dataset(group, "offsets", np.cumsum([0, *counts]))
            create_dataset(group, "boxes", flat)
            create_dataset(group, "scores", np.linspace(1, 0, len(flat), dtype=np.float32))
    return path


def write_tracks(path: Path, boxes: np.ndarray) -> Path:
    """``boxes`` (P, T, 4), NaN where missing."""
    with create_h5(path) as file:
        for person, rows in enumerate(boxes):
            group = file.create_group(person_group(person))
            create_dataset(group, "boxes", rows.astype(np.float32))
    return path
