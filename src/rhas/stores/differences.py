"""One difference at a time: of attributes, and of arrays, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_BLOCK_VALUES = 1 << 21


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same.

    Args:
        where: store (in folders), group and array or attribute.
        what: ``only in A``, ``only in B``, ``attribute``, ``shape``, ``type``, ``values`` or
            ``content`` (of a file that is compared as a whole).
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


def iterate_blocks(array: Any) -> Iterator[tuple[slice, ...]]:
    """Parts of an array, in order, each as many values as are held in memory at a time."""
    shape = array.shape
    if not shape:
        yield ()
        return
    axis = next(n for n in range(len(shape)) if math.prod(shape[n + 1 :]) <= _BLOCK_VALUES)
    rows = max(1, _BLOCK_VALUES // max(math.prod(shape[axis + 1 :]), 1))
    for outer in np.ndindex(shape[:axis]):
        for start in range(0, shape[axis], rows):
            yield (*(slice(n, n + 1) for n in outer), slice(start, start + rows))


def compare_attribute(
    where: str, a: dict[str, Any], b: dict[str, Any], name: str, atol: float
) -> Iterator[Difference]:
    """What differs between the values of one name, dictionaries key by key and lists of one length
    value by value."""
    if name not in a or name not in b:
        yield Difference(where, "only in A" if name in a else "only in B",
                         str(a.get(name, "")), str(b.get(name, "")))  # fmt: skip
        return
    one, other = a[name], b[name]
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from compare_attribute(f"{where}.{key}", one, other, key, atol)
        return
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            first, second = ({name: value} for value in pair)
            yield from compare_attribute(f"{where}.{number}", first, second, name, atol)
        return
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    same = abs(one - other) <= atol if numbers and one != other else one == other
    if not same:
        yield Difference(where, "attribute", str(one), str(other))


def compare_arrays(where: str, a: Any, b: Any, atol: float) -> Iterator[Difference]:
    """What differs between two arrays of one dimension or more."""
    if a.dtype != b.dtype:
        yield Difference(where, "type", str(a.dtype), str(b.dtype))
    if a.shape != b.shape:
        yield Difference(where, "shape", str(a.shape), str(b.shape))
        return
    yield from compare_values(where, a, b, atol)


def compare_values(where: str, a: Any, b: Any, atol: float) -> Iterator[Difference]:
    """What differs between the values of two arrays of one shape."""
    count, largest = 0, -1.0
    at: tuple[int, ...] = ()
    values = ("", "")
    for block in iterate_blocks(a):
        one, other = (np.atleast_1d(array[block]) for array in (a, b))
        distance = _measure_distance(one, other)
        off = distance > atol
        if off.any():
            count += int(off.sum())
            place = np.unravel_index(int(distance.argmax()), distance.shape)
            if distance[place] > largest:
                largest = float(distance[place])
                values = (str(one[place]), str(other[place]))
                first = [part.start for part in block] + [0] * (len(place) - len(block))
                at = tuple(start + int(n) for start, n in zip(first, place, strict=True))
    if count:
        yield Difference(where, "values", *values, count, largest, at)


def _measure_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| in float64; 0 for two NaN or two equal infinities, infinite for one of them; 1 for
    whole numbers that differ and are too large for float64 to tell apart."""
    one, other = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(one - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    distance[same] = 0
    distance[np.isnan(distance)] = np.inf
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        distance[(distance == 0) & (a != b)] = 1
    return distance
