"""The feature store of a film: Zarr v3, one group per person (docs/DESIGN.md, Files).

Every array is one shard file with chunks of 1,000 frames, uncompressed: few files, and a window
is one slice of each. Query tokens, where they are kept, are too large for that: a shard holds
1,000 frames in chunks of 100, and they are written while the film is worked on. Metadata are not
consolidated: a reader opens the one person it needs.
Legend: T frames, n frames of a window, Q query tokens, D feature width, D_text width of the text
embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from rhas.base.errors import RhasError
from rhas.stores.jpegstore import person_group

CHUNK_FRAMES = 1000
TOKEN_CHUNK_FRAMES = 100
STREAMS = ("holistic", "partial")


@dataclass(frozen=True)
class Features:
    """Features of one person over frames.

    Args:
        holistic: of the whole frame, float16 or float32 (n, D).
        partial: of the crop, same dtype and shape; zeros where absent.
        present: bool (n,), a crop exists.
        text: embedding of the reference, float32 (D_text,).

    Raises:
        RhasError: a wrong shape or dtype.
    """

    holistic: np.ndarray
    partial: np.ndarray
    present: np.ndarray
    text: np.ndarray

    def __post_init__(self) -> None:
        same = self.holistic.shape == self.partial.shape and self.holistic.ndim == 2
        frames = self.holistic.shape[:1] == self.present.shape
        kinds = (
            self.holistic.dtype == self.partial.dtype
            and self.holistic.dtype in (np.float16, np.float32)
            and self.present.dtype == bool
            and self.text.dtype == np.float32
        )
        if not (same and frames and kinds and self.text.ndim == 1):
            arrays = ("holistic", "partial", "present", "text")
            raise RhasError(
                "features have a wrong shape or type",
                expected="holistic and partial float16 or float32 (n, D), present bool (n,), "
                "text float32 (D_text,)",
                got=", ".join(
                    f"{a} {getattr(self, a).dtype} {getattr(self, a).shape}" for a in arrays
                ),
            )


class FeatureStoreWriter:
    """Writes a film's store, whole arrays at a time; the same input gives the same bytes.

    Args:
        path: folder to make, ``<movie>.zarr``; must not exist.

    Raises:
        RhasError: it exists.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise RhasError("the feature store exists already", where=str(path))
        self._root = zarr.open_group(path, mode="w-", zarr_format=3)

    def write_person(self, person: int, features: Features, attributes: Mapping[str, Any]) -> None:
        """Adds a person; holistic and partial are stored in the dtype they have."""
        group = self._root.require_group(person_group(person))
        group.attrs.update(attributes)
        for name in (*STREAMS, "present", "text"):
            _write_array(group, name, getattr(features, name))

    def tokens(self, person: int, stream: str, shape: tuple[int, int, int]) -> TokenWriter:
        """A new array ``<stream>_tokens`` of shape (T, Q, D) in a person's group."""
        return TokenWriter(self._root.require_group(person_group(person)), stream, shape)


