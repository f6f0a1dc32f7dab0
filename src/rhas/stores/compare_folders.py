"""What differs between two sets of samples, or between two checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import read_csv, read_json
from rhas.stores.checkpoints import read_header
from rhas.stores.differences import Difference, compare_arrays, compare_attribute

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
        elif (a / name).read_bytes() != (b / name).read_bytes():
            yield Difference(name, "content")


def _compare_tensors(where: str, a: Path, b: Path, atol: float) -> Iterator[Difference]:
    from safetensors import safe_open

    headers = read_header(a), read_header(b)
    with safe_open(a, framework="pt") as first, safe_open(b, framework="pt") as second:
        for name in sorted(headers[0].keys() | headers[1].keys()):
            inner = f"{where} {name}"
            if name not in headers[0] or name not in headers[1]:
                yield Difference(inner, "only in A" if name in headers[0] else "only in B")
                continue
            types = [header[name]["dtype"] for header in headers]
            if types[0] != types[1]:
                yield Difference(inner, "type", *types)
            one, other = (_to_array(file.get_tensor(name)) for file in (first, second))
            if types[0] == types[1]:
                yield from compare_arrays(inner, one, other, atol)
            else:
                yield from compare_arrays(
                    inner, one.astype(np.float64), other.astype(np.float64), atol
                )


def _to_array(tensor: Any) -> np.ndarray:
    """With a dimension at least; bfloat16, which numpy lacks, as float32."""
    return np.atleast_1d((tensor.float() if tensor.is_floating_point() else tensor).numpy())


def _compare_json(name: str, a: Path, b: Path, atol: float) -> Iterator[Difference]:
    first, second = _read_object(a / name), _read_object(b / name)
    for key in sorted(first.keys() | second.keys()):
        yield from compare_attribute(f"{name} {key}", first, second, key, atol)


def _read_object(path: Path) -> dict[str, Any]:
    found = read_json(path, do="")
    if not isinstance(found, dict):
        raise RhasError("not a configuration", where=str(path), got=type(found).__name__)
    return found
