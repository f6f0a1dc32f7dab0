"""Reads pickles of others safely: lists, tuples, dicts, strings, numbers and NumPy arrays only.

A pickle is a program. This reader runs only the operations that build those values; the few names
that NumPy's pickles call are replaced by stand-ins that never call NumPy, and every other name is
refused before anything runs. Arrays of objects and structured ones are refused.

It builds on the unpickler in Python, which is slower: the one in C allocates memory for whatever
index of the memo a pickle names.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rhas.base.errors import RhasError

MAX_BYTES = 2 << 30
MAX_VALUES = 100_000_000
MAX_DEPTH = 16
MAX_BITS = 256  # of a whole number; Python refuses to write out much longer ones

_PLAIN_DTYPE = re.compile(r"[<>|=]?(?:b1|\?|[iu][1248]|f[248]|U\d{1,6})")
_ALLOWED_OPCODES = frozenset(
    getattr(pickle, name)[0]
    for name in (
        "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE",
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
        "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "BINUNICODE8",
        "SHORT_BINUNICODE", "BINBYTES", "BINBYTES8", "SHORT_BINBYTES", "BYTEARRAY8",
        "EMPTY_LIST", "APPEND", "APPENDS", "LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2",
        "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "PUT", "BINPUT", "LONG_BINPUT",
        "MEMOIZE", "GET", "BINGET", "LONG_BINGET", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
    )
)  # fmt: skip


class Refused(Exception):
    """The pickle asks for something that is not on the list."""


def load_pickle(path: Path) -> Any:
    """The value in a pickle file.

    Raises:
        RhasError: no file, one above `MAX_BYTES`, one that is damaged, that asks for anything
            but the values above, or that unfolds to more than `MAX_VALUES` values, or a whole
            number of more than `MAX_BITS` bits.
    """
    if not path.is_file():
        raise RhasError("no such file", where=str(path), expected="a pickle")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RhasError(
            "the pickle is too large", where=str(path), expected=f"at most {MAX_BYTES} bytes",
            got=str(size),
        )  # fmt: skip
    try:
        return _Plain(_Reader(path.read_bytes()).load()).value
    except Refused as error:
        raise RhasError(
            "the pickle is refused, nothing of it was run",
            where=str(path),
            expected="lists, tuples, dicts, strings, numbers and NumPy arrays of numbers",
            got=str(error),
            do="have its author save the values as those, or as .npy",
        ) from error
    except Exception as error:  # whatever a damaged pickle raises
        raise RhasError(
            "the pickle cannot be read",
            where=str(path),
            got=f"{type(error).__name__}: {error}",
            do="copy it again",
        ) from error


_Unpickler: Any = pickle._Unpickler


class _Operations(dict[int, Any]):
    """The unpickler's table: code of an operation to its function."""

    def __missing__(self, code: int) -> Any:
        raise Refused(f"the operation {bytes([code])!r}, which builds none of these")


