"""``data/tracks/<movie>.h5``: one track per reference and the person's crops, written by crop.

The attributes of `TrackInfo`; ``cuts`` int32, the frames that start a new shot; and per person a
group with the attribute ``reference``, a JPEG store of the crops (an empty entry where the person
is missing), ``boxes`` float32 (T, 4), ``scores`` float32 (T,) and ``source`` uint8 (T,).
T is the number of frames, P of persons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.stores.checking import (
    Array,
    Arrays,
    Facts,
    check_arrays,
    check_window,
    choose_persons,
    compare_counts,
    guard_reading,
)
from rhas.stores.frames import create_part
from rhas.stores.hdf5 import (
    create_hdf5,
    open_hdf5,
    person_group,
    person_groups,
    read_attributes,
    write_attributes,
    write_dataset,
)
from rhas.stores.jpeg import JpegReader, JpegWriter, link_images

_DO = "run `dvc repro crop`"


class BoxSource(IntEnum):
    """Where the box of a frame comes from."""

    MISSING = 0
    DETECTED = 1
    INTERPOLATED = 2

    @property
    def label(self) -> str:
        """``missing``, ``detected`` or ``interpolated``."""
        return self.name.lower()


@dataclass(frozen=True)
class TrackInfo:
    """How the tracks were made.

    Args:
        movie: its name.
        size: side of a crop, pixels.
        margin: added on every side, as a share of the box's longer side.
        truth: the boxes come from the truth.
    """

    movie: str
    size: int
    margin: float
    truth: bool


@dataclass(frozen=True)
class PersonTrack:
    """The track of one reference.

    Args:
        reference: the sentence.
        boxes: float32 (T, 4), ``x1, y1, x2, y2`` in pixels, NaN where missing.
        scores: float32 (T,), 0 where missing.
        source: uint8 (T,), values of `BoxSource`.

    Raises:
        RhasError: a wrong shape or dtype, or an unknown source.
    """

    reference: str
    boxes: np.ndarray
    scores: np.ndarray
    source: np.ndarray

    def __post_init__(self) -> None:
        check_arrays(
            "the arrays of a track",
            {
                "boxes": Array(self.boxes, (np.float32,), ("T", 4)),
                "scores": Array(self.scores, (np.float32,), ("T",)),
                "source": Array(self.source, (np.uint8,), ("T",)),
            },
        )
        if self.source.max(initial=0) > max(BoxSource):
            raise RhasError(
                "a box's source that does not exist",
                expected=", ".join(f"{s.value} {s.label}" for s in BoxSource),
                got=str(int(self.source.max())),
            )

    @property
    def present(self) -> np.ndarray:
        """bool (T,): the frame has a box."""
        return self.source != BoxSource.MISSING

    def count_sources(self) -> dict[str, int]:
        """Frames by source: detected, interpolated, missing."""
        order = (BoxSource.DETECTED, BoxSource.INTERPOLATED, BoxSource.MISSING)
        return {source.label: int((self.source == source).sum()) for source in order}

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        width, height = (self.boxes[:, 2:] - self.boxes[:, :2])[self.present].T
        longer = np.fmax(width, height)
        counts = self.count_sources()
        flags = []
        if not self.present.any():
            flags.append("never found")
        elif counts["missing"] > 0.5 * len(self.source):
            flags.append(f"missing in {counts['missing'] / len(self.source):.0%} of the frames")
        if (np.isfinite(self.boxes).all(1) != self.present).any():
            flags.append("boxes and source do not agree")
        return {
            "reference": self.reference,
            "coverage": counts,
            "longer_side": float(np.nanmedian(longer)) if np.isfinite(longer).any() else None,
            "flags": flags,
        }


@dataclass(frozen=True)
class FilmTracks:
    """A tracks store without its crops.

    Args:
        info: its attributes.
        cuts: int32, frames that start a shot, ascending, without 0.
        persons: tracks by person.

    Raises:
        RhasError: no person, or persons with different numbers of frames.
    """

    info: TrackInfo
    cuts: np.ndarray
    persons: tuple[PersonTrack, ...]

    def __post_init__(self) -> None:
        check_arrays("cuts", {"cuts": Array(self.cuts, (np.int32,), ("cuts",))})
        lengths = {len(person.source) for person in self.persons}
        if len(lengths) != 1:
            raise RhasError(
                "not the tracks of one film",
                expected="one or more persons, each with all frames",
                got=f"{len(self.persons)} persons with {sorted(lengths)} frames",
                do=_DO,
            )

    def __len__(self) -> int:
        return len(self.persons[0].source)

    @property
    def references(self) -> list[str]:
        """The sentences, by person."""
        return [person.reference for person in self.persons]

    @property
    def boxes(self) -> np.ndarray:
        """float32 (T, P, 4), NaN where missing."""
        return np.stack([person.boxes for person in self.persons], axis=1)

    @property
    def source(self) -> np.ndarray:
        """uint8 (T, P), values of `BoxSource`."""
        return np.stack([person.source for person in self.persons], axis=1)

    @staticmethod
    def read(path: Path) -> FilmTracks:
        """The tracks of a film.

        Raises:
            RhasError: the store is absent, damaged or of another format.
        """
        with open_hdf5(path, _DO) as file:
            return _read_tracks(path, file)


@dataclass(frozen=True)
class TrackStore:
    """An open tracks store.

    Args:
        path: of the file.
        tracks: everything but the crops.
        crops: by person; uint8 (size, size, 3) by frame, None where missing.
    """

    path: Path
    tracks: FilmTracks
    crops: tuple[JpegReader, ...]

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        return {
            "attributes": asdict(self.tracks.info),
            "frames": len(self.tracks),
            "shots": len(self.tracks.cuts) + 1,
            "persons": [
                {**track.describe(), "jpeg_bytes": int(crops.sizes.sum())}
                for track, crops in zip(self.tracks.persons, self.crops, strict=True)
            ],
            "flags": ["made from true boxes"] if self.tracks.info.truth else [],
        }

    def check(self, report: Mapping[str, Any]) -> Iterator[Check]:
        """Decodes every crop, and compares counts with those that crop reported of the film."""
        side = self.tracks.info.size
        for number, (track, crops) in enumerate(zip(self.tracks.persons, self.crops, strict=True)):
            boxed, cropped = np.isfinite(track.boxes).all(1), crops.sizes > 0
            agree = np.array_equal(track.present, cropped) and np.array_equal(track.present, boxed)
            yield Check(
                f"person {number}: crops where there is a box",
                "ok" if agree else "fail",
                f"{int(cropped.sum())} crops, {int(boxed.sum())} boxes, "
                f"{int(track.present.sum())} frames that are not missing",
                "" if agree else "run `dvc repro crop`",
            )
            yield crops.check_images(f"person {number}: crops", (side, side, 3))
        reported = report.get("persons")
        for number, track in enumerate(self.tracks.persons):
            counts = reported[number] if reported else {}
            name = f"person {number}: coverage"
            yield compare_counts(name, track.count_sources(), counts, "crop")

    def read_window(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """``frame``, and of each person boxes, scores and source."""
        check_window(self.path, start, stop, len(self.tracks))
        found = {"frame": np.arange(start, stop)}
        for number in choose_persons(len(self.crops), person, self.path):
            for name in ("boxes", "scores", "source"):
                values = getattr(self.tracks.persons[number], name)
                found[f"{person_group(number)}.{name}"] = values[start:stop]
        return found


class CropWriter:
    """Appends the crops of a film, frame by frame."""

    def __init__(self, writers: Sequence[JpegWriter]) -> None:
        self._writers = writers

    def append(self, crops: Sequence[bytes]) -> None:
        """Adds a frame: JPEG bytes by person, empty where missing."""
        for writer, data in zip(self._writers, crops, strict=True):
            writer.append(data)


@contextmanager
def create_tracks(path: Path, tracks: FilmTracks) -> Iterator[CropWriter]:
    """A new tracks store, to whose persons the block appends the crops of every frame.

    The file is removed again where the block fails.
    """
    with create_hdf5(path) as file:
        write_attributes(file, tracks.info)
        write_dataset(file, "cuts", tracks.cuts)
        writers = []
        with ExitStack() as stack:
            for number, person in enumerate(tracks.persons):
                group = file.create_group(person_group(number))
                _write_person(group, person)
                writers.append(stack.enter_context(JpegWriter(group)))
            yield CropWriter(writers)
        # HDF5 writes the last chunk of a dataset when it is closed: the order is part of the format
        for writer in (*reversed(writers[:-1]), writers[-1]):
            writer.close()


@contextmanager
def open_tracks(path: Path) -> Iterator[TrackStore]:
    """A tracks store for reading, with its crops.

    Raises:
        RhasError: it is absent, damaged or of another format.
    """
    with open_hdf5(path, _DO) as file:
        tracks = _read_tracks(path, file)
        with guard_reading(path):
            store = TrackStore(path, tracks, tuple(map(JpegReader, person_groups(file))))
        yield store


def write_track_chunk(whole: Path, identity: str, start: int, stop: int, out: Path) -> None:
    """Writes a store of frames ``[start, stop)`` whose crops stay in the whole film's store.

    Args:
        whole: the film's store.
        identity: stands for the content of ``whole``, which the part's own bytes do not hold.
        start, stop: frames.
        out: the file to write.
    """
    tracks = FilmTracks.read(whole)
    inside = tracks.cuts[(tracks.cuts > start) & (tracks.cuts < stop)] - np.int32(start)
    rows = slice(start, stop)
    with open_hdf5(whole, _DO) as film, create_part(out, identity, start) as file:
        write_attributes(file, tracks.info)
        write_dataset(file, "cuts", inside)
        for number, p in enumerate(tracks.persons):
            group = file.create_group(person_group(number))
            _write_person(
                group, PersonTrack(p.reference, p.boxes[rows], p.scores[rows], p.source[rows])
            )
            link_images(film[person_group(number)], group, start, stop)


def _write_person(group: h5py.Group, person: PersonTrack) -> None:
    group.attrs["reference"] = person.reference
    write_dataset(group, "boxes", person.boxes)
    write_dataset(group, "scores", person.scores)
    write_dataset(group, "source", person.source)


def _read_tracks(path: Path, file: h5py.File) -> FilmTracks:
    with guard_reading(path):
        persons = []
        for group in person_groups(file):
            arrays = (group[name][:] for name in ("boxes", "scores", "source"))
            with guard_reading(f"{path}, {group.name}"):
                persons.append(PersonTrack(str(group.attrs["reference"]), *arrays))
        return FilmTracks(read_attributes(file, TrackInfo), file["cuts"][:], tuple(persons))
