"""Scores of a film's persons, as `rhas segment` writes them (scores.zarr).

T frames, C classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from rhas.base.errors import RhasError
from rhas.stores.hdf5 import person_group

_HIGHEST = 6


def score_groups(path: Path) -> list[Any]:
    """The persons' groups, in order: ``scores`` float16 (T, C), and attributes.

    Raises:
        RhasError: one without its scores or its class names.
    """
    try:
        root: Any = zarr.open_group(path, mode="r")
        groups: list[Any] = []
        while (name := person_group(len(groups))) in root:
            group = root[name]
            if group["scores"].shape[1] != len(group.attrs["classes"]):
                raise ValueError(f"{name}: not a name per class")
            groups.append(group)
    except (ValueError, OSError, KeyError) as error:
        raise RhasError(
            "the scores are damaged",
            where=str(path),
            got=str(error),
            do="run `rhas segment` again",
        ) from error
    return groups


def describe_scores(path: Path) -> dict[str, Any]:
    """The store's length, and of each person the classes with the highest mean score."""
    files = [p for p in path.rglob("*") if p.is_file()]
    groups = score_groups(path)
    return {
        "kind": "scores",
        "path": str(path),
        "bytes": sum(p.stat().st_size for p in files),
        "frames": groups[0]["scores"].shape[0],
        "fps": float(groups[0].attrs["fps"]),
        "classes": groups[0]["scores"].shape[1],
        "persons": [_person(group) for group in groups],
        "flags": [],
    }


def _person(group: Any) -> dict[str, Any]:
    values = np.asarray(group["scores"][:], np.float32)
    mean = values.mean(0) if len(values) else np.zeros(values.shape[1], np.float32)
    names = group.attrs["classes"]
    ranked = sorted(range(len(names)), key=lambda n: (-mean[n], names[n]))[:_HIGHEST]
    return {
        "reference": str(group.attrs["reference"]),
        "highest": {names[n]: round(float(mean[n]), 4) for n in ranked},
        "flags": _flags(values),
    }


def _flags(values: np.ndarray) -> list[str]:
    if not np.isfinite(values).all():
        return ["not finite"]
    return ["outside [0, 1]"] if ((values < 0) | (values > 1)).any() else []
