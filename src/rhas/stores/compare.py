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
from rhas.stores.compare_folders import compare_checkpoints, compare_samples
from rhas.stores.differences import Difference, arrays, attribute, blocks
from rhas.stores.kinds import FOLDERS, Kind, find_kind

_COMPARERS: dict[Kind, Callable[[Path, Path, float], Iterator[Difference]]] = {
    "samples": compare_samples,
    "model": compare_checkpoints,
    "weights": compare_checkpoints,
}


def compare(a: Path, b: Path, atol: float = 0.0) -> list[Difference]:
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
        return list(_folders(a, b, FOLDERS[kind], atol))
    if kind in _COMPARERS:
        return list(_COMPARERS[kind](a, b, atol))
    with _opened(a) as first, _opened(b) as second:
        try:
            return list(_groups("", first, second, atol))
        except (ValueError, OSError) as error:
            raise _damaged(
                _unreadable(a, first) or _unreadable(b, second) or f"{a}, {b}", error
            ) from error


def _folders(a: Path, b: Path, pattern: str, atol: float) -> Iterator[Difference]:
    names = [{path.name for path in folder.glob(pattern)} for folder in (a, b)]
    for name in sorted(names[0] | names[1]):
        if name not in names[0] & names[1]:
            yield Difference(name, "only in A" if name in names[0] else "only in B")
            continue
        for found in compare(a / name, b / name, atol):
            yield Difference(**{**vars(found), "where": f"{name} {found.where}".strip()})


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        group = zarr.open_group(path, mode="r") if path.is_dir() else h5py.File(path)
    except (ValueError, OSError) as error:
        raise _damaged(str(path), error) from error
    try:
        yield group
    finally:
        if isinstance(group, h5py.File):
            group.close()


def _damaged(where: str, error: Exception) -> RhasError:
    return RhasError("the store is damaged", where=where, got=str(error))


def _unreadable(where: object, group: Any) -> str:
    """The first array of a group that cannot be read; "" where all can."""
    try:
        items = [(name, group[name]) for name in sorted(group.keys())]
    except (ValueError, OSError):
        return str(where)
    for name, item in items:
        inner = f"{where}/{name}"
        if hasattr(item, "keys"):
            if found := _unreadable(inner, item):
                return found
            continue
        try:
            for block in blocks(item):
                item[block]
        except (ValueError, OSError):
            return inner
    return ""


def _groups(where: str, a: Any, b: Any, atol: float) -> Iterator[Difference]:
    first, second = _plain(a.attrs), _plain(b.attrs)
    for name in sorted(first.keys() | second.keys()):
        yield from attribute(f"{where} @{name}".strip(), first, second, name, atol)
    for name in sorted(set(a.keys()) | set(b.keys())):
        inner = f"{where}/{name}"
        if name not in a or name not in b:
            yield Difference(inner, "only in A" if name in a else "only in B")
        elif hasattr(a[name], "keys") and hasattr(b[name], "keys"):
            yield from _groups(inner, a[name], b[name], atol)
        elif hasattr(a[name], "shape") and hasattr(b[name], "shape"):
            yield from arrays(inner, a[name], b[name], atol)
        else:
            yield Difference(inner, "type", type(a[name]).__name__, type(b[name]).__name__)


def _plain(attributes: Any) -> dict[str, Any]:
    values = attributes.asdict() if hasattr(attributes, "asdict") else dict(attributes)
    return {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items()}
