"""``data/features/<vlm>/<movie>.zarr``: the features of a film, written by extract.

A Zarr v3 group with the attributes of `FeatureInfo` and the arrays of `ARRAYS`, persons first. A
shard is one stream of one person, with chunks of 1,000 frames, uncompressed: few files, and a
window is one slice of each. Query tokens, where they are kept, are too large for that: a shard
holds 1,000 frames in chunks of 100, and they are written while the film is worked on.

Legend: T frames, P persons, n frames of a window, Q query tokens, D feature width, D_text width of
the text embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from pydantic import TypeAdapter

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

_LIKE_HOLISTIC = {"holistic": (3, 3), "partial": (3, 3), "present": (2, 2), "text": (2, 1)}
"""Dimensions of an array, and how many of the first have the sizes of ``holistic``; of tokens 4
and 2."""

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


def measure_statistics(persons: Sequence[Features]) -> tuple[Statistics, ...]:
    """`Features.measure_statistics` of each person."""
    return tuple(features.measure_statistics() for features in persons)


@dataclass(frozen=True)
class FeatureInfo:
    """What a film's features are of and how they were made.

    Args:
        movie: its name.
        fps: working rate, frames per second.
        frames: T.
        encoder: ``blip2``, ``clip`` or ``siglip2``.
        checkpoint, checkpoint_hash: of the encoder.
        dtype: in which the features are stored.
        truth: the crops are of true boxes.
        references: the sentences, by person.
        statistics: of the streams by person, when they were written.
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
    references: tuple[str, ...]
    statistics: tuple[Statistics, ...]
    model_dtype: str | None = None


_INFO = TypeAdapter(FeatureInfo)
_ORDER = ("movie", "fps", "frames", "encoder", "checkpoint", "checkpoint_hash", "dtype",
          "model_dtype", "truth", "references", "statistics")  # fmt: skip


