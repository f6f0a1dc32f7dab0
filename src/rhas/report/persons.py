"""The test persons of the report: all of them in a table, the best and the worst in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rhas.report import drawing
from rhas.report.html import Markup, bdi, join, scroller, table, tag
from rhas.report.pictures import data_uri
from rhas.report.sections import section
from rhas.report.sources import Results

_BEST, _WORST = ("Best", "Second best"), ("Second worst", "Worst")


def persons(results: Results) -> Markup:
    """The section of persons. Whose annotation is empty is not ranked: nothing can be found."""
    ranked = sorted(
        (row for row in results.persons if int(row["labelled_frames"])),
        key=lambda row: (-float(row["frame_f1"]), row["movie"], int(row["person"])),
    )
    others = [row for row in results.persons if not int(row["labelled_frames"])]
    shown: set[str] = set()
    cards = [_card(results.folder, place, row, shown) for place, row in best_and_worst(ranked)]
    rows = [
        [
            join((bdi(row["movie"]), f", person\N{NO-BREAK SPACE}{row['person']}")),
            f"{int(row['frames']):,}", f"{100 * _share(row, 'frames_without_crop'):.0f}",
            join((f"{float(row['frame_f1']):.1f}", drawing.bar(float(row["frame_f1"]) / 100)))
            if row["frame_f1"] else "–",
            f"{float(row['label_set_iou']):.1f}", bdi(row["reference"]),
        ]
        for row in [*ranked, *others]
    ]  # fmt: skip
    header = ["person", "frames", "without crop, %", "frame F1, %", "label-set IoU, %",
              "reference"]  # fmt: skip
    return section(
        "persons", "Persons",
        tag("p", "Frame F1 counts pairs of a frame and a class, said and true; persons are ranked "
            "by it."),
        table(f"The {len(rows)} persons of test; a column's name sorts", header, rows,
              sortable=True, texts=(0, 5)),
        *cards,
    )  # fmt: skip


def best_and_worst(ranked: Sequence[Mapping[str, str]]) -> list[tuple[str, Mapping[str, str]]]:
    """(place, person) of those shown: the two best and the two worst, nobody twice.

    Args:
        ranked: persons, the best one first.
    """
    best = min(len(_BEST), (len(ranked) + 1) // 2)
    worst = min(len(_WORST), len(ranked) - best)
    shown = [*ranked[:best], *ranked[len(ranked) - worst :]]
    return list(zip((*_BEST[:best], *_WORST[len(_WORST) - worst :]), shown, strict=True))


def _card(folder: Path, place: str, row: Mapping[str, str], shown: set[str]) -> Markup:
    movie, number = row["movie"], int(row["person"])
    f1, overlap = float(row["frame_f1"]), float(row["label_set_iou"])
    figures = (
        f"Frame F1 {f1:.1f} %, label-set IoU {overlap:.1f} %, no crop in "
        f"{100 * _share(row, 'frames_without_crop'):.0f} % of {int(row['frames']):,} frames, "
        f"annotated in {100 * _share(row, 'labelled_frames'):.0f} %."
    )
    heading = tag("h3", f"{place}: ", bdi(movie), f", person {number}",
                  id=f"person-{movie}-{number}")  # fmt: skip
    parts = [heading, tag("blockquote", bdi(row["reference"])), tag("p", figures)]
    timeline = folder / "timelines" / f"{movie}_person_{number:03d}.png"
    parts.append(
        _figure(timeline, f"Timeline of {movie}, person {number}: {row['reference']}. Per class, "
                f"truth above prediction. {figures}",
                "Truth (blue, above) and prediction (orange, below), a row per class; grey where "
                "the person was not found.")
    )  # fmt: skip
    sheet = folder / "contact_sheets" / f"{movie}.jpg"
    if movie in shown:
        parts.append(tag("p", "The contact sheet of this film is above.", class_="soft"))
    elif sheet.is_file():
        shown.add(movie)
        parts.append(
            _figure(sheet, f"Contact sheet of {movie}: frames spread over the film with the boxes "
                    f"of everybody's track; this is person {number}.",
                    f"Frames of the film with everybody's boxes; this is person {number}.")
        )  # fmt: skip
    return tag("article", *parts, class_="person")


def _figure(path: Path, alt: str, caption: str) -> Markup:
    image = tag("img", src=data_uri(path), alt=alt)
    return tag("figure", scroller(caption, image), tag("figcaption", caption))


def _share(row: Mapping[str, str], key: str) -> float:
    return int(row[key]) / max(int(row["frames"]), 1)
