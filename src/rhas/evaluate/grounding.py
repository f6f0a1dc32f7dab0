"""Grounding measured against true boxes: the stores of a data set to ``results/grounding.json``.

docs/METRICS.md, Grounding, defines the metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.evaluate.records import write_metrics
from rhas.evaluate.tracked import read_tracked_film
from rhas.metrics.recall import Recall, count_recall
from rhas.metrics.tracks import TrackCounts, count_tracks
from rhas.stores.boxes import FilmBoxes
from rhas.stores.dataset import DatasetPaths
from rhas.stores.manifest import SUBSETS, Manifest
from rhas.stores.truth import TrueBoxes


@dataclass(frozen=True)
class FilmGrounding:
    """What is counted in one film.

    Args:
        movie: its name.
        subset: its side of the cross-movie split.
        recall: of grounding's candidates.
        persons: of the tracks, by person.
        lookalike: by person, 0 for none or the number of its group in
            `rhas.metrics.names.LOOKALIKE_GROUPS`, from 1.
    """

    movie: str
    subset: str | None
    recall: Recall
    persons: Sequence[TrackCounts]
    lookalike: Sequence[int]


def count_folder(stores: DatasetPaths) -> list[FilmGrounding]:
    """The counts of all films of the manifest, in its order; none where it has no true boxes.

    Raises:
        RhasError: a film's store is absent, or does not belong to its references or truth.
    """
    manifest = Manifest.read(stores.raw)
    if not manifest.truth:
        return []
    return [count_film(stores, film.movie, film.subset) for film in manifest.films]


def count_film(stores: DatasetPaths, movie: str, subset: str | None) -> FilmGrounding:
    """The counts of one film; see `count_folder`."""
    film = read_tracked_film(stores, movie)
    return FilmGrounding(
        movie,
        subset,
        read_recall(stores.boxes / f"{movie}.h5", film.right, film.counted),
        count_tracks(film),
        TrueBoxes.read(stores.truth_path(movie)).lookalike.tolist(),
    )


@dataclass(frozen=True)
class LookalikeMetrics:
    """Tracks of the persons who have a look-alike of one kind; shares 0-100."""

    recall_50: float | None
    wrong_person: float | None
    persons: int
    visible_frames: int
    box_frames: int

    @staticmethod
    def from_counts(track: TrackCounts) -> LookalikeMetrics:
        return LookalikeMetrics(
            recall_50=_percent_of(track.found, track.visible),
            wrong_person=_percent_of(track.wrong, track.boxed),
            persons=track.persons,
            visible_frames=track.visible,
            box_frames=track.boxed,
        )


@dataclass(frozen=True)
class GroundingMetrics:
    """How often grounding and its tracks are with the right person; docs/METRICS.md defines each.

    Shares and the IoU are 0-100, None where there is nothing to count.
    """

    recall_50: float | None
    track_iou: float | None
    wrong_person: float | None
    wrong_person_of_visible: float | None
    on_nobody: float | None
    false_presence: float | None
    id_switches: int
    cut_crossings: int
    detector_top: float | None
    detector_any: float | None
    chance: float | None
    persons: int
    persons_not_found: int
    visible_frames: int
    box_frames: int
    absent_frames: int
    sampled_frames: int

    @staticmethod
    def from_films(films: Sequence[FilmGrounding]) -> GroundingMetrics:
        """The metrics of some films together."""
        recall = sum((film.recall for film in films), Recall())
        track = sum((person for film in films for person in film.persons), TrackCounts())
        return GroundingMetrics(
            recall_50=_percent_of(track.found, track.visible),
            track_iou=_percent_of(track.overlap, track.visible),
            wrong_person=_percent_of(track.wrong, track.boxed),
            wrong_person_of_visible=_percent_of(track.wrong_visible, track.visible),
            on_nobody=_percent_of(track.nobody, track.boxed),
            false_presence=_percent_of(track.absent_boxed, track.absent),
            id_switches=track.id_switches,
            cut_crossings=track.cut_crossings,
            detector_top=_percent_of(recall.top, recall.pairs),
            detector_any=_percent_of(recall.any, recall.pairs),
            chance=_percent_of(recall.chance, recall.pairs),
            persons=track.persons,
            persons_not_found=track.not_found,
            visible_frames=track.visible,
            box_frames=track.boxed,
            absent_frames=track.absent,
            sampled_frames=recall.pairs,
        )


@dataclass(frozen=True)
class SubsetGrounding(GroundingMetrics):
    """The metrics of a subset, and those of its persons who have a look-alike."""

    lookalike_place: LookalikeMetrics
    lookalike_garment: LookalikeMetrics


@dataclass(frozen=True)
class FilmMetrics(GroundingMetrics):
    """The metrics of a film."""

    movie: str
    subset: str | None


@dataclass(frozen=True)
class GroundingReport:
    """``grounding.json``; without true boxes both fields are empty.

    Args:
        subsets: by name, those with a film.
        films: in the manifest's order.
    """

    subsets: Mapping[str, SubsetGrounding]
    films: Sequence[FilmMetrics]

    @staticmethod
    def from_films(films: Sequence[FilmGrounding]) -> GroundingReport:
        """The metrics of the films' counts."""
        subsets = {name: [film for film in films if film.subset == name] for name in SUBSETS}
        return GroundingReport(
            {name: _measure_subset(own) for name, own in subsets.items() if own},
            [
                FilmMetrics(
                    **asdict(GroundingMetrics.from_films([film])),
                    movie=film.movie,
                    subset=film.subset,
                )
                for film in films
            ],
        )

    def write(self, folder: Path) -> None:
        """Writes ``folder/grounding.json``."""
        values: dict[str, object] = {"truth": bool(self.films)}
        if self.films:
            values |= {name: asdict(subset) for name, subset in self.subsets.items()}
            values["films"] = [asdict(film) for film in self.films]
        write_metrics(folder / "grounding.json", values)


def write_grounding(stores: DatasetPaths, folder: Path) -> None:
    """Writes ``folder/grounding.json`` (docs/METRICS.md)."""
    GroundingReport.from_films(count_folder(stores)).write(folder)


def _measure_subset(films: Sequence[FilmGrounding]) -> SubsetGrounding:
    place, garment = (_measure_lookalikes(films, number) for number in (1, 2))
    return SubsetGrounding(
        **asdict(GroundingMetrics.from_films(films)),
        lookalike_place=place,
        lookalike_garment=garment,
    )


def _measure_lookalikes(films: Sequence[FilmGrounding], number: int) -> LookalikeMetrics:
    """The persons of a group of LOOKALIKE_GROUPS, from 1."""
    counts = [
        person
        for film in films
        for person, group in zip(film.persons, film.lookalike, strict=True)
        if group == number
    ]
    return LookalikeMetrics.from_counts(sum(counts, TrackCounts()))


def read_recall(path: Path, right: NDArray[np.floating], visible: NDArray[np.bool_]) -> Recall:
    """Recall of a film's boxes store; ``right`` and ``visible`` as of `count_recall`.

    Raises:
        RhasError: the store is absent or does not belong to these boxes.
    """
    store = FilmBoxes.read(path)
    candidates = [
        [person.boxes[person.select_rows(row)] for row in range(len(store.frames))]
        for person in store.persons
    ]
    try:
        return count_recall(store.frames, candidates, right, visible)
    except RhasError as error:
        raise RhasError(
            error.what, where=str(path), expected=error.expected, got=error.got, do=error.do
        ) from error


def _percent_of(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None