class _Reader(_Unpickler):
    """Python's unpickler, limited to the operations above."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._size = len(data)

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("multiarray", "_reconstruct"): _Call(_Array),
            ("multiarray", "scalar"): _Call(_make_scalar),
            ("numeric", "_frombuffer"): _Call(_from_buffer),
            ("numpy", "ndarray"): _Name("ndarray"),
            ("numpy", "dtype"): _Call(_Dtype),
            ("_codecs", "encode"): _Call(_encode_latin1),
            ("builtins", "bytes"): _Call(_no_bytes),
            ("__builtin__", "bytes"): _Call(_no_bytes),
        }
        if module in ("numpy.core.multiarray", "numpy._core.multiarray",
                      "numpy.core.numeric", "numpy._core.numeric"):  # fmt: skip
            module = module.rpartition(".")[2]
        if (module, name) not in known:
            raise Refused(f"the name {module}.{name}")
        return known[module, name]

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack[-1]
        if not isinstance(function, _Call) or not isinstance(arguments, tuple):
            raise Refused("a call of something that is no name of NumPy's")
        self.stack[-1] = function.function(*arguments)

    def load_build(self) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if not isinstance(built, _Dtype | _Array):
            raise Refused(f"the state of a {type(built).__name__}")
        built.set_state(state)

    def load_bytearray8(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        if length > self._size:
            raise Refused(f"{length} bytes out of a file of {self._size}")
        self.append(self.read(length))

    dispatch = _Operations(
        {code: load for code, load in _Unpickler.dispatch.items() if code in _ALLOWED_OPCODES}
    )
    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


class _Name:
    """A name that stands for itself and cannot be called."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class _Call:
    """A name that REDUCE may call."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function


class _Dtype:
    """Stands for ``numpy.dtype``: numbers, truth values and fixed-width text."""

    def __init__(self, text: Any, *_: Any) -> None:
        if not isinstance(text, str) or not _PLAIN_DTYPE.fullmatch(text):
            raise Refused(f"an array of type {text!r}")
        self.dtype = np.dtype(text)

    def set_state(self, state: Any) -> None:
        """``(version, byte order, subtype, names, fields, ...)``."""
        plain = isinstance(state, tuple) and len(state) >= 5 and state[2:5] == (None, None, None)
        if not plain or state[1] not in ("<", ">", "|", "="):
            raise Refused("a structured array")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for an array: ``_reconstruct(ndarray, (0,), b'b')`` and its state."""

    def __init__(self, *_: Any) -> None:
        self.value: np.ndarray | None = None

    def set_state(self, state: Any) -> None:
        """``(version, shape, dtype, whether in Fortran's order, bytes)``."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("an array without its state")
        _, shape, dtype, fortran, data = state
        self.value = _make_array(data, dtype, shape, "F" if fortran else "C")


def _make_array(data: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    """Data of exactly the size that shape and type say; so memory is bounded by the file."""
    if isinstance(data, str):
        data = data.encode("latin1")  # as Python 2 wrote it
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
        raise Refused("an array of objects")
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if not all(isinstance(n, int) and n >= 0 for n in sizes) or len(sizes) > 8:
        raise Refused(f"an array of shape {shape!r}")
    if math.prod(sizes) * dtype.dtype.itemsize != len(data):
        raise Refused(f"an array of shape {shape} with {len(data)} bytes")
    return np.frombuffer(bytes(data), dtype.dtype).reshape(
        sizes, order="F" if order == "F" else "C"
    )


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    built = _Array()
    built.value = _make_array(data, dtype, shape, order)
    return built


def _make_scalar(dtype: Any, data: Any = b"") -> Any:
    return _make_array(data, dtype, (1,), "C")[0].item()


def _encode_latin1(text: Any, encoding: Any = "latin1") -> bytes:
    """How protocols before 3 write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise Refused("an encoding other than latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How they write none."""
    return b""


class _Plain:
    """The value without stand-ins; a list that occurs twice is built once but counts twice."""

    def __init__(self, value: Any) -> None:
        self._counts: dict[int, int] = {}
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()
        self.value = self._convert(value, 0)[0]

    def _convert(self, value: Any, depth: int) -> tuple[Any, int]:
        """The value and how many values it unfolds to."""
        if isinstance(value, _Array):
            if value.value is None:
                raise Refused("an array without its state")
            return value.value, max(value.value.size, 1)
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise Refused(f"a whole number of {value.bit_length():,} bits")
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value, 1
        if not isinstance(value, list | tuple | dict):
            raise Refused(f"a {type(value).__name__.strip('_').lower()} on its own")
        name = id(value)
        if name in self._built:
            return self._built[name], self._counts[name]
        if depth >= MAX_DEPTH or name in self._open:
            raise Refused(f"values nested in each other more than {MAX_DEPTH} deep")
        self._open.add(name)
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        built = [self._convert(part, depth + 1) for part in parts]
        count = 1 + sum(size for _, size in built)
        if count > MAX_VALUES:
            raise Refused(f"values that unfold to more than {MAX_VALUES:,}")
        values = [part for part, _ in built]
        half = len(values) // 2
        result: Any = (
            dict(zip(values[:half], values[half:], strict=True))
            if isinstance(value, dict)
            else type(value)(values)
        )
        self._open.discard(name)
        self._built[name], self._counts[name] = result, count
        return result, count
