"""What differs between two stores: attributes, arrays, shapes, values and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from rhas.base.errors import RhasError
from rhas.stores.checking import Facts
from rhas.stores.compare_folders import compare_checkpoints, compare_samples
from rhas.stores.differences import Difference, compare_arrays, compare_attribute, iterate_blocks
from rhas.stores.kinds import FOLDERS, Kind, find_kind

_COMPARERS: dict[Kind, Callable[[Path, Path, float], Iterator[Difference]]] = {
    "samples": compare_samples,
    "model": compare_checkpoints,
    "weights": compare_checkpoints,
}


def compare_paths(a: Path, b: Path, atol: float = 0.0) -> list[Difference]:
    """All differences of two stores, checkpoints or sets of samples, or of two folders of stores.

    Two NaN are equal.

    Args:
        atol: absolute differences of numbers up to this are none.

    Raises:
        RhasError: two of different kinds, of none of them, or a damaged one.
    """
    kinds = find_kind(a), find_kind(b)
    if kinds[0] != kinds[1]:
        raise RhasError(
            "two different things",
            expected=f"two of one kind; {a} is {kinds[0]}",
            got=f"{b} is {kinds[1]}",
        )
    kind = kinds[0]
    if kind in FOLDERS:
        return list(_compare_folders(a, b, FOLDERS[kind], atol))
    if kind in _COMPARERS:
        return list(_COMPARERS[kind](a, b, atol))
    with _open_group(a) as first, _open_group(b) as second:
        try:
            return list(_compare_groups("", first, second, atol))
        except (ValueError, OSError) as error:
            raise _describe_damage(
                _find_unreadable(a, first) or _find_unreadable(b, second) or f"{a}, {b}", error
            ) from error


def _compare_folders(a: Path, b: Path, pattern: str, atol: float) -> Iterator[Difference]:
    names = [{path.name for path in folder.glob(pattern)} for folder in (a, b)]
    for name in sorted(names[0] | names[1]):
        if name not in names[0] & names[1]:
            yield Difference(name, "only in A" if name in names[0] else "only in B")
            continue
        for found in compare_paths(a / name, b / name, atol):
            yield Difference(**{**vars(found), "where": f"{name} {found.where}".strip()})


@contextmanager
def _open_group(path: Path) -> Iterator[Any]:
    try:
        group = zarr.open_group(path, mode="r") if path.is_dir() else h5py.File(path, locking=False)
    except (ValueError, OSError) as error:
        raise _describe_damage(str(path), error) from error
    try:
        yield group
    finally:
        if isinstance(group, h5py.File):
            group.close()


def _describe_damage(where: str, error: Exception) -> RhasError:
    return RhasError("the store is damaged", where=where, got=str(error))


def _find_unreadable(where: object, group: Any) -> str:
    """The first array of a group that cannot be read; "" where all can."""
    try:
        items = [(name, group[name]) for name in sorted(group.keys())]
    except (ValueError, OSError):
        return str(where)
    for name, item in items:
        inner = f"{where}/{name}"
        if hasattr(item, "keys"):
            if found := _find_unreadable(inner, item):
                return found
            continue
        try:
            for block in iterate_blocks(item):
                item[block]
        except (ValueError, OSError):
            return inner
    return ""


def _compare_groups(where: str, a: Any, b: Any, atol: float) -> Iterator[Difference]:
    first, second = _read_attributes(a.attrs), _read_attributes(b.attrs)
    for name in sorted(first.keys() | second.keys()):
        yield from compare_attribute(f"{where} @{name}".strip(), first, second, name, atol)
    for name in sorted(set(a.keys()) | set(b.keys())):
        inner = f"{where}/{name}"
        if name not in a or name not in b:
            yield Difference(inner, "only in A" if name in a else "only in B")
        elif hasattr(a[name], "keys") and hasattr(b[name], "keys"):
            yield from _compare_groups(inner, a[name], b[name], atol)
        elif hasattr(a[name], "shape") and hasattr(b[name], "shape"):
            yield from compare_arrays(inner, a[name], b[name], atol)
        else:
            yield Difference(inner, "type", type(a[name]).__name__, type(b[name]).__name__)


def _read_attributes(attributes: Any) -> Facts:
    values = attributes.asdict() if hasattr(attributes, "asdict") else dict(attributes)
    return {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items()}
