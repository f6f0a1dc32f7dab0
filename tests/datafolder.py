"""A small data folder as the stages leave it: one movie, two persons, every kind of store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import factory
import numpy as np
from factory import (
    make_boxes,
    make_track,
    write_boxes,
    write_features,
    write_frames,
    write_tracks,
)

from rhas.base.classes import CLASSES
from rhas.data.annotations import TimedAction, write_annotations
from rhas.stores.features import Features
from rhas.stores.manifest import Film, Manifest
from rhas.stores.samples import Interval, Sample, SampleIndex, SampleInfo

MOVIE, FRAMES, FPS, D = 'ein "Film" [bold]', 60, 15.0, 6
REFERENCES = ("the woman in the red coat", "der Mann mit Hut")


def source(person: int) -> np.ndarray:
    """Detected every fifth frame, interpolated between; missing from frame 40 on (person 0)."""
    found = np.where(np.arange(FRAMES) % 5 == 0, 1, 2).astype(np.uint8)
    found[(40 if person == 0 else 10) :] = 0
    return found


def features(person: int) -> Features:
    rng = np.random.default_rng(person)
    present = source(person) != 0
    partial = rng.normal(size=(FRAMES, D)).astype(np.float16)
    partial[~present] = 0
    holistic = rng.normal(size=(FRAMES, D)).astype(np.float16)
    return Features(holistic, partial, present, rng.normal(size=4).astype(np.float32))


def write_store(path: Path, persons: list[Features] | None = None, **changed: Any) -> Path:
    """A feature store; ``changed`` are attributes that differ from the usual ones."""
    made = persons or [features(0), features(1)]
    return write_features(path, made, **{"references": REFERENCES[: len(made)], **changed})


def write_scores(path: Path) -> Path:
    """``scores.zarr`` as `rhas segment` leaves it, of both persons, falling by class and person."""
    rows = [np.linspace(0.9 - 0.1 * person, 0, len(CLASSES)) for person in range(2)]
    return factory.write_scores(path, [np.tile(row, (FRAMES, 1)) for row in rows], REFERENCES)


def write_data(root: Path) -> Path:
    """``root/data`` with everything of `MOVIE`; returns it."""
    data = root / "data"
    for folder in ("raw", "frames", "boxes", "tracks", "features/blip2", "samples"):
        (data / folder).mkdir(parents=True)
    Manifest("own", (Film(MOVIE, "films/f.mp4", "0" * 64, REFERENCES, "train"),)).write(
        data / "raw"
    )
    write_annotations(data / "raw", [TimedAction(MOVIE, 0, "walking", 0.0, 2.0)])
    _write_film(data)
    write_store(data / "features" / "blip2" / f"{MOVIE}.zarr")
    report = {MOVIE: {"frames": FRAMES, "persons": 2, "missing": [20, 50]}}
    (data / "features" / "blip2" / "report.json").write_text(json.dumps(report))
    _write_samples(data / "samples")
    return data


def picture(frame: int) -> np.ndarray:
    return np.full((24, 32, 3), 4 * frame, np.uint8)


def _write_film(data: Path) -> None:
    write_frames(data / "frames" / f"{MOVIE}.h5", [picture(n) for n in range(FRAMES)], movie=MOVIE)
    rows = [[[2, 3, 12, 20]] * 2, []] * 6
    boxes = [make_boxes(rows, [0.75, 0.25] * 6, reference) for reference in REFERENCES]
    write_boxes(data / "boxes" / f"{MOVIE}.h5", range(0, FRAMES, 5), boxes, movie=MOVIE, stride=5)
    tracks, crops = [], []
    for person, reference in enumerate(REFERENCES):
        found = source(person) != 0
        places = np.where(found[:, None], [2.0, 3, 12, 20], np.nan)
        tracks.append(make_track(places, source(person), 0.5 * found, reference))
        crops.append([picture(n)[:16, :16] if found[n] else b"" for n in range(FRAMES)])
    write_tracks(data / "tracks" / f"{MOVIE}.h5", tracks, crops, cuts=[30], movie=MOVIE)


def _write_samples(folder: Path) -> None:
    samples = [
        Sample(f"s{person}", MOVIE, person, 0, 60, subset)
        for person, subset in enumerate(("train", "val"))
    ]
    intervals = {(MOVIE, 0): [Interval(128, 0, 30)], (MOVIE, 1): [Interval(112, 5, 70)]}
    info = SampleInfo(
        C=137, L=100, D=D, D_text=4, fps=FPS, split="cross_movie", features="data/features/blip2",
        boundary_sigma=4.0, dropped={}, references={MOVIE: REFERENCES},
        samples={"train": 1, "val": 1, "test": 0}, persons_without_annotation=[],
    )  # fmt: skip
    SampleIndex(info, samples, intervals).write(folder)
