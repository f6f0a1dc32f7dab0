"""HDF5 files of the project: created with reproducible bytes, opened with errors that name them.

HDF5's own locks are not used: a file of the project has its name when it is whole, and is not
written again. Some file systems have no locks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints

import h5py
import numpy as np

from rhas.base.errors import RhasError
from rhas.stores.checking import REPAIR, check_exists, guard_reading


class Record(Protocol):
    """A dataclass of str, int, float and bool fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Record)


@contextmanager
def create_hdf5(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file whose bytes depend on nothing but what is written to it, in which order.

    It is removed again where the block fails.
    """
    try:
        with h5py.File(
            path, "w", libver=("v110", "v110"), track_order=False, locking=False
        ) as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def open_hdf5(path: Path, do: str = "run `dvc repro`") -> Iterator[h5py.File]:
    """An HDF5 file for reading.

    Raises:
        RhasError: it is absent, or no HDF5 file. Errors of the block are not touched.
    """
    check_exists(path, do)
    with guard_reading(path, what="not an HDF5 file, or a damaged one"):
        file = h5py.File(path, locking=False)
    with file:
        yield file


def write_dataset(group: h5py.Group, name: str, data: np.ndarray) -> h5py.Dataset:
    """A contiguous dataset without time stamps."""
    return group.create_dataset(name, data=data, track_times=False)


def write_attributes(group: h5py.Group, record: Record) -> None:
    """The fields of a record as attributes, in their order."""
    group.attrs.update(asdict(record))


def read_attributes(group: h5py.Group, kind: type[R]) -> R:
    """The record of the attributes that are named as its fields; others are left out.

    Raises:
        RhasError: an attribute is absent or has another type.
    """
    types = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    values = {name: _to_python(group.attrs[name]) for name in names if name in group.attrs}
    wrong = [name for name in names if not _has_type(values.get(name), types[name])]
    if wrong:
        raise RhasError(
            "the store has other attributes",
            where=group.file.filename,
            expected=", ".join(f"{name} {types[name].__name__}" for name in wrong),
            got=", ".join(f"{name} {values.get(name)!r}" for name in wrong),
            do=REPAIR,
        )
    return kind(**values)


def person_group(person: int) -> str:
    """Name of a person's group in every store of a film."""
    return f"person_{person:03d}"


def person_groups(file: h5py.Group) -> list[h5py.Group]:
    """The persons' groups in order."""
    groups: list[h5py.Group] = []
    while (name := person_group(len(groups))) in file:
        groups.append(file[name])
    return groups


def _to_python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _has_type(value: object, kind: type) -> bool:
    return type(value) is kind or (kind is float and type(value) is int)
