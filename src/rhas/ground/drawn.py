"""Boxes that people drew in place of a model's candidates (``ground.backend: tracks``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.ground.candidates import Candidates
from rhas.stores.drawn import DrawnBoxes, DrawnFrames, DrawnTrack

_NO_CUTS = np.zeros(0, np.int32)


@dataclass(frozen=True)
class DrawnPersons:
    """The drawn tracks of a film at its grounded frames.

    Args:
        tracks: by person, in pixels of a working frame.
        frames: the same at the grounded frames.
    """

    tracks: tuple[DrawnTrack, ...]
    frames: tuple[DrawnFrames, ...]

    @property
    def open(self) -> list[int]:
        """Persons whom a model has to find, at least in a stretch of the film."""
        return [person for person, track in enumerate(self.tracks) if not track.complete]

    def find_open_rows(self) -> np.ndarray:
        """The grounded frames at which nobody has looked at one of the persons, as rows."""
        unknown = [~self.frames[person].known for person in self.open]
        return np.flatnonzero(np.any(unknown, axis=0)) if unknown else np.zeros(0, np.int64)

    def fill_candidates(
        self, rows: np.ndarray, found: Sequence[Sequence[Candidates]]
    ) -> list[list[Candidates]]:
        """Candidates by grounded frame and person: a drawn box with score 1, or a model's.

        Args:
            rows: grounded frames that a model has seen.
            found: by these rows and open person.
        """
        none, one = Candidates.make_empty(), np.ones(1, np.float32)
        places = {person: n for n, person in enumerate(self.open)}
        given = dict(zip(rows.tolist(), found, strict=True))
        count = len(self.frames[0].known)
        filled = [[none] * len(self.tracks) for _ in range(count)]
        for person, drawn in enumerate(self.frames):
            for row in range(count):
                if not drawn.known[row]:
                    filled[row][person] = given[row][places[person]]
                elif drawn.source[row]:
                    filled[row][person] = Candidates(drawn.boxes[row][None], one)
        return filled


def read_drawn(
    path: Path | None, persons: int, seconds: np.ndarray, width: int, height: int
) -> DrawnPersons:
    """The drawn tracks of a film; nobody's without a file.

    Args:
        path: see `rhas.stores.drawn`.
        persons: P, the film's references.
        seconds: float64 (S,), source times of the grounded frames.
        width, height: of a working frame.

    Raises:
        RhasError: a damaged file, or one of another number of persons.
    """
    tracks: tuple[DrawnTrack, ...] = (DrawnTrack.make_empty(),) * persons
    if path is not None:
        drawn = DrawnBoxes.read(path)
        if len(drawn.tracks) != persons:
            raise RhasError(
                "drawn boxes of another number of persons",
                where=str(path),
                expected=f"{persons}, one per reference",
                got=str(len(drawn.tracks)),
                do="run `dvc repro prepare`",
            )
        factors = np.array([width / drawn.width, height / drawn.height] * 2)
        tracks = tuple(track.scale(factors) for track in drawn.tracks)
    return DrawnPersons(tracks, tuple(t.draw(seconds, _NO_CUTS, width, height) for t in tracks))
