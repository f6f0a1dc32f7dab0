"""``data/frames/<movie>.h5``: the frames of a film at the working rate, written by decode.

A JPEG store (`rhas.stores.jpeg`), ``time`` float64 (T,): the source time of each frame in seconds,
and the attributes of `FrameInfo`. T is the number of frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.stores.checking import Arrays, Facts, check_window, compare_counts, guard_reading
from rhas.stores.hdf5 import (
    create_hdf5,
    open_hdf5,
    read_attributes,
    write_attributes,
    write_dataset,
)
from rhas.stores.jpeg import MAX_PIXELS, JpegReader, JpegWriter, link_images

MAX_FPS = 1000
"""Working rate; params.yaml has the same limit."""
MAX_SIDE = 65_500
"""Pixels of an image's side, as libjpeg allows."""
MAX_ELONGATION = 16
"""Longer over shorter side of a frame at most. Scaled to a detector's longest side, a picture of
40:1 is so low that its grids have fewer places than the model has queries."""

_DO = "run `dvc repro decode`"


@dataclass(frozen=True)
class FrameInfo:
    """What decode says of a film.

    Args:
        movie: its name.
        fps: working rate, frames per second.
        width, height: of a frame, pixels.
        source_width, source_height: of the film's own frames, before rotation, pixels.
        source_fps: rate of the film.
        source_seconds: duration of the film.
        rotation: clockwise rotation that decode has applied, degrees.
        codec: of the film.
        reader: ``decord`` or ``pyav``.
        quality: of the JPEG images, 1 to 95.
        lost_frames: source frames that are missing or damaged.

    Raises:
        RhasError: a rate or a size of frames that decode does not write.
    """

    movie: str
    fps: float
    width: int
    height: int
    source_width: int
    source_height: int
    source_fps: float
    source_seconds: float
    rotation: int
    codec: str
    reader: str
    quality: int
    lost_frames: int

    def __post_init__(self) -> None:
        sides = (self.width, self.height)
        sound = 0 < min(sides) <= max(sides) <= MAX_SIDE and self.width * self.height <= MAX_PIXELS
        if not sound or not 0 < self.fps <= MAX_FPS:
            raise RhasError(
                "frames of a size or rate beyond reason",
                expected=f"up to {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side, "
                f"up to {MAX_FPS:,} frames a second",
                got=f"{self.width} x {self.height}, {self.fps:g} a second",
                do=_DO,
            )


@dataclass(frozen=True)
class FrameStore:
    """An open frames store: its facts, source times and images.

    Args:
        path: of the file.
        info: its attributes.
        time: float64 (T,), seconds.
        images: uint8 (height, width, 3) by frame, None where the frame has no image.

    Raises:
        RhasError: another number of times than of images.
    """

    path: Path
    info: FrameInfo
    time: np.ndarray
    images: JpegReader

    def __post_init__(self) -> None:
        if self.time.shape != (len(self.images),) or self.time.dtype != np.float64:
            raise RhasError(
                "times and frames do not belong together",
                expected=f"time float64 ({len(self.images)},)",
                got=f"{self.time.dtype} {self.time.shape}",
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame, pixels."""
        return self.info.width, self.info.height

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        flags = []
        if self.info.lost_frames:
            flags.append(f"{self.info.lost_frames} pictures of the film were lost")
        if empty := int((self.images.sizes == 0).sum()):
            flags.append(f"{empty} frames without a picture")
        if np.diff(self.time).min(initial=0) < 0:
            flags.append("source times go back")
        return {
            "attributes": asdict(self.info),
            "frames": len(self),
            "seconds": len(self) / self.info.fps,
            "size": f"{self.info.width}×{self.info.height}",
            "jpeg_bytes": int(self.images.sizes.sum()),
            "repeated": int((np.diff(self.time) == 0).sum()),
            "flags": flags,
        }

    def check(self, report: Mapping[str, Any]) -> Iterator[Check]:
        """Decodes every image, and compares counts with those that decode reported of the film."""
        yield self.images.check_images("pictures", (self.info.height, self.info.width, 3))
        yield compare_counts("counts", {"frames": len(self)}, report, "decode")

    def read_window(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """``frame``, ``time``, and ``pictures`` uint8 (n, h, w, 3), black without an image."""
        check_window(self.path, start, stop, len(self))
        pictures = np.zeros((stop - start, self.info.height, self.info.width, 3), np.uint8)
        for row, frame in enumerate(range(start, stop)):
            image = self.images[frame]
            if image is not None and image.shape != pictures.shape[1:]:
                raise RhasError(
                    "an image of another size than the film's",
                    where=f"{self.path}, frame {frame}",
                    expected=f"{self.info.width} x {self.info.height}",
                    got=f"{image.shape[1]} x {image.shape[0]}",
                    do=_DO,
                )
            if image is not None:
                pictures[row] = image
        return {
            "frame": np.arange(start, stop),
            "time": self.time[start:stop],
            "pictures": pictures,
        }


class FrameWriter:
    """Appends frames to a new store; `finish` completes it."""

    def __init__(self, file: h5py.File, images: JpegWriter) -> None:
        self._file, self._images = file, images
        self.time: list[float] = []
        self.info: FrameInfo | None = None

    def append(self, jpeg: bytes, seconds: float) -> None:
        """Adds a frame: its image, empty where there is none, and its source time in seconds."""
        self._images.append(jpeg)
        self.time.append(seconds)


@contextmanager
def create_frames(path: Path) -> Iterator[FrameWriter]:
    """A new frames store. The block appends the frames and sets ``info``; it is written at the end.

    The file is removed again where the block fails.
    """
    with create_hdf5(path) as file:
        with ExitStack() as stack:
            writer = FrameWriter(file, stack.enter_context(JpegWriter(file)))
            yield writer
        if writer.info is None:
            raise AssertionError("create_frames: the block has not set info")
        write_dataset(file, "time", np.asarray(writer.time, np.float64))
        write_attributes(file, writer.info)


@contextmanager
def open_frames(path: Path) -> Iterator[FrameStore]:
    """A frames store for reading.

    Raises:
        RhasError: it is absent, damaged or of another format.
    """
    with open_hdf5(path, _DO) as file:
        with guard_reading(path):
            store = FrameStore(
                path, read_attributes(file, FrameInfo), file["time"][:], JpegReader(file)
            )
        yield store


def count_frames(path: Path) -> int:
    """T of a frames store, without reading an image."""
    with open_hdf5(path, _DO) as file, guard_reading(path):
        return len(file["offsets"]) - 1


def write_frame_chunk(whole: Path, identity: str, start: int, stop: int, out: Path) -> None:
    """Writes a store of frames ``[start, stop)`` whose images stay in the whole film's store.

    Args:
        whole: the film's store.
        identity: stands for the content of ``whole``, which the part's own bytes do not hold.
        start, stop: frames.
        out: the file to write.
    """
    with open_hdf5(whole, _DO) as film, create_part(out, identity, start) as file:
        file.attrs.update(film.attrs)
        link_images(film, file, start, stop)
        write_dataset(file, "time", film["time"][start:stop])


@contextmanager
def create_part(out: Path, identity: str, start: int) -> Iterator[h5py.File]:
    """A new file that names in its attributes what it is a part of."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with create_hdf5(out) as file:
        file.attrs["part_of"], file.attrs["first_frame"] = identity, start
        yield file
