"""A target: sound files, and what reads them. An input of the fuzzer changes one of the files.

The first byte of an input chooses the file, the second a way of reading. If bit 7 of the first byte
is set, the others are edits (`fuzz.edits`) of the file; otherwise they are the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fuzz.edits import edit_bytes, edit_file
from hypothesis import strategies as st

from rhas.base.errors import RhasError

_EDITED = 0x80
MAX_INPUT = 65536
"""Bytes of an input; larger files are changed by edits alone."""
_MAX_MESSAGE = 20_000


@dataclass(frozen=True)
class Kind:
    """A kind of target.

    Args:
        name: of the target.
        write: writes the sound files into a folder.
        read: reads what one of them is part of, in one of ``ways``.
        ways: how many ways of reading there are.
        seconds: of the processor that an input may take.
        examples: in the ordinary tests.
    """

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path, Path, int], None]
    ways: int = 1
    seconds: int = 10
    examples: int = 300


@dataclass(frozen=True)
class Target:
    """A kind with its files in a folder."""

    kind: Kind
    folder: Path

    @cached_property
    def files(self) -> dict[Path, bytes]:
        """The sound files, written at the first use."""
        self.kind.write(self.folder)
        return {p: p.read_bytes() for p in sorted(self.folder.rglob("*")) if p.is_file()}

    def list_seeds(self) -> list[bytes]:
        """Inputs that change nothing: each file as it is, and without an edit; read in turn in
        each way."""
        assert len(self.files) < _EDITED
        return [
            bytes([number | mode, number % self.kind.ways]) + (b"" if mode else data)
            for number, data in enumerate(self.files.values())
            for mode in ((0, _EDITED) if len(data) <= MAX_INPUT else (_EDITED,))
        ]

    def check(self, data: bytes) -> None:
        """Reads a changed file: a result or a `RhasError`, anything else is a finding."""
        if len(data) < 2:
            return
        path = list(self.files)[(data[0] & ~_EDITED) % len(self.files)]
        sound = self.files[path]
        path.write_bytes(edit_file(path, sound, data[2:]) if data[0] & _EDITED else data[2:])
        try:
            self.kind.read(self.folder, path, data[1] % self.kind.ways)
        except RhasError as error:
            check_message(error)
        finally:
            path.write_bytes(sound)

    def make_inputs(self) -> st.SearchStrategy[bytes]:
        """Random inputs for the ordinary tests."""
        seeds, ways = st.sampled_from(self.list_seeds()), st.integers(0, self.kind.ways - 1)
        return st.builds(_change, seeds, ways, st.binary(max_size=16))


def _change(seed: bytes, way: int, edits: bytes) -> bytes:
    changed = edits if seed[0] & _EDITED else edit_bytes(seed[2:], edits)
    return bytes([seed[0], way]) + changed


def check_message(error: RhasError) -> None:
    """Whether a message can be printed, says something, and is no flood."""
    text = str(error)
    assert error.what, "an error without a message"
    assert len(text) <= _MAX_MESSAGE, f"a message of {len(text)} letters: {text[:200]}"
    text.encode()
