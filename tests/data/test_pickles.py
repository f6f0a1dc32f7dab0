"""Strangers' pickles: what is allowed comes back equal, anything else runs nothing."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
from collections import OrderedDict, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.data import pickles, unpickler
from rhas.data.pickles import load_pickle

NESTED = [1, -(2**70), 2.5, True, None, "é", ("a", (1, 2)), {"k": [3, {"l": ()}], 4: "x"}, []]
ARRAYS = [
    np.arange(6, dtype=np.int64).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    np.array([1.5, -2], ">f8"),
    np.zeros((0, 3), np.float16),
    np.array([True, False]),
    np.array(["walking", "é"]),
    np.array(7, np.uint8),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "strange.pkl"


def loaded(file: Path, value: Any, protocol: int) -> Any:
    file.write_bytes(pickle.dumps(value, protocol))
    return load_pickle(file)


def message(file: Path, data: bytes) -> str:
    file.write_bytes(data)
    with pytest.raises(RhasError) as caught:
        load_pickle(file)
    return str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_back(file: Path, protocol: int) -> None:
    assert loaded(file, NESTED, protocol) == NESTED


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype} {a.shape}")
def test_arrays_come_back(file: Path, array: np.ndarray, protocol: int) -> None:
    (got,) = loaded(file, [array], protocol)
    np.testing.assert_array_equal(got, array)
    assert got.dtype == array.dtype


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_numbers_come_back(file: Path, protocol: int) -> None:
    got = loaded(file, (np.int64(5), np.float32(1.5), np.bool_(True)), protocol)
    assert got == (5, 1.5, True)


@pytest.mark.parametrize("value", [[10**6000], {-(10**6000): 1}])
def test_a_number_that_python_would_not_write_out(file: Path, value: Any) -> None:
    assert "a whole number of 19,932 bits" in message(file, pickle.dumps(value))


def test_lists_that_are_shared_stay_equal(file: Path) -> None:
    shared = [1, 2]
    assert loaded(file, [shared, shared], 4) == [[1, 2], [1, 2]]


class Runs:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "function",
    [os.system, eval, exec, subprocess.call, getattr, np.load, np.frombuffer, __import__],
)
def test_no_function_is_run(file: Path, tmp_path: Path, function: Any, protocol: int) -> None:
    witness = tmp_path / "witness"
    code = pickle.dumps([Runs(function, f"touch '{witness}'")], protocol)
    assert "refused, nothing of it was run" in message(file, code)
    assert not witness.exists()


def test_by_hand_os_system(file: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    text = f"cos\nsystem\n(S'touch {witness}'\ntR.".encode()
    assert "the name os.system" in message(file, text)
    assert not witness.exists()


@pytest.mark.parametrize(
    "value",
    [np.array([[1], "a"], object),
     np.zeros(2, [("a", "f4")]), np.array(["2020-01-01"], "datetime64[D]"), np.ma.array([1]),
     Fraction(1, 2), OrderedDict(a=1), defaultdict(list), {1, 2}, 1j, Path("x"), np.dtype("f4"),
     np.ndarray, range(3), slice(1)],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 5])
def test_other_values_are_refused(file: Path, value: Any, protocol: int) -> None:
    assert "the pickle is refused" in message(file, pickle.dumps([value], protocol))


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
FLOATS = b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"


@pytest.mark.parametrize(
    "code",
    [
        RECONSTRUCT + b".",  # no state
        RECONSTRUCT + b"(I1\n(I1000000000\nt" + FLOATS + b"I00\nS'1234'\ntb.",  # claims 4 GB
        RECONSTRUCT + b"(I1\n(I-1\nt" + FLOATS + b"I00\nS'1234'\ntb.",
        RECONSTRUCT + b"(I1\n(I1\nt" + FLOATS + b"I00\n(lp1\nI1\natb.",  # data is a list
        b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'|'\nN(S'a'\nt(dp1\nI-1\nI-1\nI0\ntb.",  # fields
        b"cnumpy.core.multiarray\n_reconstruct\n(I1\nI2\ndb.",  # the state of a function
        b"c_codecs\nencode\n(S'x'\nS'zlib'\ntR.",
        b"I1\n(I2\ntR.",  # a call of a number
        b"(lp0\ng0\na.",  # a list in itself
        b"(l" * 30 + b"a" * 29 + b".",
        b"P1\n.",  # a persistent id
        b"\x82\x01.",  # an extension
        b"(ios\nsystem\n.",
        b"(c__builtin__\nobject\no.",
        b"\x80\x02c__builtin__\nobject\n)\x81.",
        b"\x80\x05\x97.",  # a buffer from outside
    ],
)
def test_programs_by_hand(file: Path, code: bytes) -> None:
    assert "pickle is refused" in (text := message(file, code)) or "cannot be read" in text


def test_memory_is_not_reserved_for_what_a_pickle_claims(file: Path) -> None:
    huge = struct.pack("<Q", 1 << 40)
    for code in (
        b"\x80\x05\x96" + huge + b"x.",  # a bytearray of a terabyte
        b"\x80\x05\x8e" + huge + b"x.",  # bytes
        b"\x80\x05\x8d" + huge + b"x.",  # text
        b"\x80\x02\x8b" + struct.pack("<i", (1 << 31) - 1) + b"x.",  # a number
    ):
        assert "cannot be read" in (text := message(file, code)) or "refused" in text
    file.write_bytes(b"\x80\x05\x95" + huge + b"N.")  # a frame
    assert load_pickle(file) is None
    far = b"\x80\x02K\x01r" + struct.pack("<I", (1 << 32) - 1) + b"."
    file.write_bytes(far)  # C's machine would reserve 68 GB for the memory table
    assert load_pickle(file) == 1


def test_a_pickle_that_unfolds_without_end(file: Path) -> None:
    """Ten lists, each ten times the one before: small in the file, 10^10 values when read."""
    value: list[Any] = [0] * 10
    for _ in range(10):
        value = [value] * 10
    assert "unfold to more than" in message(file, pickle.dumps(value))


DEEP = b"\x85" * 200_000  # a tuple in a tuple in a tuple


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x02})" + DEEP + b"I1\ns.",  # as a key
        b"\x80\x02}()" + DEEP + b"I1\nu.",
        b"\x80\x02()" + DEEP + b"I1\nd.",
        b"\x80\x02)" + DEEP + b".",
        b"\x80\x02]" + b"]" * 200_000 + b"a" * 200_000 + b".",
        b"\x80\x02" + b"}I1\n" * 50_000 + b"}" + b"s" * 50_000 + b".",
        b"\x80\x02cnumpy\ndtype\n)" + DEEP + b"\x85R.",  # as a type
        RECONSTRUCT + b"(I1\n)" + DEEP + FLOATS + b"I00\nS'1234'\ntb.",  # as a shape
    ],
    ids=["key", "keys", "dict", "tuple", "list", "dicts", "dtype", "shape"],
)
def test_values_nested_without_end(file: Path, code: bytes) -> None:
    assert "pickle is refused" in message(file, code)


@pytest.mark.parametrize(
    "key",
    [
        b")" + (b"q\x000(" + b"h\x00" * 50 + b"t") * 4,  # 50^4 hashes
        b"(" + b"I1\n" * 9 + b"t",
        b"]",
        b"}",
        b"\x8a\x09" + b"\xff" * 8 + b"\x01",  # as many as wanted of these have one hash
    ],
    ids=["tuples", "tuple", "list", "dict", "wide number"],
)
def test_keys_are_text_and_numbers(file: Path, key: bytes) -> None:
    assert "other keys than text and numbers" in message(file, b"\x80\x02}" + key + b"I1\ns.")


def test_copies_of_one_text_are_counted(file: Path) -> None:
    """A megabyte, ten thousand times as an argument: 10 GB in a file of one."""
    text = b"X" + struct.pack("<I", 10**6) + b"x" * 10**6 + b"q\x00"
    encoded = b"c_codecs\nencode\nq\x01"
    calls = b"h\x01h\x00X\x06\x00\x00\x00latin1\x86R" * 10_000
    code = b"\x80\x02" + text + encoded + b"]" + b"(" + calls + b"e."
    assert "more bytes than the file has" in message(file, code)


@pytest.mark.parametrize("shape", [(10**12, 0), (0, 10**12), (1,) * 9, (1 << 300, 0)])
def test_giant_shapes(file: Path, shape: tuple[int, ...]) -> None:
    sizes = pickle.dumps(shape, 0)[:-1]
    code = RECONSTRUCT + b"(I1\n" + sizes + FLOATS + b"I00\nS''\ntb."
    assert "pickle is refused" in message(file, code)


def test_too_many_lists(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickler, "MAX_CONTAINERS", 10)
    assert "more than 10 lists" in message(file, b"\x80\x02" + b"]" * 11 + b".")


def test_a_number_is_refused_where_it_is_read(file: Path) -> None:
    """Not after a product of it was computed."""
    code = b"\x80\x02\x8b" + struct.pack("<i", 10**6) + b"\x01" * 10**6 + b"0I1\n."
    assert "a whole number of" in message(file, code)


def test_a_file_too_large(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_BYTES", 10)
    assert "too large" in message(file, pickle.dumps("a long sentence"))


@pytest.mark.parametrize("data", [b"", b"text", b"\x80\x05", pickle.dumps([1, 2, 3])[:-3]])
def test_damaged_files(file: Path, data: bytes) -> None:
    assert "cannot be read" in message(file, data)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no such file"):
        load_pickle(tmp_path / "none.pkl")
