"""Reads pickles of others safely: lists, tuples, dicts, strings, numbers and NumPy arrays only.

A pickle is a program. This reader runs only the operations that build those values; the few names
that NumPy's pickles call are replaced by stand-ins that never call NumPy, and every other name is
refused before anything runs. Arrays of objects and structured ones are refused. Depth and size are
checked before anything is hashed, copied or multiplied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.data.pickle_values import FoundArray, Pairs, Refused
from rhas.data.unpickler import PlainUnpickler

MAX_BYTES = 2 << 30
MAX_VALUES = 100_000_000
MAX_DEPTH = 16
MAX_KEY_BITS = 64  # few of these have one hash; of longer ones any number can


def load_pickle(path: Path) -> Any:
    """The value in a pickle file.

    Raises:
        RhasError: no file, one above `MAX_BYTES`, one that is damaged, that asks for anything
            but the values above, that unfolds to more than `MAX_VALUES` values, is nested more
            than `MAX_DEPTH` deep, or has a whole number of more than `MAX_BITS` bits.
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
        return _Plain(PlainUnpickler(path.read_bytes()).load()).value
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
            got=f"{type(error).__name__}: {error}"[:200],
            do="copy it again",
        ) from error


class _Plain:
    """The value without stand-ins; a list that occurs twice is built once but counts twice."""

    def __init__(self, value: Any) -> None:
        self._counts: dict[int, int] = {}
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()
        self.value = self._convert(value, 0)[0]

    def _convert(self, value: Any, depth: int) -> tuple[Any, int]:
        """The value and how many values it unfolds to."""
        if isinstance(value, FoundArray):
            if value.value is None:
                raise Refused("an array without its state")
            return value.value, max(value.value.size, 1)
        if value is None or isinstance(value, bool | int | float | str | bytes):
            return value, 1
        if not isinstance(value, list | tuple | Pairs):
            raise Refused(f"a {type(value).__name__.strip('_').lower()} on its own")
        name = id(value)
        if name in self._built:
            return self._built[name], self._counts[name]
        if depth >= MAX_DEPTH or name in self._open:
            raise Refused(f"values nested in each other more than {MAX_DEPTH} deep")
        self._open.add(name)
        built = [
            self._convert(part, depth + 1)
            for part in (value.items if isinstance(value, Pairs) else value)
        ]
        count = 1 + sum(size for _, size in built)
        if count > MAX_VALUES:
            raise Refused(f"values that unfold to more than {MAX_VALUES:,}")
        values = [part for part, _ in built]
        result: Any = (
            _make_dict(values[::2], values[1::2])
            if isinstance(value, Pairs)
            else type(value)(values)
        )
        self._open.discard(name)
        self._built[name], self._counts[name] = result, count
        return result, count


def _make_dict(keys: list[Any], values: list[Any]) -> dict[Any, Any]:
    """Keys whose hash takes no time and cannot be chosen: text and numbers."""
    for key in keys:
        wide = isinstance(key, int) and key.bit_length() > MAX_KEY_BITS
        if wide or not (key is None or isinstance(key, int | float | str | bytes)):
            raise Refused("a dict with other keys than text and numbers")
    return dict(zip(keys, values, strict=True))
