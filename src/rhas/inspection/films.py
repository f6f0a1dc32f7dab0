"""Frames, boxes and tracks files (HDF5, one per movie): what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rhas.base.errors import RhasError
from rhas.inspection.kinds import kind_of
from rhas.inspection.reading import rows
from rhas.stores.hdf5 import person_group

SOURCES = ("missing", "detected", "interpolated")


def describe_film(path: Path) -> dict[str, Any]:
    """A frames, boxes or tracks file."""
    kind = kind_of(path)
    with h5py.File(path) as file:
        facts = {
            "kind": kind,
            "path": str(path),
            "bytes": path.stat().st_size,
            "attributes": {name: _plain(value) for name, value in file.attrs.items()},
        }
        return {**facts, **_DESCRIBERS[kind](file)}


def describe_films(folder: Path) -> dict[str, Any]:
    """A folder of such files, a row each; those that cannot be read are ``damaged``, by name."""
    files, damaged = rows(sorted(folder.glob("*.h5")), _row)
    return {
        "kind": "film stores",
        "path": str(folder),
        "files": files,
        "damaged": damaged,
        "bytes": sum(row["bytes"] for row in files),
        "flags": [],
    }


def _row(path: Path) -> dict[str, Any]:
    facts = describe_film(path)
    row = {"file": path.name, "kind": facts["kind"], "bytes": facts["bytes"]}
    row |= {name: facts[name] for name in ("frames", "seconds", "size") if name in facts}
    persons = facts.get("persons", [])
    row["persons"] = len(persons) if persons else None
    if facts["kind"] == "tracks":
        counts = {s: sum(p["coverage"][s] for p in persons) for s in SOURCES}
        total = sum(counts.values()) or 1
        row["coverage"] = {name: count / total for name, count in counts.items()}
    if facts["kind"] == "boxes":
        row["candidates"] = sum(p["candidates"] for p in persons)
    row["flags"] = facts["flags"] + [
        flag if len(persons) == 1 else f"{person}: {flag}"
        for person, own in enumerate(persons)
        for flag in own["flags"]
    ]
    return row


def persons_of(file: h5py.File) -> Iterator[h5py.Group]:
    """The persons' groups, in order."""
    person = 0
    while (name := person_group(person)) in file:
        yield file[name]
        person += 1


def chosen(count: int, person: int | None, path: Path) -> list[int]:
    """The persons asked for: all ``count`` of them where ``person`` is None.

    Raises:
        RhasError: no such person.
    """
    if person is None:
        return list(range(count))
    if person >= count:
        raise RhasError(
            "no such person", where=str(path), expected=f"0 to {count - 1}", got=str(person)
        )
    return [person]


def _frames(file: h5py.File) -> dict[str, Any]:
    sizes = np.diff(file["offsets"][:])
    time = file["time"][:]
    attributes = file.attrs
    flags = []
    if lost := int(attributes.get("lost_frames", 0)):
        flags.append(f"{lost} pictures of the film were lost")
    if empty := int((sizes == 0).sum()):
        flags.append(f"{empty} frames without a picture")
    if len(time) and np.diff(time).min(initial=0) < 0:
        flags.append("source times go back")
    return {
        "frames": len(sizes),
        "seconds": len(sizes) / float(attributes["fps"]),
        "size": f"{int(attributes['width'])}×{int(attributes['height'])}",
        "jpeg_bytes": int(sizes.sum()),
        "repeated": int((np.diff(time) == 0).sum()),
        "flags": flags,
    }


def _boxes(file: h5py.File) -> dict[str, Any]:
    persons = []
    for group in persons_of(file):
        counts, scores = np.diff(group["offsets"][:]), group["scores"][:]
        best = _best(group["offsets"][:], scores)
        without = int((counts == 0).sum())
        flags = [] if np.isfinite(scores).all() else ["scores not finite"]
        if len(counts) and without == len(counts):
            flags.append("no candidate in any frame")
        persons.append(
            {
                "reference": str(group.attrs["reference"]),
                "candidates": int(counts.sum()),
                "frames_without": without,
                "best_score": {
                    f"{q} %": float(np.nanpercentile(best, q)) for q in (10, 50, 90)
                } if np.isfinite(best).any() else {},
                "flags": flags,
            }
        )  # fmt: skip
    return {"sampled_frames": len(file["frames"]), "persons": persons, "flags": _truth(file)}


def _best(offsets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The best score of each sampled frame, float (S,), NaN where it has no candidate."""
    return np.array(
        [scores[first:last].max() if last > first else np.nan for first, last in pairwise(offsets)]
    )


def _tracks(file: h5py.File) -> dict[str, Any]:
    persons = []
    frames = 0
    for group in persons_of(file):
        source = group["source"][:]
        frames = len(source)
        counts = np.bincount(source, minlength=len(SOURCES))
        boxes = group["boxes"][:]
        there = source != 0
        longer = np.fmax(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])[there]
        flags = []
        if not there.any():
            flags.append("never found")
        elif counts[0] > 0.5 * frames:
            flags.append(f"missing in {counts[0] / frames:.0%} of the frames")
        if (np.isfinite(boxes).all(1) != there).any():
            flags.append("boxes and source do not agree")
        persons.append(
            {
                "reference": str(group.attrs["reference"]),
                "coverage": {name: int(counts[n]) for n, name in enumerate(SOURCES)},
                "jpeg_bytes": int(group["offsets"][-1]),
                "longer_side": float(np.nanmedian(longer)) if np.isfinite(longer).any() else None,
                "flags": flags,
            }
        )
    return {
        "frames": frames,
        "shots": len(file["cuts"]) + 1,
        "persons": persons,
        "flags": _truth(file),
    }


def _truth(file: h5py.File) -> list[str]:
    return ["made from true boxes"] if file.attrs.get("truth") else []


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_DESCRIBERS = {"frames": _frames, "boxes": _boxes, "tracks": _tracks}
