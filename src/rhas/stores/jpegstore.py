"""JPEG bytes of many frames in one flat HDF5 dataset (DESIGN.md, Files).

Variable-length rows cost nine times as much to read; one flat array with offsets is a slice.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from rhas.base.errors import RhasError

_CHUNK_BYTES = 1 << 20


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG bytes of an RGB picture, uint8 (height, width, 3); quality 1 to 95."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=1)
    return buffer.getvalue()


def decode_jpeg(data: bytes) -> np.ndarray:
    """RGB picture, uint8 (height, width, 3), of JPEG bytes."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@contextmanager
def create_h5(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file whose bytes depend on nothing but what is written to it."""
    with h5py.File(path, "w", libver=("v110", "v110"), track_order=False) as file:
        yield file


def create_dataset(group: h5py.Group, name: str, data: np.ndarray) -> h5py.Dataset:
    """A dataset without time stamps, contiguous."""
    return group.create_dataset(name, data=data, track_times=False)


class JpegWriter:
    """Appends JPEG bytes to ``group`` and, on close, writes the offsets.

    Use as a context manager around the whole of a film.
    """

    def __init__(self, group: h5py.Group) -> None:
        self._group = group
        self._bytes = group.create_dataset(
            "jpeg",
            shape=(0,),
            maxshape=(None,),
            dtype=np.uint8,
            chunks=(_CHUNK_BYTES,),
            track_times=False,
        )
        self._offsets = [0]
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._written = 0

    def append(self, data: bytes) -> None:
        """Adds one frame; empty bytes mark a frame without a picture."""
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._offsets.append(self._offsets[-1] + len(data))
        if self._pending_bytes >= 8 * _CHUNK_BYTES:
            self._flush()

    def _flush(self) -> None:
        block = np.frombuffer(b"".join(self._pending), np.uint8)
        self._bytes.resize((self._written + block.size,))
        self._bytes[self._written :] = block
        self._written += block.size
        self._pending, self._pending_bytes = [], 0

    def __enter__(self) -> JpegWriter:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            self._flush()
            create_dataset(self._group, "offsets", np.asarray(self._offsets, np.int64))


class JpegReader:
    """Frames of a JPEG store; ``len()`` is T, ``reader[n]`` uint8 (height, width, 3) or None."""

    def __init__(self, group: h5py.Group) -> None:
        self._bytes = group["jpeg"]
        self._offsets = group["offsets"][:]
        self._where = f"{group.file.filename}:{group.name}"

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def bytes(self, frame: int) -> bytes:
        """JPEG bytes of a frame; empty where there is no picture."""
        start, stop = self._offsets[frame], self._offsets[frame + 1]
        return self._bytes[start:stop].tobytes()

    def __getitem__(self, frame: int) -> np.ndarray | None:
        if not 0 <= frame < len(self):
            raise IndexError(frame)
        data = self.bytes(frame)
        if not data:
            return None
        try:
            return decode_jpeg(data)
        except OSError as error:
            raise RhasError(
                "a stored picture cannot be decoded",
                where=f"{self._where}, frame {frame}",
                got=str(error),
                do="delete the file and run `dvc repro` again",
            ) from error

    def blocks(
        self, frames: Iterable[int], size: int
    ) -> Iterator[list[tuple[int, np.ndarray | None]]]:
        """(frame, picture) pairs in lists of up to ``size``, in the given order."""
        block: list[tuple[int, np.ndarray | None]] = []
        for frame in frames:
            block.append((frame, self[frame]))
            if len(block) == size:
                yield block
                block = []
        if block:
            yield block


def person_group(person: int) -> str:
    """Name of a person's group in every per-film store."""
    return f"person_{person:03d}"


def frame_count(path: Path) -> int:
    """T of a frames store, without reading a picture."""
    with h5py.File(path) as file:
        return len(file["offsets"]) - 1
