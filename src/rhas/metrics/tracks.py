"""How good a person's track is against true boxes: counts of one person, which add up.

Legend: T frames, P persons of the film. docs/METRICS.md, Grounding, defines the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rhas.base.boxes import box_iou
from rhas.base.errors import RhasError
from rhas.metrics.recall import IOU, VISIBLE

"""In ``source`` of a tracks store (docs/DESIGN.md, Files)."""


@dataclass(frozen=True)
class TrackCounts:
    """Counts of one person, or of many.

    Args:
        persons: how many.
        not_found: persons whose track has no box at all.
        visible: frames in which a quarter of the person or more is visible.
        found: of these, those whose box has an IoU of at least 0.5 with the person's true box.
        overlap: sum of that IoU over ``visible``, 0 where there is no box.
        boxed: frames with a box.
        wrong: of these, those whose box lies on another person.
        nobody: of these, those whose box lies on no person.
        wrong_visible: frames of ``wrong`` that are in ``visible``.
        absent: frames in which nothing of the person is in view.
        absent_boxed: of these, those with a box.
        id_switches: changes of the person that the track lies on.
        cut_crossings: true cuts that a piece of the track is interpolated across.
    """

    persons: int = 0
    not_found: int = 0
    visible: int = 0
    found: int = 0
    overlap: float = 0.0
    boxed: int = 0
    wrong: int = 0
    nobody: int = 0
    wrong_visible: int = 0
    absent: int = 0
    absent_boxed: int = 0
    id_switches: int = 0
    cut_crossings: int = 0

    def __add__(self, other: TrackCounts) -> TrackCounts:
        return TrackCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class TrackedFilm:
    """The truth of a film and its tracks, on the working frames.

    Args:
        right: true boxes (T, P, 4), NaN where nothing of the person is in view.
        visible: the visible share of each person, (T, P) in [0, 1].
        cuts: int, true first frames of shots, without 0.
        boxes: the tracks, (T, P, 4), NaN where missing.
        interpolated: bool (T, P), the box is not a detection's.
        found_cuts: int, first frames of shots as the crop stage found them.

    Raises:
        RhasError: shapes that do not fit.
    """

    right: NDArray[np.floating]
    visible: NDArray[np.floating]
    cuts: NDArray[np.integer]
    boxes: NDArray[np.floating]
    interpolated: NDArray[np.bool_]
    found_cuts: NDArray[np.integer]

    def __post_init__(self) -> None:
        pairs = self.visible.shape
        if not (
            len(pairs) == 2
            and self.right.shape == self.boxes.shape == (*pairs, 4)
            and self.interpolated.shape == pairs
        ):
            raise RhasError(
                "truth and tracks do not fit each other",
                expected="boxes (T, P, 4), visible and interpolated (T, P)",
                got=f"true boxes {self.right.shape}, visible {pairs}, tracks {self.boxes.shape}, "
                f"interpolated {self.interpolated.shape}",
            )

    @property
    def in_view(self) -> NDArray[np.bool_]:
        """(T, P): something of the person is in view."""
        return np.isfinite(self.right).all(2)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """(T, P): enough of the person is in view for recall to count the frame."""
        return self.in_view & (self.visible >= VISIBLE)

    @property
    def has_box(self) -> NDArray[np.bool_]:
        """(T, P): the track has a box."""
        return np.isfinite(self.boxes).all(2)


def count_tracks(film: TrackedFilm) -> list[TrackCounts]:
    """Counts by person."""
    return [_person_counts(film, person) for person in range(film.boxes.shape[1])]


def track_overlaps(film: TrackedFilm, person: int) -> NDArray[np.floating]:
    """IoU of a person's track box with every true box of the frame, (T, P)."""
    return box_iou(film.boxes[:, person, None], film.right)


def find_wrong_boxes(overlap: NDArray[np.floating], person: int) -> NDArray[np.bool_]:
    """(T,): the box lies on another person, from `track_overlaps`."""
    return (overlap[:, person] < IOU) & (overlap.max(1) >= IOU)


def _person_counts(film: TrackedFilm, person: int) -> TrackCounts:
    overlap = track_overlaps(film, person)
    own_overlap, boxed = overlap[:, person], film.has_box[:, person]
    visible, absent = film.counted[:, person], ~film.in_view[:, person]
    wrong = boxed & find_wrong_boxes(overlap, person)
    return TrackCounts(
        persons=1,
        not_found=int(not boxed.any()),
        visible=int(visible.sum()),
        found=int((visible & (own_overlap >= IOU)).sum()),
        overlap=float(own_overlap[visible].sum()),
        boxed=int(boxed.sum()),
        wrong=int(wrong.sum()),
        nobody=int((boxed & (overlap.max(1) < IOU)).sum()),
        wrong_visible=int((wrong & visible).sum()),
        absent=int(absent.sum()),
        absent_boxed=int((absent & boxed).sum()),
        id_switches=count_id_switches(overlap),
        cut_crossings=count_cut_crossings(
            boxed, film.interpolated[:, person], film.cuts, film.found_cuts
        ),
    )


def count_id_switches(overlap: NDArray[np.floating]) -> int:
    """How often the true person under a track changes, as CLEAR-MOT counts mismatches.

    The track lies on the person it lay on last, as long as their IoU is at least 0.5, else on the
    one of largest IoU, if that is at least 0.5; frames on nobody are passed over.

    Args:
        overlap: IoU of the track's box with every true box, (T, P); 0 where there is no box.
    """
    switches, last = 0, -1
    for frame in np.flatnonzero(overlap.max(1) >= IOU):
        if last >= 0 and overlap[frame, last] >= IOU:
            continue
        switches += last >= 0
        last = int(overlap[frame].argmax())
    return switches


def count_cut_crossings(
    boxed: NDArray[np.bool_],
    interpolated: NDArray[np.bool_],
    cuts: Sequence[int] | NDArray[np.integer],
    found_cuts: Sequence[int] | NDArray[np.integer],
) -> int:
    """True cuts across which a track goes on, by interpolation, as if there were none.

    That is: both frames beside the cut have a box, one of the two is interpolated, and the crop
    stage ended no shot there (its tracks never go on across a cut that it has found).

    Args:
        boxed, interpolated: bool (T,).
        cuts, found_cuts: frames that start a shot.
    """
    missed = np.setdiff1d(np.asarray(cuts, int), np.asarray(found_cuts, int))
    missed = missed[(missed > 0) & (missed < len(boxed))]
    both = boxed[missed - 1] & boxed[missed]
    return int((both & (interpolated[missed - 1] | interpolated[missed])).sum())
