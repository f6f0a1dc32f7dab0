"""Zarr stores: how their files are named, and what is checked before an array is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import zarr

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.stores.checking import check_declared_size, guard_reading

FLAT: Any = {"name": "default", "separator": "."}
"""Chunk files named ``c.0.0`` instead of ``c/0/0``: DVC looks at every folder of every film, and
folders take most of its time."""


def find_array(
    group: zarr.Group,
    name: str,
    folder: Path,
    sparse: bool = False,
    what: str = "the feature store is damaged",
) -> Any:
    """An array of numbers of a group, or None where there is none.

    Args:
        folder: of the group.
        sparse: parts that are not stored are zeros, so that the size of the whole says nothing.
        what: of the error.

    Raises:
        RhasError: its files are not regular ones, its metadata are damaged, it holds other data
            than numbers, or it is declared larger than what is stored of it.
    """
    place = folder / name
    if not place.is_dir():
        return None
    stored = measure_files(place)
    with guard_reading(place, what=what):
        array = group.get(name)
        if not isinstance(array, zarr.Array):
            return None
        if array.dtype.kind not in "biuf" or not array.ndim:
            raise RhasError("not an array of numbers", got=f"{array.dtype} {array.shape}")
        if not sparse:
            check_declared_size(array.nbytes, stored)
        return array


def measure_files(folder: Path) -> int:
    """Bytes of all files in a folder.

    Raises:
        RhasError: one that is neither a file nor a folder: reading it might never end.
    """
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            check_regular_file(Path(place, name))
            total += Path(place, name).stat().st_size
    return total
