"""``data/samples/``: the index of training samples, written by chunk.

``index.csv`` has a row per sample, ``intervals.csv`` a row per labelled interval of a person, in
frames of the movie, and ``info.json`` the fields of `SampleInfo`. Features are not copied.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter

from rhas.base.checks import Check
from rhas.base.classes import CLASSES
from rhas.base.errors import RhasError
from rhas.base.files import read_csv, read_json, write_csv, write_json
from rhas.stores.checking import Arrays, Facts, check_exists, check_window, guard_reading
from rhas.stores.features import FeatureStore
from rhas.stores.manifest import SUBSETS

_DO = "run `dvc repro chunk`"


@dataclass(frozen=True)
class Sample:
    """One person's window ``[start, stop)`` of a movie, in frames; ``split`` is its subset."""

    sample: str
    movie: str
    person: int
    start: int
    stop: int
    split: str


class Interval(NamedTuple):
    """Frames ``[start, stop)`` of a movie in which a class is active."""

    class_id: int
    start: int
    stop: int


@dataclass(frozen=True)
class SampleInfo:
    """What all samples have in common.

    Args:
        C: classes.
        L: frames of a sample.
        D: width of a feature.
        D_text: width of the reference's embedding.
        fps: working rate, frames per second.
        features: folder of the feature stores, relative to the project.
        split: the rule that made the subsets, ``cross_movie``, ``folds`` or ``random``.
        boundary_sigma: width of a change of labels, frames.
        references: sentences by movie, then by person.
        samples: how many, by subset.
        dropped: how many were dropped, by what.
        persons_without_annotation: movie and person of each.
        classes: their C names; in info.json only where they are not those of RHAS133.
    """

    C: int
    L: int
    D: int
    D_text: int
    fps: float
    features: str
    split: str
    boundary_sigma: float
    references: Mapping[str, Sequence[str]]
    samples: Mapping[str, int]
    dropped: Mapping[str, int]
    persons_without_annotation: Sequence[str]
    classes: Sequence[str] = CLASSES

    def count_dropped(self) -> dict[str, int]:
        """All that gives no sample: ``dropped``, and persons without annotation."""
        without = len(self.persons_without_annotation)
        return {**self.dropped, "persons_without_annotation": without}


