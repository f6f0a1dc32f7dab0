"""The pictures of a film, decoded and scaled ahead of the model.

Legend: T frames, n frames of a block, m crops of a block, s side of the encoder's square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.parts import Span
from rhas.stores.frames import FrameStore
from rhas.stores.jpeg import JpegReader
from rhas.stores.tracks import TrackStore


@dataclass(frozen=True)
class Block:
    """Consecutive frames, and every person's crops of them.

    Args:
        frames: their numbers, from the span's first one on.
        whole: pictures of the frames, uint8 (n, s, s, 3).
        persons: whose crops, int64 (m,), sorted.
        crop_frames: and of which frames, int64 (m,), rising for each person; numbered alike.
        crops: uint8 (m, s, s, 3).
    """

    frames: range
    whole: np.ndarray
    persons: np.ndarray
    crop_frames: np.ndarray
    crops: np.ndarray


class FilmPictures:
    """The pictures of a film: whole frames and every person's crops.

    Args:
        frames: open store of decode.
        tracks: open store of crop.
        resized: uint8 (1, height, width, 3) to uint8 (1, s, s, 3); called in threads.
        span: the frames to read; None: all.

    Raises:
        RhasError: the stores do not belong together.
    """

    def __init__(
        self,
        frames: FrameStore,
        tracks: TrackStore,
        resized: Callable[[np.ndarray], np.ndarray],
        span: Span | None = None,
    ) -> None:
        self._pictures = frames.images
        self._resized = resized
        self._where = f"{frames.path}, {tracks.path}"
        span = span or Span(0, len(frames))
        self.first, self.frames = span.start, span.stop - span.start
        self._crops = tracks.crops
        self.references = tracks.tracks.references
        lengths = {len(crops) for crops in self._crops}
        if lengths != {len(frames)}:
            raise RhasError(
                "frames and tracks do not belong together",
                where=self._where,
                expected=f"one or more persons with {len(frames)} frames each",
                got=f"{len(self._crops)} persons with {sorted(lengths)} frames",
                do="run `dvc repro crop`",
            )

    def read_blocks(self, size: int, threads: int) -> Iterator[Block]:
        """Blocks of ``size`` frames in order; ``threads`` decode ahead of whoever consumes them.

        Raises:
            RhasError: a picture that is damaged, or a frame without one.
        """
        waiting: list[Future[Block]] = []
        with ThreadPoolExecutor(threads) as pool:
            try:
                for start in range(0, self.frames, size):
                    frames = range(start, min(start + size, self.frames))
                    waiting.append(pool.submit(self._read_block, frames))
                    if len(waiting) > threads:
                        yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _read_block(self, frames: range) -> Block:
        pictures = [self._read_image(self._pictures, frame) for frame in frames]
        whole = [picture for picture in pictures if picture is not None]
        if len(whole) < len(frames):
            where = f"{self._where}, from {self.first + frames[0]}"
            raise RhasError("a frame without a picture", where=where)
        found = [
            (person, frame, crop)
            for person, reader in enumerate(self._crops)
            for frame in frames
            if (crop := self._read_image(reader, frame)) is not None
        ]
        return Block(
            frames,
            _stack_images(whole),
            np.array([person for person, _, _ in found], np.int64),
            np.array([frame for _, frame, _ in found], np.int64),
            _stack_images([crop for _, _, crop in found]),
        )

    def _read_image(self, reader: JpegReader, frame: int) -> np.ndarray | None:
        picture = reader[self.first + frame]
        return None if picture is None else self._resized(picture[None])


def _stack_images(pictures: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(pictures) if pictures else np.empty((0, 1, 1, 3), np.uint8)
