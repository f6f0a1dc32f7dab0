"""JPEG bytes of many frames in one flat HDF5 dataset (docs/DESIGN.md, Files).

Variable-length rows cost nine times as much to read; one flat array with offsets is a slice.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.stores.hdf5 import write_dataset

MAX_PIXELS = 80_000_000
"""Of a stored image; Pillow warns above 89 million."""
_CHUNK_BYTES = 1 << 20


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG bytes of an RGB image, uint8 (height, width, 3); quality 1 to 95."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=1)
    return buffer.getvalue()


def decode_jpeg(data: bytes) -> np.ndarray:
    """RGB image, uint8 (height, width, 3), of JPEG bytes.

    Raises:
        ValueError: more than `MAX_PIXELS`, by its header.
        OSError: bytes that are damaged, or no JPEG.
    """
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels")
        return np.asarray(image.convert("RGB"))


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
        """Adds one frame; empty bytes mark a frame without an image."""
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

    def close(self) -> None:
        """Lets HDF5 write what it holds back of the images; nothing can be appended any more."""
        self._bytes.id.close()

    def __enter__(self) -> JpegWriter:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            self._flush()
            write_dataset(self._group, "offsets", np.asarray(self._offsets, np.int64))


class JpegReader:
    """Images of a group, read one by one while its file is open.

    ``len()`` is T, ``reader[n]`` an image uint8 (height, width, 3) or None; ``sizes`` int64 (T,)
    the bytes of each frame, 0 where there is no image.
    """

    def __init__(self, group: h5py.Group) -> None:
        self._bytes, offsets = group["jpeg"], group["offsets"]
        self._where = f"{group.file.filename}:{group.name}"
        if offsets.ndim != 1 or offsets.dtype != np.int64 or not offsets.size:
            raise RhasError(
                "offsets of images have a wrong shape or type", where=self._where,
                expected="int64 (T + 1,)", got=f"{offsets.dtype} {offsets.shape}",
            )  # fmt: skip
        self._offsets = offsets[:]
        self.sizes: np.ndarray = np.diff(self._offsets)
        if self._bytes.ndim != 1 or self._bytes.dtype != np.uint8:
            raise RhasError("images are not a row of bytes", where=self._where)
        inside = 0 <= self._offsets[0] and self._offsets[-1] <= len(self._bytes)
        if (self.sizes < 0).any() or not inside:
            raise RhasError(
                "offsets of images that do not ascend, or lie outside the images",
                where=self._where,
                expected=f"0 to {len(self._bytes)}",
            )

    def __len__(self) -> int:
        return len(self.sizes)

    def read_bytes(self, frame: int) -> bytes:
        """JPEG bytes of a frame; empty where there is no image."""
        start, stop = self._offsets[frame], self._offsets[frame + 1]
        return self._bytes[start:stop].tobytes()

    def __getitem__(self, frame: int) -> np.ndarray | None:
        if not 0 <= frame < len(self):
            raise IndexError(frame)
        data = self.read_bytes(frame)
        if not data:
            return None
        try:
            return decode_jpeg(data)
        except Exception as error:  # Pillow raises many kinds for damaged bytes
            raise RhasError(
                "a stored picture cannot be decoded",
                where=f"{self._where}, frame {frame}",
                got=str(error),
                do="delete the file and run `dvc repro` again",
            ) from error

    def read_blocks(
        self, frames: Iterable[int], size: int
    ) -> Iterator[list[tuple[int, np.ndarray | None]]]:
        """(frame, image) pairs in lists of up to ``size``, in the given order."""
        block: list[tuple[int, np.ndarray | None]] = []
        for frame in frames:
            block.append((frame, self[frame]))
            if len(block) == size:
                yield block
                block = []
        if block:
            yield block

    def check_images(self, name: str, shape: tuple[int, ...]) -> Check:
        """Decodes every image and compares its shape."""
        problems: list[str] = []
        for frame in range(len(self)):
            try:
                image = self[frame]
            except RhasError as error:
                problems.append(f"frame {frame}: {error.got}")
                continue
            if image is not None and image.shape != shape:
                problems.append(f"frame {frame} is {image.shape}")
        if problems:
            return Check(
                name,
                "fail",
                f"{len(problems)} of {len(self)} cannot be used; {problems[0]}",
                "delete the file and run `dvc repro`",
            )
        empty = int((self.sizes == 0).sum())
        return Check(name, "ok", f"{len(self) - empty:,} decode, {empty:,} are empty")


def link_images(source: h5py.Group, group: h5py.Group, start: int, stop: int) -> None:
    """Gives ``group`` frames ``[start, stop)`` of another file's group, by a relative link to it.

    The images stay in their file; offsets into it need not begin at 0.
    """
    folder = Path(group.file.filename).resolve().parent
    target = os.path.relpath(Path(source.file.filename).resolve(), folder)
    group["jpeg"] = h5py.ExternalLink(target, f"{source.name.rstrip('/')}/jpeg")
    write_dataset(group, "offsets", source["offsets"][start : stop + 1])
