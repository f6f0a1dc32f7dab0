"""``data/samples/``: the index of training samples, written by chunk.

``index.csv`` has a row per sample, ``intervals.csv`` a row per labelled interval of a person, in
frames of the movie, and ``info.json`` the fields of `SampleInfo`. Features are not copied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from rhas.base.files import read_csv, read_json, write_csv, write_json
from rhas.stores.checking import check_exists, guard_reading

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
        split: the rule that made the subsets, ``cross_movie`` or ``random``.
        boundary_sigma: width of a change of labels, frames.
        references: sentences by movie, then by person.
        samples: how many, by subset.
        dropped: how many were dropped, by what.
        persons_without_annotation: movie and person of each.
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
        write_json(folder / "info.json", asdict(self.info))

    @staticmethod
    def read(folder: Path) -> SampleIndex:
        """The samples of a folder.

        Raises:
            RhasError: a file is absent or damaged.
        """
        check_exists(folder, _DO)
        intervals: dict[tuple[str, int], list[Interval]] = defaultdict(list)
        for row in read_csv(folder / "intervals.csv", do=_DO):
            interval = Interval(*(int(row[name]) for name in Interval._fields))
            intervals[row["movie"], int(row["person"])].append(interval)
        values = read_json(folder / "info.json", do=_DO)
        with guard_reading(folder, _DO, "other samples than this version writes"):
            info = SampleInfo(**values)
        samples = [
            Sample(
                row["sample"],
                row["movie"],
                int(row["person"]),
                int(row["start"]),
                int(row["stop"]),
                row["split"],
            )
            for row in read_csv(folder / "index.csv", do=_DO)
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
