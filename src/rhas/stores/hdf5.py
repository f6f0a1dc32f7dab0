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
from rhas.base.files import check_regular_file
from rhas.stores.checking import REPAIR, check_declared_size, check_exists, guard_reading


class Record(Protocol):
    """A dataclass of str, int, float and bool fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


PARTS = ".parts-"
"""How the name of a folder begins that holds the parts of a film."""

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
        RhasError: it is absent, no HDF5 file, refers to other files, or declares more than it
            stores. Errors of the block are not touched.
    """
    check_exists(path, do)
    check_regular_file(path, do)
    with guard_reading(path, what="not an HDF5 file, or a damaged one"):
        file = h5py.File(path, locking=False)
    with file:
        with guard_reading(path):
            for group in (file, *person_groups(file)):
                _check_members(group, _is_part(path))
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
        if not isinstance(group := file[name], h5py.Group):
            raise RhasError("a dataset where a person's group should be", got=name)
        groups.append(group)
    return groups


def _is_part(path: Path) -> bool:
    """Whether a file is a part of a film that `rhas segment` works on: it links to the whole."""
    return path.absolute().parent.parent.name.startswith(PARTS)


def _check_members(group: h5py.Group, is_part: bool) -> None:
    """Checks what a group holds before any of it is read.

    Raises:
        RhasError: links, to this or another file; data in another file; other data than numbers;
            an array that is declared larger than what is stored of it.
    """
    for name in group:
        link = group.get(name, getlink=True)
        if is_part and name == "jpeg" and isinstance(link, h5py.ExternalLink):
            continue
        where = f"{group.file.filename}:{group.name.rstrip('/')}/{name}"
        if not isinstance(link, h5py.HardLink):
            raise RhasError(
                "a link, which is not followed", where=where, got=type(link).__name__,
                do="copy the data into the file itself",
            )  # fmt: skip
        if not isinstance(data := group[name], h5py.Dataset):
            continue
        if data.is_virtual or data.external:
            raise RhasError(
                "data in another file, which is not read", where=where,
                do="copy the data into the file itself",
            )  # fmt: skip
        if data.dtype.kind not in "biuf":
            raise RhasError("not an array of numbers", where=where, got=str(data.dtype))
        with guard_reading(where):
            stored = min(data.id.get_storage_size(), Path(group.file.filename).stat().st_size)
            check_declared_size(data.size * data.dtype.itemsize, stored)


def _to_python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _has_type(value: object, kind: type) -> bool:
    return type(value) is kind or (kind is float and type(value) is int)
