"""What stands for the values of a pickle while it is read: nothing here calls NumPy's unpickling.

Sizes are checked before anything is copied or multiplied.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_LENGTH = 10_000_000
"""Of a side of an array, which costs nothing where another side is 0."""
_PLAIN_DTYPE = re.compile(r"[<>|=]?(?:b1|\?|[iu][1248]|f[248]|U\d{1,6})")


class Refused(Exception):
    """The pickle asks for something that is not on the list."""


class Pairs:
    """Stands for a dict: keys and values in turn, not hashed yet."""

    __slots__ = ("items",)

    def __init__(self, items: list[Any]) -> None:
        self.items: list[Any] = []
        self.add(items)

    def add(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise Refused("a dict with a key without its value")
        self.items += items


class Name:
    """A name that stands for itself and cannot be called."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Call:
    """A name that REDUCE may call."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function


class Dtype:
    """Stands for ``numpy.dtype``: numbers, truth values and fixed-width text."""

    def __init__(self, text: Any, *_: Any) -> None:
        if not isinstance(text, str) or not _PLAIN_DTYPE.fullmatch(text):
            shown = repr(text[:60]) if isinstance(text, str) else type(text).__name__
            raise Refused(f"an array of type {shown}")
        self.dtype = np.dtype(text)

    def set_state(self, state: Any) -> None:
        """``(version, byte order, subtype, names, fields, ...)``."""
        plain = isinstance(state, tuple) and len(state) >= 5 and state[2:5] == (None, None, None)
        if not plain or state[1] not in ("<", ">", "|", "="):
            raise Refused("a structured array")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class FoundArray:
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
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes | bytearray):
        raise Refused("an array of objects")
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if len(sizes) > 8 or not all(isinstance(n, int) and 0 <= n <= MAX_LENGTH for n in sizes):
        raise Refused("an array of another shape than a few lengths")
    if math.prod(sizes) * dtype.dtype.itemsize != len(data):
        raise Refused(f"an array of shape {sizes} with {len(data)} bytes")
    return np.frombuffer(bytes(data), dtype.dtype).reshape(
        sizes, order="F" if order == "F" else "C"
    )


def from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> FoundArray:
    built = FoundArray()
    built.value = _make_array(data, dtype, shape, order)
    return built


def make_scalar(dtype: Any, data: Any = b"") -> Any:
    return _make_array(data, dtype, (1,), "C")[0].item()


def encode_latin1(text: Any, encoding: Any = "latin1") -> bytes:
    """How protocols before 3 write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise Refused("an encoding other than latin1")
    return text.encode("latin1")


def no_bytes() -> bytes:
    """How they write none."""
    return b""
