"""``data/features/<vlm>/<movie>.zarr``: the features of a film, written by extract.

Zarr v3, one group per person with the attributes of `FeatureInfo`. Every array is one shard file
with chunks of 1,000 frames, uncompressed: few files, and a window is one slice of each. Query
tokens, where they are kept, are too large for that: a shard holds 1,000 frames in chunks of 100,
and they are written while the film is worked on. Metadata are not consolidated: a reader opens the
one person it needs.

Legend: T frames, n frames of a window, Q query tokens, D feature width, D_text width of the text
embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.stores.checking import (
    REPAIR,
    Array,
    Arrays,
    check_arrays,
    check_window,
    choose_persons,
    guard_reading,
)
from rhas.stores.hdf5 import person_group
from rhas.stores.zarr_files import FLAT, find_array

CHUNK_FRAMES = 1000
TOKEN_CHUNK_FRAMES = 100
STREAMS = ("holistic", "partial")
ARRAYS = (*STREAMS, "present", "text")

Statistics = Mapping[str, Mapping[str, float]]
"""``mean``, ``std`` and ``abs_max`` of each stream; of partial features where present."""


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
        for name in ("holistic", "partial", "present", "text"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        stored = (np.float16, np.float32)
        same = (self.holistic.dtype.type,) if self.holistic.dtype in stored else stored
        check_arrays(
            "features",
            {
                "holistic": Array(self.holistic, stored, ("n", "D")),
                "partial": Array(self.partial, same, ("n", "D")),
                "present": Array(self.present, (np.bool_,), ("n",)),
                "text": Array(self.text, (np.float32,), ("D_text",)),
            },
        )

    def measure_statistics(self) -> dict[str, dict[str, float]]:
        """Mean, standard deviation and largest magnitude; of partial features where present.

        A stream without a value is left out.
        """
        return {
            **_measure_stream("holistic", self.holistic),
            **_measure_stream("partial", self.partial[self.present]),
        }


def _measure_stream(stream: str, values: np.ndarray) -> dict[str, dict[str, float]]:
    """Statistics of a stream (n, D) by its name; nothing without a value."""
    if not values.size:
        return {}
    return {
        stream: {
            "mean": float(values.mean(dtype=np.float64)),
            "std": float(values.std(dtype=np.float64)),
            "abs_max": float(np.abs(values).max()),
        }
    }


@dataclass(frozen=True)
class FeatureInfo:
    """What a person's features are of and how they were made.

    Args:
        movie: its name.
        fps: working rate, frames per second.
        frames: T.
        encoder: ``blip2``, ``clip`` or ``siglip2``.
        checkpoint, checkpoint_hash: of the encoder.
        dtype: in which the features are stored.
        truth: the crops are of true boxes.
        person: index of the reference.
        reference: the sentence.
        statistics: of the streams, when they were written.
        model_dtype: in which the vision tower computed; None where it is not known.
    """

    movie: str
    fps: float
    frames: int
    encoder: str
    checkpoint: str
    checkpoint_hash: str
    dtype: str
    truth: bool
    person: int
    reference: str
    statistics: Statistics
    model_dtype: str | None = None


_ORDER = ("movie", "fps", "frames", "encoder", "checkpoint", "checkpoint_hash", "dtype",
          "model_dtype", "truth", "person", "reference", "statistics")  # fmt: skip


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

    def write_person(self, features: Features, info: FeatureInfo) -> None:
        """Adds a person; holistic and partial are stored in the dtype they have."""
        self.write_info(info)
        for name in ARRAYS:
            self.write_array(info.person, name, getattr(features, name))

    def write_info(self, info: FeatureInfo) -> None:
        """The attributes of a person."""
        group = self._root.require_group(person_group(info.person))
        values = asdict(info)
        group.attrs.update({name: values[name] for name in _ORDER if values[name] is not None})

    def write_array(self, person: int, name: str, data: np.ndarray) -> None:
        """One of `ARRAYS` of a person."""
        _write_array(self._root.require_group(person_group(person)), name, data)

    def create_tokens(
        self, person: int, stream: str, shape: tuple[int, int, int], first: int = 0
    ) -> TokenWriter:
        """A new array ``<stream>_tokens`` of shape (T, Q, D) in a person's group.

        ``first`` is the film's number of the first frame, for messages.
        """
        return TokenWriter(self._root.require_group(person_group(person)), stream, shape, first)


class TokenWriter:
    """Query tokens of one stream of a person, written shard by shard in the order of frames.

    Frames that are left out are zeros, and cost no space where a whole chunk is. Use as a context
    manager around the whole of a film.
    """

    def __init__(
        self, group: zarr.Group, stream: str, shape: tuple[int, int, int], first: int
    ) -> None:
        shard = (CHUNK_FRAMES, *shape[1:])
        self._where = f"{group.path}/{stream}_tokens"
        self._array = group.create_array(
            f"{stream}_tokens",
            shape=shape,
            dtype=np.float16,
            chunks=(TOKEN_CHUNK_FRAMES, *shape[1:]),
            shards=shard,
            compressors=None,
            chunk_key_encoding=FLAT,
        )
        self._first, self._start = first, 0
        self._shard = np.zeros(shard, np.float16)

    def put(self, frames: np.ndarray, tokens: np.ndarray) -> None:
        """Tokens float (m, Q, D) of frames (m,), none of which lies before an earlier call's shard.

        Raises:
            RhasError: tokens that are not finite in float16.
        """
        with np.errstate(over="ignore"):
            half = tokens.astype(np.float16)
        if not np.isfinite(half).all():
            first, last = (self._first + int(frames[n]) for n in (0, -1))
            raise RhasError(
                "query tokens are not finite in float16",
                where=f"{self._where}, frames {first} to {last}",
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
        chunk_key_encoding=FLAT,
    )
    array[:] = data


@dataclass(frozen=True)
class FeatureStore:
    """The features of a film, read anew by every method, so that workers share nothing.

    Args:
        path: ``<movie>.zarr``. Nothing is read before a method is called.
    """

    path: Path

    def count_persons(self) -> int:
        """Number of persons.

        Raises:
            RhasError: no such store.
        """
        count = 0
        while (self.path / person_group(count)).is_dir():
            count += 1
        if not count:
            self._open_person(0)
        return count

    def read_info(self, person: int) -> FeatureInfo:
        """The attributes of a person.

        Raises:
            RhasError: no such store or person, or other attributes.
        """
        group = self._open_person(person)
        names = {field.name for field in fields(FeatureInfo)}
        with guard_reading(f"{self.path}, person {person}", what="other attributes of features"):
            values = group.attrs.asdict()
            return FeatureInfo(**{n: v for n, v in values.items() if n in names})  # type: ignore[arg-type]

    def read_widths(self, person: int) -> tuple[int, int]:
        """D and D_text, from the arrays' shapes.

        Raises:
            RhasError: no such store or person.
        """
        group = self._open_person(person)
        holistic, text = self._find_array(group, "holistic"), self._find_array(group, "text")
        return holistic.shape[-1], text.shape[0]

    def read_window(self, person: int, start: int = 0, stop: int | None = None) -> Features:
        """Frames ``[start, stop)`` of a person, to the last by default; streams as float32.

        Raises:
            RhasError: no such store or person, a window outside the film, damaged files.
        """
        group = self._open_person(person)
        arrays = {name: self._find_array(group, name) for name in ARRAYS}
        frames = arrays["holistic"].shape[0]
        stop = frames if stop is None else stop
        check_window(f"{self.path}, person {person}", start, stop, frames)
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            return Features(
                holistic=_to_float32(arrays["holistic"][start:stop]),
                partial=_to_float32(arrays["partial"][start:stop]),
                present=np.asarray(arrays["present"][start:stop]),
                text=np.asarray(arrays["text"][:]),
            )

    def read_tokens(self, person: int, stream: str, start: int, stop: int) -> np.ndarray:
        """Query tokens of frames ``[start, stop)``, float16 (n, Q, D), zeros without a crop.

        Args:
            person: index of the person.
            stream: ``holistic`` or ``partial``.
            start: first frame.
            stop: frame after the last.

        Raises:
            RhasError: no such store or person, one without tokens, a window outside the film,
                damaged files.
        """
        array = self._find_array(self._open_person(person), f"{stream}_tokens")
        check_window(f"{self.path}, person {person}", start, stop, array.shape[0])
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            return np.asarray(array[start:stop])

    def has_tokens(self, person: int) -> bool:
        """Whether query tokens of a person were kept."""
        return (self.path / person_group(person) / f"{STREAMS[0]}_tokens").is_dir()

    def read_windows(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """``frame``, and of each person holistic, partial, present, text."""
        found: Arrays = {}
        for number in choose_persons(self.count_persons(), person, self.path):
            features = self.read_window(number, start, stop)
            found |= {f"{person_group(number)}.{n}": getattr(features, n) for n in ARRAYS}
        return {"frame": np.arange(start, stop), **found}

    def read_stored(self, person: int, name: str, start: int, stop: int | None) -> np.ndarray:
        """Frames ``[start, stop)`` of one array as it is stored; fewer where it ends before."""
        group = self._open_person(person)
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            return np.asarray(self._find_array(group, name)[start:stop])

    def _open_person(self, person: int) -> zarr.Group:
        folder = self.path / person_group(person)
        if not (folder / "zarr.json").exists():
            exists = self.path.is_dir()
            raise RhasError(
                "no such person in the feature store" if exists else "no feature store",
                where=f"{self.path}, person {person}",
                do="run `dvc repro extract`",
            )
        check_regular_file(folder / "zarr.json")
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            return zarr.open_group(folder, mode="r", zarr_format=3)

    def _find_array(self, group: zarr.Group, name: str) -> zarr.Array:
        tokens = name.endswith("_tokens")
        sparse = tokens or name == "partial"  # zeros of frames without the person are not stored
        folder = Path(group.store.root)  # type: ignore[attr-defined]
        array = find_array(group, name, folder, sparse=sparse)
        if array is not None and sparse:
            self._check_size(array, name, self._find_array(group, "holistic").shape)
        if array is not None:
            return array
        raise RhasError(
            f"the feature store lacks '{name}'",
            where=f"{self.path}, {group.path or group.name}",
            do="set extract.keep_tokens" if tokens else REPAIR,
        )

    def _check_size(self, array: zarr.Array, name: str, holistic: tuple[int, ...]) -> None:
        """Frames, and the width of features, are those of ``holistic``, which is stored whole."""
        wrong = array.shape != holistic if name == "partial" else array.shape[0] != holistic[0]
        if wrong:
            raise RhasError(
                "the feature store is damaged",
                where=f"{self.path}, {name}",
                expected=f"frames as holistic, {holistic}",
                got=str(array.shape),
                do=REPAIR,
            )


def _to_float32(values: Any) -> np.ndarray:
    # torch's conversion of float16 is several times faster than numpy's
    return torch.from_numpy(np.asarray(values)).float().numpy()


def merge_features(parts: Sequence[Path], out: Path) -> None:
    """Writes the features of a film from the stores of its parts, in order.

    One stream of one person is held in memory at a time, and its statistics take 8 · T · D bytes;
    of query tokens 1,000 frames are held.
    """
    stores, writer = [FeatureStore(path) for path in parts], FeatureStoreWriter(out)
    for person in range(stores[0].count_persons()):
        infos = [store.read_info(person) for store in stores]
        statistics: dict[str, Mapping[str, float]] = {}
        writer.write_array(person, "text", stores[0].read_stored(person, "text", 0, None))
        present = _join_arrays(stores, person, "present")
        writer.write_array(person, "present", present)
        for stream in STREAMS:
            values = _join_arrays(stores, person, stream)
            writer.write_array(person, stream, values)
            seen = values[present] if stream == "partial" else values
            statistics |= _measure_stream(stream, seen)
            del values, seen
            if stores[0].has_tokens(person):
                _merge_tokens(stores, person, stream, writer)
        frames = sum(info.frames for info in infos)
        writer.write_info(replace(infos[0], frames=frames, statistics=statistics))


def _join_arrays(stores: Sequence[FeatureStore], person: int, name: str) -> np.ndarray:
    return np.concatenate([store.read_stored(person, name, 0, None) for store in stores])


def _merge_tokens(
    stores: Sequence[FeatureStore], person: int, stream: str, writer: FeatureStoreWriter
) -> None:
    name, first = f"{stream}_tokens", 0
    frames = sum(store.read_info(person).frames for store in stores)
    queries, width = stores[0].read_stored(person, name, 0, 1).shape[1:]
    with writer.create_tokens(person, stream, (frames, queries, width)) as tokens:
        for store in stores:
            length = store.read_info(person).frames
            for start in range(0, length, CHUNK_FRAMES):
                values = store.read_stored(person, name, start, start + CHUNK_FRAMES)
                tokens.put(first + start + np.arange(len(values)), values)
            first += length
