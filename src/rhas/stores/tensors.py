"""Tensors of a safetensors file, read part by part: a checkpoint may be larger than memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rhas.base.errors import RhasError
from rhas.stores.checkpoints import read_header

_STORED = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "<i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1",
    "BOOL": "|b1",
}  # fmt: skip


@dataclass(frozen=True)
class FlatTensor:
    """The values of a tensor, one after the other; bfloat16 is read as float32.

    Args:
        kind: its dtype, as the format names it; the bytes of one that numpy lacks count as values.
        sizes: its shape.
    """

    kind: str
    sizes: tuple[int, ...]
    _file: BinaryIO
    _start: int
    _bytes: int

    @property
    def shape(self) -> tuple[int]:
        """How many values."""
        return (self._bytes // self._stored.itemsize,)

    def __getitem__(self, part: tuple[slice]) -> np.ndarray:
        start, stop, _ = part[0].indices(self.shape[0])
        size = self._stored.itemsize
        self._file.seek(self._start + start * size)
        values = np.frombuffer(self._file.read((stop - start) * size), self._stored)
        if self.kind == "BF16":
            return (values.astype("<u4") << 16).view("<f4")
        return values

    @property
    def is_number(self) -> bool:
        """Whether numpy reads its values."""
        return self.kind in _STORED

    @property
    def _stored(self) -> np.dtype:
        return np.dtype(_STORED.get(self.kind, "<u1"))


@contextmanager
def open_tensors(path: Path) -> Iterator[dict[str, FlatTensor]]:
    """The tensors of a file by name.

    Raises:
        RhasError: not a safetensors file, or a damaged one.
    """
    header = read_header(path)
    end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    first = path.stat().st_size - end
    with path.open("rb") as file:
        found = {}
        for name, tensor in header.items():
            start, stop = tensor["data_offsets"]
            sizes, kind = tuple(tensor["shape"]), tensor["dtype"]
            made = FlatTensor(kind, sizes, file, first + start, stop - start)
            if stop < start or (kind in _STORED and made.shape != (math.prod(sizes),)):
                raise RhasError(
                    "a tensor does not fit its bytes",
                    where=f"{path}, {name}",
                    expected=f"{kind} {list(sizes)}",
                    got=f"{stop - start:,} bytes",
                    do="download or train it again",
                )
            found[name] = made
        yield found
