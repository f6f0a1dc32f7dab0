"""Stores of per-frame class probabilities, Zarr v3: of a run's samples, and of a film's persons.

T frames, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.stores.checking import (
    Array,
    Arrays,
    Facts,
    check_arrays,
    check_exists,
    check_window,
    choose_persons,
    guard_reading,
)
from rhas.stores.hdf5 import person_group
from rhas.stores.zarr_files import find_array, measure_files

_CHUNK_FRAMES = 1000
_AGAIN = "run `rhas segment` again"
_HIGHEST = 6  # classes that are described


@dataclass(frozen=True)
class SampleScores:
    """A sample's scores, as a method gave them: ``results/scores.zarr``.

    Args:
        sample: its name.
        movie, person: whose.
        start, stop: frames of the movie.
        scores: float16 (stop - start, C).

    Raises:
        RhasError: a wrong shape or dtype.
    """

    sample: str
    movie: str
    person: int
    start: int
    stop: int
    scores: np.ndarray

    def __post_init__(self) -> None:
        shape = (self.stop - self.start, "C")
        check_arrays("scores", {"scores": Array(self.scores, (np.float16,), shape)})


def write_sample_scores(subsets: Mapping[str, Sequence[SampleScores]], path: Path) -> None:
    """A group per subset, an array per sample; equal values give equal bytes."""
    root = zarr.create_group(path, zarr_format=3)
    for subset, items in subsets.items():
        group = root.create_group(subset)
        for item in items:
            array = group.create_array(
                item.sample,
                shape=item.scores.shape,
                dtype=item.scores.dtype,
                chunks=item.scores.shape,
                compressors=None,
                attributes={
                    "movie": item.movie,
                    "person": item.person,
                    "start": item.start,
                    "stop": item.stop,
                },
            )
            array[:] = item.scores


def read_sample_scores(path: Path, subset: str) -> Iterator[SampleScores]:
    """The samples of a subset, by name.

    Raises:
        RhasError: the store or the subset is absent or damaged.
    """
    check_exists(path, "run `dvc repro evaluate`")
    folder = path / subset
    with guard_reading(path, "run `dvc repro evaluate`"):
        check_regular_file(folder / "zarr.json", "run `dvc repro evaluate`")
        group = zarr.open_group(path, path=subset, mode="r")
        for name in sorted(child.name for child in folder.iterdir() if child.is_dir()):
            array = find_array(group, name, folder, what="the scores are damaged")
            if array is not None:
                values = np.asarray(array[:])
                yield SampleScores(name, **array.attrs.asdict(), scores=values)


@dataclass(frozen=True)
class PersonScores:
    """A person's scores over a film: the ``scores.zarr`` of `rhas segment`.

    Args:
        person: index of the reference.
        reference: the sentence.
        fps: frames per second.
        classes: C names in order.
        scores: float16 (T, C).

    Raises:
        RhasError: a wrong shape or dtype, or not a name per class.
    """

    person: int
    reference: str
    fps: float
    classes: tuple[str, ...]
    scores: np.ndarray

    def __post_init__(self) -> None:
        check_arrays("scores", {"scores": Array(self.scores, (np.float16,), ("T", "C"))})
        if self.scores.shape[1] != len(self.classes):
            raise RhasError(f"{person_group(self.person)}: not a name per class")

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        values = self.scores.astype(np.float32)
        mean = values.mean(0) if len(values) else np.zeros(values.shape[1], np.float32)
        ranked = sorted(range(len(mean)), key=lambda n: (-mean[n], self.classes[n]))[:_HIGHEST]
        flags = ["not finite"] if not np.isfinite(values).all() else []
        if not flags and ((values < 0) | (values > 1)).any():
            flags = ["outside [0, 1]"]
        return {
            "reference": self.reference,
            "highest": {self.classes[n]: round(float(mean[n]), 4) for n in ranked},
            "flags": flags,
        }


def write_person_scores(persons: Sequence[PersonScores], path: Path) -> None:
    """A group per person; memory-mapped scores are copied block by block."""
    root = zarr.create_group(path, zarr_format=3)
    for person in persons:
        group = root.create_group(
            person_group(person.person),
            attributes={
                "person": person.person,
                "reference": person.reference,
                "fps": person.fps,
                "classes": list(person.classes),
            },
        )
        values = person.scores
        array = group.create_array(
            "scores",
            shape=values.shape,
            dtype=values.dtype,
            chunks=(_CHUNK_FRAMES, values.shape[1]),
            compressors=None,
        )
        for start in range(0, len(values), _CHUNK_FRAMES):
            array[start : start + _CHUNK_FRAMES] = values[start : start + _CHUNK_FRAMES]


def read_person_scores(path: Path) -> list[PersonScores]:
    """The persons of a film, in order.

    Raises:
        RhasError: the store is absent or damaged, or a person lacks scores or names of classes.
    """
    check_exists(path, _AGAIN)
    persons: list[PersonScores] = []
    with guard_reading(path, _AGAIN, what="the scores are damaged"):
        measure_files(path)
        root: Any = zarr.open_group(path, mode="r")
        while (name := person_group(len(persons))) in root:
            group = root[name]
            values = group.attrs.asdict() | {"classes": tuple(group.attrs["classes"])}
            array = find_array(group, "scores", path / name, what="the scores are damaged")
            if array is None:
                raise RhasError("no scores", where=f"{path}, {name}")
            persons.append(PersonScores(**values, scores=np.asarray(array[:])))
    if not persons:
        raise RhasError(
            "no person in it",
            where=str(path),
            expected="the scores.zarr of `rhas segment`",
            do=_AGAIN,
        )
    return persons


@dataclass(frozen=True)
class FilmScores:
    """The scores of every person of a film; persons may differ in length where it is damaged."""

    path: Path
    persons: tuple[PersonScores, ...]

    @staticmethod
    def read(path: Path) -> FilmScores:
        """See `read_person_scores`."""
        return FilmScores(path, tuple(read_person_scores(path)))

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        first = self.persons[0]
        return {
            "frames": len(first.scores),
            "fps": float(first.fps),
            "classes": len(first.classes),
            "persons": [person.describe() for person in self.persons],
            "flags": [],
        }

    def check(self) -> Iterator[Check]:
        """Whether all scores are probabilities of equally many frames."""
        for number, person in enumerate(self.persons):
            bad = ", ".join(person.describe()["flags"])
            found = f"finite, in [0, 1], {len(person.scores):,} frames"
            yield Check(f"person {number}: scores", "fail" if bad else "ok",
                        bad or found, _AGAIN if bad else "")  # fmt: skip
        lengths = {len(person.scores) for person in self.persons}
        if len(lengths) > 1:
            yield Check("lengths", "fail", f"persons of {sorted(lengths)} frames", _AGAIN)

    def read_window(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """``frame``, ``classes`` (C,), and of each person scores (n, C)."""
        check_window(self.path, start, stop, len(self.persons[0].scores))
        found = {"frame": np.arange(start, stop), "classes": np.array(self.persons[0].classes)}
        for number in choose_persons(len(self.persons), person, self.path):
            found[f"{person_group(number)}.scores"] = self.persons[number].scores[start:stop]
        return found
