"""``data/boxes/<movie>.h5``: the box candidates of a film, written by ground.

The attributes of `BoxInfo`; ``frames`` int32 (S,), the frames that were grounded; and per person a
group with the attribute ``reference``, ``offsets`` int64 (S+1,), ``boxes`` float32 (N, 4) and
``scores`` float32 (N,): N is the sum of the K candidates of every grounded frame, best first. Where
people drew the person, the keyframes too: ``drawn_times``, ... (`rhas.stores.drawn`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.stores.checking import Array, Arrays, Facts, check_arrays, choose_persons, guard_reading
from rhas.stores.drawn import DrawnTrack
from rhas.stores.hdf5 import (
    create_hdf5,
    open_hdf5,
    person_group,
    person_groups,
    read_attributes,
    write_attributes,
    write_dataset,
)

_DO = "run `dvc repro ground`"
_DRAWN = "drawn_"


@dataclass(frozen=True)
class BoxInfo:
    """How the candidates were made.

    Args:
        movie: its name.
        stride: frames from one grounded frame to the next.
        backend: ``transformers``, ``official``, ``tracks`` or ``truth``.
        checkpoint, checkpoint_hash: of the detector; empty without one, as are those below.
        policy: how scores of words become one score (`rhas.ground.policies`).
        prompting: ``packed`` or ``separate``.
        dtype: in which the detector computed.
        truth: the candidates are true boxes.
    """

    movie: str
    stride: int
    backend: str
    checkpoint: str
    checkpoint_hash: str
    policy: str
    prompting: str
    dtype: str
    truth: bool


@dataclass(frozen=True)
class PersonBoxes:
    """The candidates of one reference.

    Args:
        reference: the sentence.
        offsets: int64 (S+1,), where each grounded frame's candidates begin and end.
        boxes: float32 (N, 4), ``x1, y1, x2, y2`` in pixels; best first within a frame.
        scores: float32 (N,).
        drawn: the track that people drew, in pixels of a working frame.

    Raises:
        RhasError: a wrong shape or dtype, or offsets that do not ascend from 0 to N.
    """

    reference: str
    offsets: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    drawn: DrawnTrack | None = None

    def __post_init__(self) -> None:
        check_arrays(
            "box candidates",
            {
                "offsets": Array(self.offsets, (np.int64,), ("S+1",)),
                "boxes": Array(self.boxes, (np.float32,), ("N", 4)),
                "scores": Array(self.scores, (np.float32,), ("N",)),
            },
        )
        ends = self.offsets[[0, -1]].tolist() if len(self.offsets) else []
        if ends != [0, len(self.boxes)] or (self.counts < 0).any():
            raise RhasError(
                "offsets of box candidates that do not ascend",
                expected=f"from 0 to {len(self.boxes)}",
                got=f"{len(self.offsets)} offsets from {ends}",
            )

    @property
    def counts(self) -> np.ndarray:
        """K of each grounded frame, int64 (S,)."""
        return np.diff(self.offsets)

    def select_rows(self, row: int) -> slice:
        """Where the candidates of one grounded frame lie; ``row`` counts grounded frames."""
        return slice(int(self.offsets[row]), int(self.offsets[row + 1]))

    def select_best(self) -> tuple[np.ndarray, np.ndarray]:
        """The best candidate of each grounded frame: boxes float32 (S, 4), scores float32 (S,).

        NaN where a frame has none.
        """
        found = self.counts > 0
        first = self.offsets[:-1][found]
        boxes = np.full((len(found), 4), np.nan, np.float32)
        scores = np.full(len(found), np.nan, np.float32)
        boxes[found], scores[found] = self.boxes[first], self.scores[first]
        return boxes, scores

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        best = self.select_best()[1]
        without = int((self.counts == 0).sum())
        flags = [] if np.isfinite(self.scores).all() else ["scores not finite"]
        if len(best) and without == len(best):
            flags.append("no candidate in any frame")
        percentiles = (10, 50, 90) if np.isfinite(best).any() else ()
        return {
            "reference": self.reference,
            "candidates": len(self.scores),
            "frames_without": without,
            "best_score": {f"{q} %": float(np.nanpercentile(best, q)) for q in percentiles},
            **({} if self.drawn is None else {"drawn_keyframes": len(self.drawn.times)}),
            "flags": flags,
        }

    def check(self, name: str) -> Check:
        """Whether all candidates are boxes with an area and scores in [0, 1]."""
        finite = bool(np.isfinite(self.boxes).all() and np.isfinite(self.scores).all())
        inside = bool(((self.scores >= 0) & (self.scores <= 1)).all())
        area = bool((self.boxes[:, 2:] > self.boxes[:, :2]).all())
        good = finite and inside and area
        return Check(
            name,
            "ok" if good else "fail",
            f"{len(self.boxes)}: finite {finite}, scores in [0, 1] {inside}, with an area {area}",
            "" if good else "run `dvc repro ground`",
        )

    def read_window(self, first: int, last: int) -> Arrays:
        """Of grounded frames ``[first, last)``: how many candidates, the best, and all."""
        boxes, scores = self.select_best()
        rows = slice(int(self.offsets[first]), int(self.offsets[last]))
        return {
            "candidates": self.counts[first:last],
            "boxes": boxes[first:last],
            "scores": scores[first:last],
            "all_boxes": self.boxes[rows],
            "all_scores": self.scores[rows],
        }


@dataclass(frozen=True)
class FilmBoxes:
    """A boxes store.

    Args:
        info: its attributes.
        frames: int32 (S,), the grounded frames, ascending.
        persons: candidates by person.

    Raises:
        RhasError: persons of another number of frames.
    """

    info: BoxInfo
    frames: np.ndarray
    persons: tuple[PersonBoxes, ...]

    def __post_init__(self) -> None:
        check_arrays("grounded frames", {"frames": Array(self.frames, (np.int32,), ("S",))})
        lengths = {len(person.counts) for person in self.persons}
        if lengths - {len(self.frames)}:
            raise RhasError(
                "candidates of other frames than the grounded ones",
                expected=f"{len(self.frames)} frames of each person",
                got=f"{sorted(lengths)} frames",
                do=_DO,
            )

    def write(self, path: Path) -> None:
        """Writes the store; equal values give equal bytes."""
        with create_hdf5(path) as file:
            write_attributes(file, self.info)
            write_dataset(file, "frames", self.frames)
            for number, person in enumerate(self.persons):
                group = file.create_group(person_group(number))
                group.attrs["reference"] = person.reference
                write_dataset(group, "offsets", person.offsets)
                write_dataset(group, "boxes", person.boxes)
                write_dataset(group, "scores", person.scores)
                if person.drawn is not None:
                    person.drawn.write(group, _DRAWN)

    @staticmethod
    def read(path: Path) -> FilmBoxes:
        """The store of a film.

        Raises:
            RhasError: it is absent, damaged or of another format.
        """
        with open_hdf5(path, _DO) as file, guard_reading(path):
            persons = []
            for group in person_groups(file):
                arrays = (group[name][:] for name in ("offsets", "boxes", "scores"))
                with guard_reading(f"{path}, {group.name}"):
                    drawn = DrawnTrack.read(group, _DRAWN) if f"{_DRAWN}times" in group else None
                    person = PersonBoxes(str(group.attrs["reference"]), *arrays)
                    persons.append(replace(person, drawn=drawn))
            return FilmBoxes(read_attributes(file, BoxInfo), file["frames"][:], tuple(persons))

    def describe(self) -> Facts:
        """Facts for `rhas inspect`, JSON-able."""
        return {
            "attributes": asdict(self.info),
            "sampled_frames": len(self.frames),
            "persons": [person.describe() for person in self.persons],
            "flags": ["made from true boxes"] if self.info.truth else [],
        }

    def check(self, report: Mapping[str, Any]) -> Iterator[Check]:
        """Checks every candidate."""
        for number, person in enumerate(self.persons):
            yield person.check(f"person {number}: candidates")

    def read_window(self, start: int, stop: int, person: int | None = None) -> Arrays:
        """The grounded frames in ``[start, stop)``, and candidates of each person."""
        first, last = np.searchsorted(self.frames, (start, stop)).tolist()
        if first == last:
            raise RhasError(
                "no sampled frame in the window",
                expected=f"every {self.info.stride}th from 0 to {int(self.frames[-1])}",
                got=f"{start}:{stop}",
                do="name a window with one of them",
            )
        found = {"frame": self.frames[first:last]}
        for number in choose_persons(len(self.persons), person):
            window = self.persons[number].read_window(first, last)
            found |= {f"{person_group(number)}.{name}": values for name, values in window.items()}
        return found

    def thin_out(self, step: int) -> FilmBoxes:
        """Every ``step``-th grounded frame alone."""
        kept = np.arange(0, len(self.frames), step)
        return FilmBoxes(
            replace(self.info, stride=self.info.stride * step),
            self.frames[kept],
            tuple(_take_rows(person, kept) for person in self.persons),
        )


def _take_rows(person: PersonBoxes, kept: np.ndarray) -> PersonBoxes:
    rows = np.isin(np.repeat(np.arange(len(person.counts)), person.counts), kept)
    return PersonBoxes(
        person.reference,
        make_offsets(person.counts[kept]),
        person.boxes[rows],
        person.scores[rows],
        person.drawn,
    )


def make_offsets(counts: np.ndarray | Sequence[int]) -> np.ndarray:
    """Offsets int64 (S+1,) of the candidates of frames with so many each."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def merge_boxes(parts: Sequence[tuple[int, Path]], out: Path) -> None:
    """Writes the boxes store of a film from those of its parts.

    Args:
        parts: first frame and store of each part, in order.
        out: the file to write.
    """
    stores = [FilmBoxes.read(path) for _, path in parts]
    frames = [store.frames + start for store, (start, _) in zip(stores, parts, strict=True)]
    persons = tuple(
        PersonBoxes(
            pieces[0].reference,
            make_offsets(np.concatenate([piece.counts for piece in pieces])),
            np.concatenate([piece.boxes for piece in pieces]),
            np.concatenate([piece.scores for piece in pieces]),
            pieces[0].drawn,
        )
        for pieces in zip(*(store.persons for store in stores), strict=True)
    )
    FilmBoxes(stores[0].info, np.concatenate(frames).astype(np.int32), persons).write(out)
