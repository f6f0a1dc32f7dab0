"""Stores opened for writing, past the classes that keep them sound: to damage them on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import zarr


def edit_hdf5(path: Path) -> h5py.File:
    """An HDF5 file to change; use as a context manager."""
    return h5py.File(path, "r+")


def edit_zarr(path: Path, group: str = "") -> Any:
    """A group of a Zarr store to change."""
    return zarr.open_group(path / group, mode="a")
