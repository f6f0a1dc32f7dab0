"""Edits of a sound file that keep its form, so that what is wrong lies deeper than its syntax.

An edit is four bytes: what is done, where, and two that choose a value. Any bytes are edits.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import pickle
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 255, 2**31, 2**63, -(2**63), 10**12, 10**400, 0.0, -0.0, 0.5,
    1e-9, 1e9, 1e308, math.inf, -math.inf, math.nan, "", " ", "0", "1", "-1", "0.0", "1e400", "nan",
    "9" * 5000, "x", "walking", "person 0", "a", "a.mp4", "../a", "é", "\ud800", "\0", "\n", "=1+1",
    [], [0], ["x"], {}, {"x": 1},
)  # fmt: skip
"""What strangers, programs and accidents put where a value belongs."""
_MOST_PLACES = 2000  # of a document, then it is edited no more
_DTYPES = ("u1", "i4", "i8", "f2", "f4", "f8", "?", "S3", "c8")
_SHAPES = ((), (0,), (1,), (3,), (4,), (0, 4), (3, 4), (4, 4), (2, 3, 4), (10**6, 10**6))
_IMPOSSIBLE = (KeyError, RuntimeError, TypeError, ValueError, OverflowError, OSError)
"""Errors of an edit of what another one has removed, or with a value that HDF5 cannot hold."""
_PATCHES = 192  # what from this on changes a byte of a file
_HEAD = 4096  # bytes in which HDF5 has most of its metadata
_NUMBERS = (0, 1, -1, 3, 255, 2**31 - 1, -(2**31), 2**62, 0.5, math.nan, math.inf, 1e30)


def edit_file(path: Path, data: bytes, edits: bytes) -> bytes:
    """The content of a file after some edits, as its ending has it."""
    edit = _EDITORS.get(path.suffix, edit_bytes)
    return edit(data, edits)


def _split(edits: bytes) -> Iterator[tuple[int, int, int, int]]:
    for place in range(0, len(edits) - 3, 4):
        what, where, first, second = edits[place : place + 4]
        yield what, where, first, second


def edit_bytes(data: bytes, edits: bytes) -> bytes:
    """Bytes replaced, removed, repeated or zeroed."""
    found = bytearray(data)
    for what, where, first, second in _split(edits):
        at = (where * 256 + first) * len(found) // 65536
        size = 1 << (second % 12)
        part = found[at : at + size]
        if what % 6 == 0:
            found[at : at + 1] = bytes([second])
        elif what % 6 == 1:
            found[at : at + 1] = bytes([found[at] ^ 1 << second % 8]) if part else b""
        else:
            found[at : at + size] = (b"", part * 2, bytes(len(part)), b"\xff" * len(part))[
                what % 6 - 2
            ]
    return bytes(found)


def edit_json(data: bytes, edits: bytes) -> bytes:
    """Values of a JSON document replaced, removed, or put in the place of others."""
    return json.dumps(_edit_tree(json.loads(data), edits)).encode()


def edit_pickle(data: bytes, edits: bytes) -> bytes:
    """The same of the lists and dicts in a pickle."""
    return pickle.dumps(_edit_tree(pickle.loads(data), edits), 2)


def _edit_tree(value: Any, edits: bytes) -> Any:
    holder = [value]
    for what, where, first, second in _split(edits):
        places = list(_list_places(holder))
        if not 0 < len(places) <= _MOST_PLACES:  # copies of copies double it each time
            break
        parent, key = places[(where * 256 + first) % len(places)]
        if what % 4 == 0 and parent is not holder:
            del parent[key]
        elif what % 4 == 1:
            other, name = places[second % len(places)]
            parent[key] = copy.deepcopy(other[name])
        elif what % 4 == 2 and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        else:
            parent[key] = copy.deepcopy(VALUES[second % len(VALUES)])
    return holder[0]


def _list_places(parent: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(parent) if isinstance(parent, dict) else range(len(parent))
    for key in keys:
        yield parent, key
        if isinstance(parent[key], dict | list):
            yield from _list_places(parent[key])


def edit_xml(data: bytes, edits: bytes) -> bytes:
    """Texts and attributes replaced, elements removed, repeated or moved."""
    root = ET.fromstring(data)
    for what, where, first, second in _split(edits):
        elements = list(root.iter())
        element = elements[(where * 256 + first) % len(elements)]
        text = _show(VALUES[second % len(VALUES)])
        names = sorted(element.attrib)
        if what % 4 == 0 and len(element):
            element.remove(element[second % len(element)])
        elif what % 4 == 1:
            element.append(copy.deepcopy(elements[second % len(elements)]))
        elif what % 4 == 2 and names:
            element.set(names[what // 4 % len(names)], text)
        else:
            element.text = text
        if sum(1 for _ in root.iter()) > _MOST_PLACES:
            break
    return ET.tostring(root, "utf-8")


def edit_cells(data: bytes, edits: bytes) -> bytes:
    """Cells of a table replaced, lines repeated or removed."""
    text = data.decode()
    mark = "\t" if "\t" in text else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=mark))
    for what, where, first, second in _split(edits):
        if not rows:
            break
        row = rows[where % len(rows)]
        if what % 8 == 0:
            rows.remove(row)
        elif what % 8 == 1:
            rows.append(list(row))
        elif row:
            row[first % len(row)] = _show(VALUES[second % len(VALUES)])
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _show(value: Any) -> str:
    return str(value).encode("utf-8", "ignore").decode()[:5000] if value is not None else ""


def edit_hdf5(data: bytes, edits: bytes) -> bytes:
    """Datasets of another type or shape, other attributes, values, links, groups; other bytes."""
    buffer, patches = io.BytesIO(data), []
    with h5py.File(buffer, "r+") as file:
        for what, where, first, second in _split(edits):
            if what >= _PATCHES:
                patches.append((where * 256 + first, second))
                continue
            members: list[str] = []
            file.visit(members.append)
            name = members[where % len(members)] if members else "x"
            with suppress(*_IMPOSSIBLE):
                _HDF5_EDITS[what % len(_HDF5_EDITS)](file, name, first, second)
    found = bytearray(buffer.getvalue())
    filled = np.flatnonzero(np.frombuffer(bytes(found), np.uint8))  # chunks are mostly empty
    for place, byte in patches:
        at = place // 2 % _HEAD if place & 1 else int(filled[place // 2 * len(filled) // 32768])
        found[at % len(found)] = byte
    return bytes(found)


def _replace_dataset(file: h5py.File, name: str, first: int, second: int) -> None:
    _remove(file, name)
    dtype = np.dtype(_DTYPES[first % len(_DTYPES)])
    shape = _SHAPES[second % len(_SHAPES)]
    chunks = True if shape and max(shape) > 4 else None
    file.create_dataset(name, shape, dtype, chunks=chunks)


def _change_values(file: h5py.File, name: str, first: int, second: int) -> None:
    found = file.get(name)
    if isinstance(found, h5py.Dataset) and 0 < found.size < 1_000_000 and found.dtype.kind in "iuf":
        values = found[...].reshape(-1)
        with np.errstate(all="ignore"):
            number = np.array(_NUMBERS[second % len(_NUMBERS)], np.float64).astype(found.dtype)
        values[first % len(values)] = number
        found[...] = values.reshape(found.shape)


def _change_attribute(file: h5py.File, name: str, first: int, second: int) -> None:
    holder = file if first & 1 or name not in file else file[name]
    names = sorted(holder.attrs) or ["reference"]
    attribute = names[first // 2 % len(names)]
    holder.attrs.pop(attribute, None)
    holder.attrs[attribute] = VALUES[second % len(VALUES)]


def _link(file: h5py.File, name: str, first: int, second: int) -> None:
    _remove(file, name)
    file[name] = h5py.SoftLink("/offsets") if first & 1 else h5py.ExternalLink("x.h5", "/x")


def _make_group(file: h5py.File, name: str, first: int, second: int) -> None:
    _remove(file, name)
    file.create_group(name)


def _remove(file: h5py.File, name: str, first: int = 0, second: int = 0) -> None:
    if name in file or file.get(name, getlink=True) is not None:
        del file[name]


_HDF5_EDITS: Sequence[Callable[[h5py.File, str, int, int], None]] = (
    _change_attribute, _change_values, _replace_dataset, _remove, _make_group, _link,
)  # fmt: skip

_EDITORS: dict[str, Callable[[bytes, bytes], bytes]] = {
    ".json": edit_json,
    ".pkl": edit_pickle,
    ".xml": edit_xml,
    ".eaf": edit_xml,
    ".csv": edit_cells,
    ".tsv": edit_cells,
    ".txt": edit_cells,
    ".h5": edit_hdf5,
}
