"""What differs between two sets of samples, or between two checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import read_csv, read_json
from rhas.stores.differences import Difference, compare_attribute, compare_values
from rhas.stores.tensors import open_tensors

_BLOCK_BYTES = 1 << 22
_REPORT = "report.json"  # how long a training took differs each time


def compare_samples(a: Path, b: Path, atol: float) -> Iterator[Difference]:
    """Settings, windows by sample, and intervals by what they say."""
    yield from _compare_json("info.json", a, b, atol)
    first, second = ({row["sample"]: row for row in read_csv(f / "index.csv")} for f in (a, b))
    for sample in sorted(first.keys() | second.keys()):
        yield from compare_attribute(f"index.csv {sample}", first, second, sample, atol)
    one, two = (Counter(tuple(r.items()) for r in read_csv(f / "intervals.csv")) for f in (a, b))
    for own, other, what in ((one, two, "only in A"), (two, one, "only in B")):
        for row in (own - other).elements():
            told = ", ".join(f"{name} {value}" for name, value in row)
            yield Difference(f"intervals.csv {told}", what)


def compare_checkpoints(a: Path, b: Path, atol: float) -> Iterator[Difference]:
    """Configuration, every tensor, and other files as a whole; a training's report does not count.

    Raises:
        RhasError: weights that cannot be read.
    """
    yield from _compare_json("config.json", a, b, atol)
    names = [{f.name for f in folder.iterdir() if f.is_file()} for folder in (a, b)]
    for name in sorted((names[0] | names[1]) - {"config.json", _REPORT}):
        if name not in names[0] & names[1]:
            yield Difference(name, "only in A" if name in names[0] else "only in B")
        elif name.endswith(".safetensors"):
            yield from _compare_tensors(name, a / name, b / name, atol)
        elif not _have_same_bytes(a / name, b / name):
            yield Difference(name, "content")


def _compare_tensors(where: str, a: Path, b: Path, atol: float) -> Iterator[Difference]:
    with open_tensors(a) as first, open_tensors(b) as second:
        for name in sorted(first.keys() | second.keys()):
            inner = f"{where} {name}"
            if name not in first or name not in second:
                yield Difference(inner, "only in A" if name in first else "only in B")
                continue
            one, other = first[name], second[name]
            if one.kind != other.kind:
                yield Difference(inner, "type", one.kind, other.kind)
            if one.sizes != other.sizes:
                yield Difference(inner, "shape", str(one.sizes), str(other.sizes))
            elif one.kind == other.kind or (one.is_number and other.is_number):
                for found in compare_values(inner, one, other, atol):
                    at = np.unravel_index(found.at[0], one.sizes or (1,))
                    yield replace(found, at=tuple(int(n) for n in at))


def _have_same_bytes(a: Path, b: Path) -> bool:
    if a.stat().st_size != b.stat().st_size:
        return False
    with a.open("rb") as first, b.open("rb") as second:
        while block := first.read(_BLOCK_BYTES):
            if block != second.read(_BLOCK_BYTES):
                return False
    return True


def _compare_json(name: str, a: Path, b: Path, atol: float) -> Iterator[Difference]:
    first, second = _read_object(a / name), _read_object(b / name)
    for key in sorted(first.keys() | second.keys()):
        yield from compare_attribute(f"{name} {key}", first, second, key, atol)


def _read_object(path: Path) -> dict[str, Any]:
    found = read_json(path, do="")
    if not isinstance(found, dict):
        raise RhasError("not a configuration", where=str(path), got=type(found).__name__)
    return found