class FeatureStoreWriter:
    """Writes a film's store, whole arrays at a time; the same input gives the same bytes.

    Args:
        path: folder to make, ``<movie>.zarr``; must not exist.
        persons: P.

    Raises:
        RhasError: it exists.
    """

    def __init__(self, path: Path, persons: int) -> None:
        if path.exists():
            raise RhasError("the feature store exists already", where=str(path))
        self._root = zarr.open_group(path, mode="w-", zarr_format=3)
        self._persons = persons
        self._arrays: dict[str, zarr.Array] = {}

    def write(self, persons: Sequence[Features], info: FeatureInfo) -> None:
        """All of it but tokens; holistic and partial are stored in the dtype they have."""
        self.write_info(info)
        for name in STREAMS:
            for person, features in enumerate(persons):
                self.write_stream(person, name, getattr(features, name))
        for name in ("present", "text"):
            self.write_rows(name, np.stack([getattr(features, name) for features in persons]))

    def write_info(self, info: FeatureInfo) -> None:
        """The attributes."""
        values = asdict(info)
        self._root.attrs.update({name: values[name] for name in _ORDER if values[name] is not None})

    def write_stream(self, person: int, name: str, data: np.ndarray) -> None:
        """``holistic`` or ``partial`` of a person, (T, D)."""
        shape, rows = (self._persons, *data.shape), (1, CHUNK_FRAMES, data.shape[1])
        self._require_array(name, shape, data.dtype, rows)[person] = data

    def write_rows(self, name: str, data: np.ndarray) -> None:
        """``present`` (P, T) or ``text`` (P, D_text) of all persons."""
        rows = CHUNK_FRAMES if name == "present" else data.shape[1]
        chunk = (len(data), rows)
        self._require_array(name, data.shape, data.dtype, chunk)[:] = data

    def create_tokens(
        self, person: int, stream: str, shape: tuple[int, int, int], first: int = 0
    ) -> TokenWriter:
        """Writes a person's part, of shape (T, Q, D), of the array ``<stream>_tokens``.

        ``first`` is the film's number of the first frame, for messages.
        """
        name, width = f"{stream}_tokens", shape[1:]
        chunk, shard = (1, TOKEN_CHUNK_FRAMES, *width), (1, CHUNK_FRAMES, *width)
        whole = (self._persons, *shape)
        array = self._require_array(name, whole, np.dtype(np.float16), chunk, shard)
        return TokenWriter(array, f"person {person}, {name}", person, first)

    def _require_array(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], chunk: tuple[int, ...],
        shard: tuple[int, ...] | None = None,
    ) -> zarr.Array:  # fmt: skip
        """The array of that name, made where it is not there yet.

        Without ``shard`` one holds all frames: a whole number of chunks.
        """
        if name not in self._arrays:
            frames = -(-shape[1] // chunk[1]) * chunk[1]
            self._arrays[name] = self._root.create_array(
                name,
                shape=shape,
                dtype=dtype,
                chunks=chunk,
                shards=shard or (chunk[0], frames, *chunk[2:]),
                compressors=None,
                chunk_key_encoding=FLAT,
            )
        return self._arrays[name]


class TokenWriter:
    """Query tokens of one stream of a person, written shard by shard in the order of frames.

    Frames that are left out are zeros, and cost no space where a whole chunk is. Use as a context
    manager around the whole of a film.
    """

    def __init__(self, array: zarr.Array, where: str, person: int, first: int) -> None:
        self._array, self._where, self._person = array, where, person
        self._first, self._start = first, 0
        self._frames = array.shape[1]
        self._shard = np.zeros((CHUNK_FRAMES, *array.shape[2:]), np.float16)

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
        stop = min(self._start + CHUNK_FRAMES, self._frames)
        self._array[self._person, self._start : stop] = self._shard[: stop - self._start]
        self._shard[:] = 0
        self._start += CHUNK_FRAMES

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            while self._start < self._frames:
                self._flush()


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
        (holistic,) = self._find_arrays("holistic")
        return int(holistic.shape[0])

    def read_info(self) -> FeatureInfo:
        """The attributes.

        Raises:
            RhasError: no such store, or other attributes.
        """
        group = self._open()
        names = {field.name for field in fields(FeatureInfo)}
        with guard_reading(self.path, what="other attributes of features"):
            values = group.attrs.asdict()
            return _INFO.validate_python({n: v for n, v in values.items() if n in names})

    def read_widths(self) -> tuple[int, int]:
        """D and D_text, from the arrays' shapes.

        Raises:
            RhasError: no such store.
        """
        holistic, text = self._find_arrays("holistic", "text")
        return holistic.shape[-1], text.shape[-1]

    def read_window(self, person: int, start: int = 0, stop: int | None = None) -> Features:
        """Frames ``[start, stop)`` of a person, to the last by default; streams as float32.

        Raises:
            RhasError: no such store or person, a window outside the film, damaged files.
        """
        arrays = dict(zip(ARRAYS, self._find_arrays(*ARRAYS, person=person), strict=True))
        frames = arrays["holistic"].shape[1]
        stop = frames if stop is None else stop
        check_window(f"{self.path}, person {person}", start, stop, frames)
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            return Features(
                holistic=_to_float32(arrays["holistic"][person, start:stop]),
                partial=_to_float32(arrays["partial"][person, start:stop]),
                present=np.asarray(arrays["present"][person, start:stop]),
                text=np.asarray(arrays["text"][person]),
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
        (array,) = self._find_arrays(f"{stream}_tokens", person=person)
        check_window(f"{self.path}, person {person}", start, stop, array.shape[1])
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            return np.asarray(array[person, start:stop])

    def has_tokens(self) -> bool:
        """Whether query tokens were kept."""
        return (self.path / f"{STREAMS[0]}_tokens").is_dir()

    def read_windows(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """``frame``, and of each person holistic, partial, present, text."""
        found: Arrays = {}
        for number in choose_persons(self.count_persons(), person, self.path):
            features = self.read_window(number, start, stop)
            found |= {f"{person_group(number)}.{n}": getattr(features, n) for n in ARRAYS}
        return {"frame": np.arange(start, stop), **found}

    def read_stored(
        self, person: int, name: str, start: int = 0, stop: int | None = None
    ) -> np.ndarray:
        """Frames ``[start, stop)`` of one array as it is stored; fewer where it ends before."""
        with guard_reading(f"{self.path}, person {person}", what="the feature store is damaged"):
            (array,) = self._find_arrays(name, person=person)
            return np.asarray(array[person, start:stop])

    def check_version(self) -> None:
        """Raises `RhasError` for a store of an earlier version, which had a group per person."""
        if (self.path / person_group(0) / "holistic").is_dir():
            raise RhasError(
                "a feature store of an earlier version",
                where=str(self.path),
                do="run `dvc repro extract`, or `rhas features` again",
            )

    def _open(self) -> zarr.Group:
        if not (self.path / "zarr.json").exists():
            raise RhasError("no feature store", where=str(self.path), do="run `dvc repro extract`")
        self.check_version()
        check_regular_file(self.path / "zarr.json")
        with guard_reading(self.path, what="the feature store is damaged"):
            return zarr.open_group(self.path, mode="r", zarr_format=3)

    def _find_arrays(self, *names: str, person: int = 0) -> list[zarr.Array]:
        """Arrays that have this person, and the persons and frames of ``holistic``."""
        group = self._open()
        holistic = self._find_array(group, "holistic")
        found = [holistic if n == "holistic" else self._find_array(group, n) for n in names]
        for name, array in zip(names, found, strict=True):
            dimensions, shared = _LIKE_HOLISTIC.get(name, (4, 2))
            like = holistic.shape[:shared]
            if array.ndim != dimensions or array.shape[:shared] != like:
                raise RhasError(
                    "the feature store is damaged",
                    where=f"{self.path}, {name}",
                    expected=f"{dimensions} dimensions, the first as holistic's, {like}",
                    got=str(array.shape),
                    do=REPAIR,
                )
        if not 0 <= person < holistic.shape[0]:
            raise RhasError(
                "no such person in the feature store",
                where=f"{self.path}, person {person}",
                expected=f"0 to {holistic.shape[0] - 1}",
                do="name one of these",
            )
        return found

    def _find_array(self, group: zarr.Group, name: str) -> zarr.Array:
        tokens = name.endswith("_tokens")
        sparse = tokens or name == "partial"  # zeros of frames without the person are not stored
        array = find_array(group, name, self.path, sparse=sparse)
        if array is None:
            raise RhasError(
                f"the feature store lacks '{name}'",
                where=str(self.path),
                do="set extract.keep_tokens" if tokens else REPAIR,
            )
        return array


def _to_float32(values: Any) -> np.ndarray:
    # torch's conversion of float16 is several times faster than numpy's
    return torch.from_numpy(np.asarray(values)).float().numpy()


def merge_features(parts: Sequence[Path], out: Path) -> None:
    """Writes the features of a film from the stores of its parts, in order.

    One stream of one person is held in memory at a time, and its statistics take 8 · T · D bytes;
    of query tokens 1,000 frames are held.
    """
    stores = [FeatureStore(path) for path in parts]
    infos = [store.read_info() for store in stores]
    persons = range(stores[0].count_persons())
    writer = FeatureStoreWriter(out, len(persons))
    writer.write_rows("text", np.stack([stores[0].read_stored(p, "text") for p in persons]))
    present = np.stack([_join_arrays(stores, person, "present") for person in persons])
    writer.write_rows("present", present)
    statistics: list[dict[str, Mapping[str, float]]] = [{} for _ in persons]
    for stream in STREAMS:
        for person in persons:
            values = _join_arrays(stores, person, stream)
            writer.write_stream(person, stream, values)
            seen = values[present[person]] if stream == "partial" else values
            statistics[person] |= _measure_stream(stream, seen)
            del values, seen
            if stores[0].has_tokens():
                _merge_tokens(stores, person, stream, writer)
    frames = sum(info.frames for info in infos)
    writer.write_info(replace(infos[0], frames=frames, statistics=tuple(statistics)))


def _join_arrays(stores: Sequence[FeatureStore], person: int, name: str) -> np.ndarray:
    return np.concatenate([store.read_stored(person, name) for store in stores])


def _merge_tokens(
    stores: Sequence[FeatureStore], person: int, stream: str, writer: FeatureStoreWriter
) -> None:
    name, first = f"{stream}_tokens", 0
    lengths = [store.read_info().frames for store in stores]
    queries, width = stores[0].read_stored(person, name, 0, 1).shape[1:]
    with writer.create_tokens(person, stream, (sum(lengths), queries, width)) as tokens:
        for store, length in zip(stores, lengths, strict=True):
            for start in range(0, length, CHUNK_FRAMES):
                values = store.read_stored(person, name, start, start + CHUNK_FRAMES)
                tokens.put(first + start + np.arange(len(values)), values)
            first += length
