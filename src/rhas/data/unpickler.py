"""Python's unpickler, limited to operations that build plain values and NumPy arrays.

The one in C is faster, but allocates memory for whatever index of the memo a pickle names. Nothing
is hashed while a pickle is read: dicts are pairs until their keys are checked.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any

from rhas.data.pickle_values import (
    Call,
    Dtype,
    FoundArray,
    Name,
    Pairs,
    Refused,
    encode_latin1,
    from_buffer,
    make_scalar,
    no_bytes,
)  # fmt: skip

MAX_BITS = 256
"""Of a whole number; Python refuses to write out much longer ones."""
MAX_CONTAINERS = 20_000_000
"""A list takes one byte of a file and a hundred of memory."""
_MAX_ARGUMENTS = 9  # the state of a dtype
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
_Unpickler: Any = pickle._Unpickler


class _Operations(dict[int, Any]):
    """The unpickler's table: code of an operation to its function."""

    def __missing__(self, code: int) -> Any:
        raise Refused(f"the operation {bytes([code])!r}, which builds none of these")


class PlainUnpickler(_Unpickler):
    """Python's unpickler, limited to the operations above."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._size = len(data)
        self._containers = 0
        self._copied = 0

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("multiarray", "_reconstruct"): Call(FoundArray),
            ("multiarray", "scalar"): Call(make_scalar),
            ("numeric", "_frombuffer"): Call(from_buffer),
            ("numpy", "ndarray"): Name("ndarray"),
            ("numpy", "dtype"): Call(Dtype),
            ("_codecs", "encode"): Call(encode_latin1),
            ("builtins", "bytes"): Call(no_bytes),
            ("__builtin__", "bytes"): Call(no_bytes),
        }
        if module in ("numpy.core.multiarray", "numpy._core.multiarray",
                      "numpy.core.numeric", "numpy._core.numeric"):  # fmt: skip
            module = module.rpartition(".")[2]
        if (module, name) not in known:
            raise Refused(f"the name {module[:60]}.{name[:60]}")
        return known[module, name]

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack[-1]
        if not isinstance(function, Call):
            raise Refused("a call of something that is no name of NumPy's")
        self._count_copied(arguments)
        self.stack[-1] = function.function(*arguments)

    def load_build(self) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if not isinstance(built, Dtype | FoundArray):
            raise Refused(f"the state of a {type(built).__name__}")
        self._count_copied(state)
        built.set_state(state)

    def load_bytearray8(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        if length > self._size:
            raise Refused(f"{length} bytes out of a file of {self._size}")
        self.append(self.read(length))

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append(Pairs(items))

    def load_empty_dict(self) -> None:
        self.append(Pairs([]))

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._add_items([key, value])

    def load_setitems(self) -> None:
        self._add_items(self.pop_mark())

    def _add_items(self, items: list[Any]) -> None:
        if not isinstance(built := self.stack[-1], Pairs):
            raise Refused(f"an item of a {type(built).__name__}")
        built.add(items)

    def _count_copied(self, values: Any) -> None:
        """Bounds the bytes that calls copy: a text of the memo can be an argument of many."""
        if not isinstance(values, tuple) or len(values) > _MAX_ARGUMENTS:
            raise Refused("a call with other arguments than NumPy's")
        for value in values:
            self._copied += len(value) if isinstance(value, str | bytes | bytearray) else 0
        if self._copied > 4 * self._size:
            raise Refused("arrays of more bytes than the file has")

    def _count_container(self) -> None:
        self._containers += 1
        if self._containers > MAX_CONTAINERS:
            raise Refused(f"more than {MAX_CONTAINERS:,} lists, tuples and dicts")

    dispatch = _Operations(
        {code: load for code, load in _Unpickler.dispatch.items() if code in _ALLOWED_OPCODES}
    )
    dispatch |= {
        pickle.REDUCE[0]: load_reduce,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
        pickle.DICT[0]: load_dict,
        pickle.EMPTY_DICT[0]: load_empty_dict,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
    }


def _counted(load: Callable[[PlainUnpickler], None]) -> Callable[[PlainUnpickler], None]:
    def load_container(reader: PlainUnpickler) -> None:
        reader._count_container()
        load(reader)

    return load_container


def _bounded(load: Callable[[PlainUnpickler], None]) -> Callable[[PlainUnpickler], None]:
    def load_number(reader: PlainUnpickler) -> None:
        load(reader)
        if (bits := int(reader.stack[-1]).bit_length()) > MAX_BITS:
            raise Refused(f"a whole number of {bits:,} bits")

    return load_number


for _names, _limit in (
    ("MARK EMPTY_LIST LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT", _counted),
    ("INT LONG LONG1 LONG4", _bounded),
):
    for _name in _names.split():
        _code = getattr(pickle, _name)[0]
        PlainUnpickler.dispatch[_code] = _limit(PlainUnpickler.dispatch[_code])
