"""What differs between two stores: attributes, arrays, shapes, values and where."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from rhas.base.errors import RhasError
from rhas.inspection.kinds import Kind, kind_of

_BLOCK_VALUES = 1 << 21
_FOLDERS: dict[Kind, str] = {"feature stores": "*.zarr", "film stores": "*.h5"}
_STORES: tuple[Kind, ...] = ("feature store", "frames", "boxes", "tracks")


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same.

    Args:
        where: store (in folders), group and array or attribute.
        what: ``only in A``, ``only in B``, ``attribute``, ``shape``, ``type`` or ``values``.
        a, b: what each has.
        count: values that differ; 0 for others.
        largest: largest absolute difference of values; 0 for others. Infinite where one is finite
            and the other is not.
        at: index of that largest difference, counted from 0.
    """

    where: str
    what: str
    a: str = ""
    b: str = ""
    count: int = 0
    largest: float = 0.0
    at: tuple[int, ...] = ()


def compare(a: Path, b: Path, atol: float = 0.0) -> list[Difference]:
    """All differences of two stores of one kind, or of two folders of them.

    Two NaN are equal.

    Args:
        atol: absolute differences of numbers up to this are none.

    Raises:
        RhasError: stores of different kinds, or no stores.
    """
    kinds = kind_of(a), kind_of(b)
    if kinds[0] != kinds[1]:
        raise RhasError(
            "two different things",
            expected=f"two of one kind; {a} is {kinds[0]}",
            got=f"{b} is {kinds[1]}",
        )
    kind = kinds[0]
    if kind in _FOLDERS:
        return list(_folders(a, b, _FOLDERS[kind], atol))
    if kind not in _STORES:
        raise RhasError(
            f"{kind} cannot be compared", where=str(a), expected=", ".join((*_STORES, *_FOLDERS))
        )
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
            for block in _blocks(item):
                item[block]
        except (ValueError, OSError):
            return inner
    return ""


def _blocks(array: Any) -> Iterator[slice]:
    """Rows of an array that are held in memory at a time."""
    rows = max(1, _BLOCK_VALUES // max(math.prod(array.shape[1:]), 1))
    for start in range(0, array.shape[0], rows):
        yield slice(start, start + rows)


def _groups(where: str, a: Any, b: Any, atol: float) -> Iterator[Difference]:
    first, second = _plain(a.attrs), _plain(b.attrs)
    for name in sorted(first.keys() | second.keys()):
        yield from _attribute(f"{where} @{name}".strip(), first, second, name, atol)
    for name in sorted(set(a.keys()) | set(b.keys())):
        inner = f"{where}/{name}"
        if name not in a or name not in b:
            yield Difference(inner, "only in A" if name in a else "only in B")
        elif hasattr(a[name], "keys") and hasattr(b[name], "keys"):
            yield from _groups(inner, a[name], b[name], atol)
        elif hasattr(a[name], "shape") and hasattr(b[name], "shape"):
            yield from _arrays(inner, a[name], b[name], atol)
        else:
            yield Difference(inner, "type", type(a[name]).__name__, type(b[name]).__name__)


def _attribute(
    where: str, a: dict[str, Any], b: dict[str, Any], name: str, atol: float
) -> Iterator[Difference]:
    if name not in a or name not in b:
        yield Difference(where, "only in A" if name in a else "only in B",
                         str(a.get(name, "")), str(b.get(name, "")))  # fmt: skip
        return
    one, other = a[name], b[name]
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _attribute(f"{where}.{key}", one, other, key, atol)
        return
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    same = abs(one - other) <= atol if numbers and one != other else one == other
    if not same:
        yield Difference(where, "attribute", str(one), str(other))


def _arrays(where: str, a: Any, b: Any, atol: float) -> Iterator[Difference]:
    if a.dtype != b.dtype:
        yield Difference(where, "type", str(a.dtype), str(b.dtype))
    if a.shape != b.shape:
        yield Difference(where, "shape", str(a.shape), str(b.shape))
        return
    count, largest = 0, -1.0
    at: tuple[int, ...] = ()
    values = ("", "")
    for block in _blocks(a):
        one, other = (np.asarray(array[block]) for array in (a, b))
        distance = _distance(one, other)
        off = distance > atol
        if off.any():
            count += int(off.sum())
            place = np.unravel_index(int(distance.argmax()), distance.shape)
            if distance[place] > largest:
                largest = float(distance[place])
                values = (str(one[place]), str(other[place]))
                at = (block.start + int(place[0]), *(int(n) for n in place[1:]))
    if count:
        yield Difference(where, "values", *values, count, largest, at)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| in float64; 0 for two NaN or two equal infinities, infinite for one of them."""
    one, other = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(one - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    distance[same] = 0
    distance[np.isnan(distance)] = np.inf
    return distance


def _plain(attributes: Any) -> dict[str, Any]:
    values = attributes.asdict() if hasattr(attributes, "asdict") else dict(attributes)
    return {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items()}