@dataclass(frozen=True)
class SampleIndex:
    """The samples of a data set.

    Args:
        info: what they have in common.
        samples: of all subsets.
        intervals: by movie and person, sorted by start.
    """

    info: SampleInfo
    samples: Sequence[Sample]
    intervals: Mapping[tuple[str, int], Sequence[Interval]]

    def write(self, folder: Path) -> None:
        """Writes the three files into a folder that exists; equal values give equal bytes."""
        names = [field.name for field in fields(Sample)]
        write_csv(folder / "index.csv", names, (list(asdict(s).values()) for s in self.samples))
        write_csv(
            folder / "intervals.csv",
            ["movie", "person", *Interval._fields],
            ((*key, *interval) for key, many in self.intervals.items() for interval in many),
        )
        values = asdict(self.info)
        if tuple(self.info.classes) == CLASSES:
            del values["classes"]
        write_json(folder / "info.json", values)

    @staticmethod
    def read(folder: Path) -> SampleIndex:
        """The samples of a folder.

        Raises:
            RhasError: a file is absent or damaged.
        """
        check_exists(folder, _DO)
        rows, spans = (read_csv(folder / name, do=_DO) for name in ("index.csv", "intervals.csv"))
        values = read_json(folder / "info.json", do=_DO)
        with guard_reading(folder, _DO, "other samples than this version writes"):
            info = TypeAdapter(SampleInfo).validate_python(values)
            if len(info.classes) != info.C:
                raise ValueError(f"{len(info.classes)} names of {info.C} classes")
            intervals: dict[tuple[str, int], list[Interval]] = defaultdict(list)
            for row in spans:
                interval = Interval(*(int(row[name]) for name in Interval._fields))
                intervals[row["movie"], int(row["person"])].append(interval)
            samples = [
                Sample(
                    row["sample"],
                    row["movie"],
                    int(row["person"]),
                    int(row["start"]),
                    int(row["stop"]),
                    row["split"],
                )
                for row in rows
            ]
            return SampleIndex(info, samples, intervals)

    def select_subset(self, subset: str) -> list[Sample]:
        """The samples of one subset, in order."""
        return [sample for sample in self.samples if sample.split == subset]

    def find_actions(self, sample: Sample) -> list[Interval]:
        """The intervals of a sample's person that reach into its window."""
        return [
            interval
            for interval in self.intervals.get((sample.movie, sample.person), ())
            if interval.start < sample.stop and interval.stop > sample.start
        ]

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able: windows, frames, movies and classes by subset."""
        classes = {subset: self._count_classes(subset) for subset in SUBSETS}
        subsets = {subset: self._describe_subset(subset, classes[subset]) for subset in SUBSETS}
        names = ("L", "C", "D", "D_text", "fps", "split", "features")
        numbers = sorted({number for counter in classes.values() for number in counter})
        return {
            **{name: getattr(self.info, name) for name in names},
            "sides": subsets,
            "classes": {
                self.info.classes[number]: {subset: classes[subset][number] for subset in SUBSETS}
                for number in numbers
            },
            "dropped": dict(self.info.dropped),
            "persons_without_annotation": list(self.info.persons_without_annotation),
            "flags": self._find_flags(classes),
        }

    def _count_classes(self, subset: str) -> Counter[int]:
        """Intervals of each class that reach into the subset's windows."""
        return Counter(
            interval.class_id
            for sample in self.select_subset(subset)
            for interval in self.find_actions(sample)
        )

    def _describe_subset(self, subset: str, classes: Counter[int]) -> Facts:
        samples = self.select_subset(subset)
        frames = sum(sample.stop - sample.start for sample in samples)
        return {
            "samples": len(samples),
            "movies": len({sample.movie for sample in samples}),
            "persons": len({(sample.movie, sample.person) for sample in samples}),
            "frames": frames,
            "padding": 1 - frames / (self.info.L * len(samples)) if samples else None,
            "intervals": sum(classes.values()),
            "classes": len(classes),
        }

    def _find_flags(self, classes: Mapping[str, Counter[int]]) -> list[str]:
        present = {subset: bool(self.select_subset(subset)) for subset in SUBSETS}
        flags = [f"no {subset} sample" for subset in SUBSETS if not present[subset]]
        for subset in ("val", "test"):
            unseen = sorted(set(classes[subset]) - set(classes["train"]))
            if unseen and present["train"]:
                names = ", ".join(self.info.classes[number] for number in unseen)
                flags.append(f"classes of {subset} that train does not have: {names}")
        movies = {(sample.movie, sample.split) for sample in self.samples}
        shared = [movie for movie, n in Counter(movie for movie, _ in movies).items() if n > 1]
        if shared:
            flags.append(f"{len(shared)} movies are on several sides (split: random)")
        return flags

    def check(self, project: Path) -> Iterator[Check]:
        """Whether every window lies in a feature store of the same widths and rate.

        Args:
            project: the folder that ``info.features`` is relative to.
        """
        problems: list[str] = []
        widths = (self.info.D, self.info.D_text, self.info.fps)
        for sample in self.samples:
            store = FeatureStore(project / self.info.features / f"{sample.movie}.zarr")
            try:
                info, found = store.read_info(), store.read_widths()
            except RhasError as error:
                problems.append(f"{sample.sample}: {error.what}")
                continue
            if sample.person >= len(info.references):
                problems.append(f"{sample.sample}: no such person in the feature store")
            if sample.stop > info.frames or not 0 <= sample.start < sample.stop:
                problems.append(f"{sample.sample}: beyond its film of {info.frames} frames")
            if (*found, info.fps) != widths:
                problems.append(f"{sample.sample}: features of another width or rate")
        yield Check(
            "windows and features",
            "fail" if problems else "ok",
            f"{len(problems)} problems, first: {problems[0]}"
            if problems
            else f"{len(self.samples)} fit",
            "run `dvc repro chunk`" if problems else "",
        )

    def read_window(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """Rows ``[start, stop)`` of the index: ``sample`` (their numbers), name, movie, person,
        split, start, stop, actions."""
        check_window("", start, stop, len(self.samples), "samples")
        rows = [
            (number, sample)
            for number, sample in enumerate(self.samples[start:stop], start)
            if person is None or sample.person == person
        ]
        if not rows:
            raise RhasError(
                "no sample of this person in the window", got=str(person), do="name another window"
            )
        found = {"sample": np.array([number for number, _ in rows]),
                 "name": np.array([sample.sample for _, sample in rows])}  # fmt: skip
        for name in ("movie", "split", "person", "start", "stop"):
            found[name] = np.array([getattr(sample, name) for _, sample in rows])
        actions = [{interval.class_id for interval in self.find_actions(s)} for _, s in rows]
        names = self.info.classes
        found["actions"] = np.array([", ".join(names[n] for n in sorted(a)) for a in actions])
        return found