class TokenWriter:
    """Query tokens of one stream of a person, written shard by shard in the order of frames.

    Frames that are left out are zeros, and cost no space where a whole chunk is. Use as a context
    manager around the whole of a film.
    """

    def __init__(self, group: zarr.Group, stream: str, shape: tuple[int, int, int]) -> None:
        shard = (CHUNK_FRAMES, *shape[1:])
        self._where = f"{group.path}/{stream}_tokens"
        self._array = group.create_array(
            f"{stream}_tokens",
            shape=shape,
            dtype=np.float16,
            chunks=(TOKEN_CHUNK_FRAMES, *shape[1:]),
            shards=shard,
            compressors=None,
        )
        self._start = 0
        self._shard = np.zeros(shard, np.float16)

    def put(self, frames: np.ndarray, tokens: np.ndarray) -> None:
        """Tokens float (m, Q, D) of frames (m,), none of which lies before an earlier call's shard.

        Raises:
            RhasError: tokens that are not finite in float16.
        """
        with np.errstate(over="ignore"):
            half = tokens.astype(np.float16)
        if not np.isfinite(half).all():
            raise RhasError(
                "query tokens are not finite in float16",
                where=f"{self._where}, frames {int(frames[0])} to {int(frames[-1])}",
                do="use another checkpoint",
            )
        for shard in np.unique(frames // CHUNK_FRAMES):
            while self._start < shard * CHUNK_FRAMES:
                self._flush()
            here = frames // CHUNK_FRAMES == shard
            self._shard[frames[here] - self._start] = half[here]

    def _flush(self) -> None:
        stop = min(self._start + CHUNK_FRAMES, self._array.shape[0])
        self._array[self._start : stop] = self._shard[: stop - self._start]
        self._shard[:] = 0
        self._start += CHUNK_FRAMES

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            while self._start < self._array.shape[0]:
                self._flush()


def _write_array(group: zarr.Group, name: str, data: np.ndarray) -> None:
    rows = CHUNK_FRAMES if name != "text" else len(data)
    shard = -(-len(data) // rows) * rows  # a shard is a whole number of chunks
    array = group.create_array(
        name,
        shape=data.shape,
        dtype=data.dtype,
        chunks=(rows, *data.shape[1:]),
        shards=(shard, *data.shape[1:]),
        compressors=None,
    )
    array[:] = data


def read_window(store_path: Path, person: int, start: int, stop: int) -> Features:
    """Frames ``[start, stop)`` of a person, holistic and partial as float32.

    Opens the store anew, so that a worker process shares nothing with another.

    Raises:
        RhasError: no such store or person, a window outside the film, damaged files.
    """
    group = _open_person(store_path, person)
    frames = _array(group, "holistic", store_path).shape[0]
    _check_window(frames, start, stop, store_path, person)
    with _reading(store_path, person):
        return Features(
            holistic=_float32(_array(group, "holistic", store_path)[start:stop]),
            partial=_float32(_array(group, "partial", store_path)[start:stop]),
            present=np.asarray(_array(group, "present", store_path)[start:stop]),
            text=np.asarray(_array(group, "text", store_path)[:]),
        )


def read_tokens(store_path: Path, person: int, stream: str, start: int, stop: int) -> np.ndarray:
    """Query tokens of frames ``[start, stop)``, float16 (n, Q, D), zeros where there is no crop.

    Args:
        store_path: ``<movie>.zarr``.
        person: index of the person.
        stream: ``holistic`` or ``partial``.
        start: first frame.
        stop: frame after the last.

    Raises:
        RhasError: no such store or person, one without tokens, a window outside the film, damaged
            files.
    """
    array = _array(_open_person(store_path, person), f"{stream}_tokens", store_path)
    _check_window(array.shape[0], start, stop, store_path, person)
    with _reading(store_path, person):
        return np.asarray(array[start:stop])


def attributes(store_path: Path, person: int) -> dict[str, Any]:
    """Attributes of a person's group, with ``D`` and ``D_text`` from the arrays' shapes.

    Raises:
        RhasError: no such store or person.
    """
    group = _open_person(store_path, person)
    widths = {
        "D": _array(group, "holistic", store_path).shape[1],
        "D_text": _array(group, "text", store_path).shape[0],
    }
    return {**group.attrs.asdict(), **widths}


def persons(store_path: Path) -> int:
    """Number of persons in a store.

    Raises:
        RhasError: no such store.
    """
    count = 0
    while (store_path / person_group(count)).is_dir():
        count += 1
    if not count:
        _open_person(store_path, 0)
    return count


def _check_window(frames: int, start: int, stop: int, store_path: Path, person: int) -> None:
    if not 0 <= start < stop <= frames:
        raise RhasError(
            "window outside the film",
            where=f"{store_path}, person {person}",
            expected=f"0 <= start < stop <= {frames}",
            got=f"[{start}, {stop})",
        )


@contextmanager
def _reading(store_path: Path, person: int) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        raise RhasError(
            "the feature store is damaged",
            where=f"{store_path}, person {person}",
            got=str(error),
            do="delete it and run `dvc repro` again",
        ) from error


def _open_person(store_path: Path, person: int) -> zarr.Group:
    try:
        return zarr.open_group(store_path / person_group(person), mode="r", zarr_format=3)
    except (FileNotFoundError, ValueError) as error:
        there = store_path.is_dir()
        raise RhasError(
            "no such person in the feature store" if there else "no feature store",
            where=f"{store_path}, person {person}",
            do="run `dvc repro extract`",
        ) from error


def _array(group: zarr.Group, name: str, store_path: Path) -> zarr.Array:
    try:
        array = group[name]
    except KeyError:
        array = None
    if not isinstance(array, zarr.Array):
        raise RhasError(
            f"the feature store lacks '{name}'",
            where=f"{store_path}, {group.path or group.name}",
            do="set extract.keep_tokens"
            if name.endswith("_tokens")
            else "delete it and run `dvc repro` again",
        )
    return array


def _float32(values: Any) -> np.ndarray:
    # torch's conversion of float16 is several times faster than numpy's
    return torch.from_numpy(np.asarray(values)).float().numpy()
