"""Feature stores from their metadata alone; only ``present`` is read, and only of a single store.

Metadata are read as JSON, not through zarr: a folder of hundreds of stores opens in a moment.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from rhas.base.errors import RhasError
from rhas.inspection.project import data_folder, stage_reports
from rhas.inspection.reading import rows
from rhas.stores.features import STREAMS, FeatureStore
from rhas.stores.hdf5 import person_group

_PLAIN = {"bytes", "crc32c", "sharding_indexed", "transpose"}
_FLOAT16_NEARLY_FULL = 30_000.0
_ARRAYS = (*STREAMS, "present", "text")
_SOURCES = ("missing", "detected", "interpolated")


def describe_store(path: Path) -> dict[str, Any]:
    """A feature store: size, arrays, attributes, coverage and flags by person.

    Raises:
        RhasError: metadata that cannot be read.
    """
    _json(path / "zarr.json")
    persons = [_person(path, folder) for folder in _person_folders(path)]
    sources = _track_sources(path, len(persons))
    for person, facts in enumerate(persons):
        facts["coverage"] = _coverage(path, person, sources)
        facts["flags"] += _coverage_flags(facts["coverage"])
    files = [p for p in path.rglob("*") if p.is_file()]
    return {
        "kind": "feature store",
        "path": str(path),
        "bytes": sum(p.stat().st_size for p in files),
        "files": len(files),
        "persons": persons,
    }


def describe_stores(folder: Path) -> dict[str, Any]:
    """A folder of feature stores, a row each; coverage as the stage's report.json says.

    Those that cannot be read are ``damaged``, by name.
    """
    reports = stage_reports(folder)
    stores, damaged = rows(
        sorted(folder.glob("*.zarr")),
        lambda path: _row(path, reports.get(path.stem, {}).get("missing")),
    )
    kinds = {(r["encoder"], r["checkpoint_hash"], r["D"], r["fps"], r["truth"]) for r in stores}
    flags = [f"made in {len(kinds)} different ways (encoder, weights, D, fps or truth)"]
    return {
        "kind": "feature stores",
        "path": str(folder),
        "stores": stores,
        "damaged": damaged,
        "bytes": sum(row["bytes"] for row in stores),
        "flags": flags if len(kinds) > 1 else [],
    }


def _row(path: Path, missing: list[int] | None) -> dict[str, Any]:
    persons = [_person(path, f) for f in _person_folders(path)]
    first = persons[0]
    frames = first["frames"]
    total = len(persons) * frames
    return {
        "store": path.name,
        "persons": len(persons),
        "frames": frames,
        "fps": first["attributes"].get("fps"),
        "D": first["arrays"]["holistic"]["shape"][1],
        "bytes": sum(a["stored_bytes"] for p in persons for a in p["arrays"].values()),
        "present": 1 - sum(missing) / total if missing and total else None,
        "encoder": first["attributes"].get("encoder"),
        "checkpoint": first["attributes"].get("checkpoint"),
        "checkpoint_hash": first["attributes"].get("checkpoint_hash"),
        "truth": first["attributes"].get("truth"),
        "flags": sorted({f for person in persons for f in person["flags"]}),
    }


def _person_folders(path: Path) -> list[Path]:
    return [path / person_group(person) for person in range(FeatureStore(path).count_persons())]


def _person(path: Path, folder: Path) -> dict[str, Any]:
    attributes = _json(folder / "zarr.json").get("attributes", {})
    arrays = {
        child.name: _array(child)
        for child in sorted(folder.iterdir())
        if (child / "zarr.json").is_file()
    }
    lacking = [name for name in _ARRAYS if name not in arrays]
    if lacking:
        raise RhasError(
            f"the feature store lacks {', '.join(map(repr, lacking))}",
            where=str(folder),
            do="delete it and run `dvc repro` again",
        )
    return {
        "frames": arrays["holistic"]["shape"][0],
        "arrays": arrays,
        "attributes": attributes,
        "flags": _flags(attributes, arrays),
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RhasError(
            "the feature store is damaged",
            where=str(path),
            got=str(error),
            do="delete it and run `dvc repro` again",
        ) from error


def _array(folder: Path) -> dict[str, Any]:
    metadata = _json(folder / "zarr.json")
    shape, dtype = metadata["shape"], np.dtype(metadata["data_type"])
    chunk = shard = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    codecs = metadata["codecs"]
    sharded = next((c for c in codecs if c["name"] == "sharding_indexed"), None)
    if sharded:
        chunk = sharded["configuration"]["chunk_shape"]
        codecs = sharded["configuration"]["codecs"]
    files = [p for p in folder.rglob("*") if p.is_file()]
    data = [p for p in files if p.name != "zarr.json"]
    return {
        "shape": shape,
        "dtype": str(dtype),
        "chunk": chunk,
        "shard": shard if sharded else None,
        "files": len(data),
        "bytes": math.prod(shape) * dtype.itemsize,
        "stored_bytes": sum(p.stat().st_size for p in files),
        "compression": [c["name"] for c in codecs if c["name"] not in _PLAIN],
    }


def _flags(attributes: dict[str, Any], arrays: dict[str, Any]) -> list[str]:
    flags = []
    for stream, figures in attributes.get("statistics", {}).items():
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in figures.values()):
            flags.append(f"{stream} not finite")
        elif figures.get("std") == 0:
            flags.append(f"{stream} constant")
        elif figures.get("abs_max", 0) > _FLOAT16_NEARLY_FULL:
            flags.append(f"{stream} near the end of float16")
    if attributes.get("truth"):
        flags.append("made from true boxes")
    if attributes.get("frames", arrays["holistic"]["shape"][0]) != arrays["holistic"]["shape"][0]:
        flags.append("attribute 'frames' is not the arrays' length")
    return flags


def _track_sources(path: Path, persons: int) -> list[np.ndarray] | None:
    """``source`` of the movie's tracks file where the data folder has one, by person."""
    data = data_folder(path)
    if data is None or not (tracks := data / "tracks" / f"{path.stem}.h5").is_file():
        return None
    with h5py.File(tracks) as file:
        groups = [person_group(person) for person in range(persons)]
        return [file[g]["source"][:] for g in groups] if all(g in file for g in groups) else None


def _coverage(path: Path, person: int, sources: list[np.ndarray] | None) -> dict[str, int]:
    """Frames by source; ``present`` alone where the tracks are absent or of other frames."""
    present = np.asarray(zarr.open_array(path / person_group(person) / "present", mode="r")[:])
    if sources is not None and np.array_equal(sources[person] != 0, present):
        counts = np.bincount(sources[person], minlength=len(_SOURCES))
        return {name: int(counts[n]) for n, name in enumerate(_SOURCES)}
    return {"missing": int((~present).sum()), "present": int(present.sum())}


def _coverage_flags(coverage: dict[str, int]) -> list[str]:
    total = sum(coverage.values())
    if coverage["missing"] == total:
        return ["never found"]
    share = coverage["missing"] / total
    return [f"missing in {share:.0%} of the frames"] if share > 0.5 else []
