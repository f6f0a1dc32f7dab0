"""Grounding measured against true boxes: the stores of a data set to ``results/grounding.json``.

docs/METRICS.md, Grounding, defines the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from rhas.evaluate.stores import Stores, read_tracked
from rhas.evaluate.tables import write_figures
from rhas.metrics.recall import Recall, box_recall
from rhas.metrics.tracks import TrackCounts, track_counts
from rhas.stores.manifest import SUBSETS, Manifest

LOOKALIKES = ("lookalike_place", "lookalike_garment")
"""Groups of persons by ``lookalike`` of the truth file: 1 and 2; 0 is in none."""


@dataclass(frozen=True)
class FilmGrounding:
    """What is counted in one film.

    Args:
        movie: its name.
        subset: its side of the cross-movie split.
        recall: of grounding's candidates.
        persons: of the tracks, by person.
        lookalike: by person, 0 for none or the number of its group in LOOKALIKES, from 1.
    """

    movie: str
    subset: str | None
    recall: Recall
    persons: Sequence[TrackCounts]
    lookalike: Sequence[int]


def folder_grounding(stores: Stores) -> list[FilmGrounding]:
    """The counts of all films of the manifest, in its order; none where it has no true boxes.

    Raises:
        RhasError: a film's store is absent, or does not belong to its references or truth.
    """
    manifest = Manifest.read(stores.raw)
    if not manifest.truth:
        return []
    return [film_grounding(stores, film.movie, film.subset) for film in manifest.films]


def film_grounding(stores: Stores, movie: str, subset: str | None) -> FilmGrounding:
    """The counts of one film; see `folder_grounding`."""
    film = read_tracked(stores, movie)
    with h5py.File(stores.truth(movie)) as file:
        lookalike = file["lookalike"][:].tolist()
    return FilmGrounding(
        movie,
        subset,
        box_recall(stores.boxes / f"{movie}.h5", film.right, film.counted),
        track_counts(film),
        lookalike,
    )


def grounding_figures(films: Sequence[FilmGrounding]) -> dict[str, Any]:
    """The content of grounding.json: ``truth``, the sides of the split, and ``films``, a list.

    Without true boxes it is ``{"truth": false}``. Shares and IoU are 0-100, null where there is
    nothing to count.
    """
    if not films:
        return {"truth": False}
    sides = {side: [film for film in films if film.subset == side] for side in SUBSETS}
    return {
        "truth": True,
        **{side: {**figures(own), **_lookalikes(own)} for side, own in sides.items() if own},
        "films": [
            {"movie": film.movie, "subset": film.subset, **figures([film])} for film in films
        ],
    }


def write_grounding(stores: Stores, folder: Path) -> None:
    """Writes ``folder/grounding.json`` (docs/METRICS.md)."""
    write_figures(folder / "grounding.json", grounding_figures(folder_grounding(stores)))


def figures(films: Sequence[FilmGrounding]) -> dict[str, float | int | None]:
    """The figures of some films together."""
    recall = sum((film.recall for film in films), Recall())
    track = sum((person for film in films for person in film.persons), TrackCounts())
    return {
        "recall_50": _percent(track.found, track.visible),
        "track_iou": _percent(track.overlap, track.visible),
        "wrong_person": _percent(track.wrong, track.boxed),
        "wrong_person_of_visible": _percent(track.wrong_visible, track.visible),
        "on_nobody": _percent(track.nobody, track.boxed),
        "false_presence": _percent(track.absent_boxed, track.absent),
        "id_switches": track.id_switches,
        "cut_crossings": track.cut_crossings,
        "detector_top": _percent(recall.top, recall.pairs),
        "detector_any": _percent(recall.any, recall.pairs),
        "chance": _percent(recall.chance, recall.pairs),
        "persons": track.persons,
        "persons_not_found": track.not_found,
        "visible_frames": track.visible,
        "box_frames": track.boxed,
        "absent_frames": track.absent,
        "sampled_frames": recall.pairs,
    }


def _lookalikes(films: Sequence[FilmGrounding]) -> dict[str, Any]:
    groups = {}
    for number, name in enumerate(LOOKALIKES, start=1):
        own = [
            counts
            for film in films
            for counts, group in zip(film.persons, film.lookalike, strict=True)
            if group == number
        ]
        track = sum(own, TrackCounts())
        groups[name] = {
            "recall_50": _percent(track.found, track.visible),
            "wrong_person": _percent(track.wrong, track.boxed),
            "persons": track.persons,
            "visible_frames": track.visible,
            "box_frames": track.boxed,
        }
    return groups


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


_COLUMNS = {
    "visible_frames": "frames", "recall_50": "recall", "track_iou": "IoU",
    "wrong_person": "wrong", "on_nobody": "nobody", "false_presence": "false",
    "id_switches": "switches", "cut_crossings": "over cuts", "detector_top": "top",
    "detector_any": "any", "chance": "chance",
}  # fmt: skip


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One line per name, from `figures`; shares in per cent."""
    lines = [f"{'':<12}" + "".join(f"{name:>10}" for name in _COLUMNS.values())]
    for name, values in rows.items():
        cells = "".join(f"{_cell(values[key]):>10}" for key in _COLUMNS)
        lines.append(f"{name:<12}{cells}")
    return "\n".join(lines)


def _cell(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
