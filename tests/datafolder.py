"""A small data folder as the stages leave it: one movie, two persons, every kind of store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import zarr

from rhas.base.classes import CLASSES
from rhas.data.annotations import TimedAction, write_annotations
from rhas.stores.featurestore import Features, FeatureStoreWriter
from rhas.stores.jpegstore import JpegWriter, create_dataset, create_h5, encode_jpeg, person_group
from rhas.stores.manifest import Film, Manifest

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


def statistics(made: Features) -> dict[str, dict[str, float]]:
    """As defined, in one go."""
    rows = {"holistic": made.holistic, "partial": made.partial[made.present]}
    return {
        name: {
            "mean": float(np.mean(values.astype(np.float64))),
            "std": float(np.std(values.astype(np.float64))),
            "abs_max": float(np.abs(values).max()),
        }
        for name, values in rows.items()
        if values.size
    }


def write_store(path: Path, persons: list[Features] | None = None, **changed: object) -> Path:
    """A feature store; ``changed`` are attributes that differ from the usual ones."""
    writer = FeatureStoreWriter(path)
    for person, made in enumerate(persons or [features(0), features(1)]):
        usual = {
            "movie": path.stem, "fps": FPS, "frames": len(made.present), "encoder": "blip2",
            "checkpoint": "weights/blip2", "checkpoint_hash": "0" * 64, "dtype": "float16",
            "truth": False, "person": person, "reference": REFERENCES[person],
            "statistics": statistics(made),
        }  # fmt: skip
        writer.write_person(person, made, {**usual, **changed})
    return path


def write_scores(path: Path) -> Path:
    """``scores.zarr`` as `rhas segment` leaves it, of both persons, falling by class and person."""
    root = zarr.create_group(path, zarr_format=3)
    for person, reference in enumerate(REFERENCES):
        group = root.create_group(
            person_group(person),
            attributes={"person": person, "reference": reference, "fps": FPS,
                        "classes": list(CLASSES)},
        )  # fmt: skip
        row = np.linspace(0.9 - 0.1 * person, 0, len(CLASSES), dtype=np.float16)
        group.create_array("scores", data=np.tile(row, (FRAMES, 1)))
    return path


def write_data(root: Path) -> Path:
    """``root/data`` with everything of `MOVIE`; returns it."""
    data = root / "data"
    for folder in ("raw", "frames", "boxes", "tracks", "features/blip2", "samples"):
        (data / folder).mkdir(parents=True)
    Manifest("own", (Film(MOVIE, "films/f.mp4", "0" * 64, REFERENCES, "train"),)).write(
        data / "raw"
    )
    write_annotations(data / "raw", [TimedAction(MOVIE, 0, "walking", 0.0, 2.0)])
    _write_frames(data / "frames" / f"{MOVIE}.h5")
    _write_boxes(data / "boxes" / f"{MOVIE}.h5")
    _write_tracks(data / "tracks" / f"{MOVIE}.h5")
    write_store(data / "features" / "blip2" / f"{MOVIE}.zarr")
    report = {MOVIE: {"frames": FRAMES, "persons": 2, "missing": [20, 50]}}
    (data / "features" / "blip2" / "report.json").write_text(json.dumps(report))
    _write_samples(data / "samples")
    return data


def picture(frame: int) -> np.ndarray:
    return np.full((24, 32, 3), 4 * frame, np.uint8)


def _write_frames(path: Path) -> None:
    with create_h5(path) as file:
        with JpegWriter(file) as writer:
            for frame in range(FRAMES):
                writer.append(encode_jpeg(picture(frame), 95))
        create_dataset(file, "time", np.arange(FRAMES) / FPS)
        file.attrs.update(
            movie=MOVIE, fps=FPS, width=32, height=24, source_width=64, source_height=48,
            source_fps=30.0, source_seconds=4.0, rotation=0, codec="h264", reader="decord",
            quality=95, lost_frames=0,
        )  # fmt: skip


def _write_boxes(path: Path) -> None:
    with create_h5(path) as file:
        file.attrs.update(movie=MOVIE, stride=5, backend="transformers", checkpoint="weights/g",
                          policy="mean", truth=False)  # fmt: skip
        create_dataset(file, "frames", np.arange(0, FRAMES, 5, dtype=np.int32))
        for person, reference in enumerate(REFERENCES):
            group = file.create_group(person_group(person))
            group.attrs["reference"] = reference
            counts = np.array([2, 0] * 6)
            create_dataset(group, "offsets", np.concatenate([[0], np.cumsum(counts)]))
            create_dataset(group, "boxes", np.tile(np.float32([2, 3, 12, 20]), (12, 1)))
            create_dataset(group, "scores", np.tile(np.float32([0.75, 0.25]), 6))


def _write_tracks(path: Path) -> None:
    with create_h5(path) as file:
        file.attrs.update(movie=MOVIE, size=16, margin=0.1, truth=False)
        create_dataset(file, "cuts", np.array([30], np.int32))
        for person, reference in enumerate(REFERENCES):
            group = file.create_group(person_group(person))
            group.attrs["reference"] = reference
            there = source(person) != 0
            with JpegWriter(group) as writer:
                for frame in range(FRAMES):
                    crop = encode_jpeg(picture(frame)[:16, :16], 95)
                    writer.append(crop if there[frame] else b"")
            boxes = np.tile(np.float32([2, 3, 12, 20]), (FRAMES, 1))
            boxes[~there] = np.nan
            create_dataset(group, "boxes", boxes)
            create_dataset(group, "scores", np.where(there, 0.5, 0).astype(np.float32))
            create_dataset(group, "source", source(person))


def _write_samples(folder: Path) -> None:
    quoted = '"' + MOVIE.replace('"', '""') + '"'
    (folder / "index.csv").write_text(
        f"sample,movie,person,start,stop,split\ns0,{quoted},0,0,60,train\ns1,{quoted},1,0,60,val\n"
    )
    (folder / "intervals.csv").write_text(
        f"movie,person,class_id,start,stop\n{quoted},0,128,0,30\n{quoted},1,112,5,70\n"
    )
    info = {
        "C": 137, "L": 100, "D": D, "D_text": 4, "fps": FPS, "split": "cross_movie",
        "features": "data/features/blip2", "boundary_sigma": 4.0, "dropped": {},
        "references": {MOVIE: list(REFERENCES)}, "persons_without_annotation": [],
    }  # fmt: skip
    (folder / "info.json").write_text(json.dumps(info))
