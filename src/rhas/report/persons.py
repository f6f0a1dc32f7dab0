"""The test persons of the report: all of them in a table, the best and the worst in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.report.images import embed_image

_BEST, _WORST = ("Best", "Second best"), ("Second worst", "Worst")


@dataclass(frozen=True)
class PersonRow:
    """A row of ``persons.csv``.

    Args:
        without_crop, labelled: shares of the frames, 0-1.
        frame_f1: 0-100; None where nothing is annotated.
        label_set_iou: 0-100.
    """

    movie: str
    number: int
    reference: str
    frames: int
    without_crop: float
    labelled: float
    frame_f1: float | None
    label_set_iou: float


@dataclass(frozen=True)
class EmbeddedImage:
    """An image within the page."""

    uri: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Card:
    """A person in pictures.

    Args:
        place: ``Best``, for example.
        summary: their metrics in words.
        sheet: the film's contact sheet; None where it is absent or shown above.
    """

    place: str
    person: PersonRow
    summary: str
    timeline: EmbeddedImage
    sheet: EmbeddedImage | None
    sheet_is_above: bool


def rank_persons(rows: Sequence[Mapping[str, str]]) -> list[PersonRow]:
    """Persons by frame F1, the best first; at the end those whose annotation is empty."""
    persons = [_read_person(row) for row in rows]
    ranked = [person for person in persons if person.labelled]
    ranked.sort(key=lambda person: (-(person.frame_f1 or 0.0), person.movie, person.number))
    return [*ranked, *(person for person in persons if not person.labelled)]


def _read_person(row: Mapping[str, str]) -> PersonRow:
    frames = int(row["frames"])
    return PersonRow(
        row["movie"],
        int(row["person"]),
        row["reference"],
        frames,
        int(row["frames_without_crop"]) / max(frames, 1),
        int(row["labelled_frames"]) / max(frames, 1),
        float(row["frame_f1"]) if row["frame_f1"] else None,
        float(row["label_set_iou"]),
    )


def make_cards(folder: Path, persons: Sequence[PersonRow]) -> list[Card]:
    """Cards of the best and the worst of `rank_persons`; each film's contact sheet once.

    Args:
        folder: ``results/``.
        persons: ranked.
    """
    shown: set[str] = set()
    cards = []
    for place, person in pick_best_and_worst([p for p in persons if p.labelled]):
        path = folder / "contact_sheets" / f"{person.movie}.jpg"
        is_above = person.movie in shown
        sheet = None
        if path.is_file() and not is_above:
            shown.add(person.movie)
            sheet = EmbeddedImage(
                embed_image(path),
                f"Contact sheet of {person.movie}: frames spread over the film with the boxes of "
                f"everybody's track; this is person {person.number}.",
                f"Frames of the film with everybody's boxes; this is person {person.number}.",
            )
        summary = _describe_person(person)
        cards.append(
            Card(place, person, summary, _embed_timeline(folder, person, summary), sheet, is_above)
        )
    return cards


def pick_best_and_worst(ranked: Sequence[PersonRow]) -> list[tuple[str, PersonRow]]:
    """(place, person) of those shown: the two best and the two worst, nobody twice.

    Args:
        ranked: persons, the best one first.
    """
    best = min(len(_BEST), (len(ranked) + 1) // 2)
    worst = min(len(_WORST), len(ranked) - best)
    shown = [*ranked[:best], *ranked[len(ranked) - worst :]]
    return list(zip((*_BEST[:best], *_WORST[len(_WORST) - worst :]), shown, strict=True))


def _describe_person(person: PersonRow) -> str:
    return (
        f"Frame F1 {person.frame_f1 or 0.0:.1f} %, label-set IoU {person.label_set_iou:.1f} %, "
        f"no crop in {100 * person.without_crop:.0f} % of {person.frames:,} frames, "
        f"annotated in {100 * person.labelled:.0f} %."
    )


def _embed_timeline(folder: Path, person: PersonRow, summary: str) -> EmbeddedImage:
    path = folder / "timelines" / f"{person.movie}_person_{person.number:03d}.png"
    return EmbeddedImage(
        embed_image(path),
        f"Timeline of {person.movie}, person {person.number}: {person.reference}. Per class, truth "
        f"above prediction. {summary}",
        "Truth (blue, above) and prediction (orange, below), a row per class; grey where the "
        "person was not found.",
    )
