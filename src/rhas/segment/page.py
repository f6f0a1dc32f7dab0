"""The page about a film: one file that needs no network and no server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rhas.metrics.segments import find_runs
from rhas.report.images import embed_thumbnail
from rhas.report.templates import render
from rhas.segment.absence import REASONS
from rhas.segment.lookalikes import Lookalike
from rhas.segment.people import Person
from rhas.segment.records import FilmRecord, PersonRecord
from rhas.stores.frames import open_frames
from rhas.stores.jpeg import JpegReader
from rhas.stores.tracks import BoxSource, PersonTrack, open_tracks

THUMBNAILS, CROPS, LOOKALIKES = 12, 6, 4
_SHOWN = (
    "film", "seconds", "frames", "fps", "cuts", "min_score", "model", "readout", "labels",
    "lost_frames", "built_in_checkpoints",
)  # fmt: skip
_THUMBNAIL_SIDE, _CROP_SIDE = 160, 96  # pixels


def write_page(
    record: FilmRecord,
    people: Sequence[Person],
    frames: Path,
    tracks: Path,
    classes: Sequence[str],
    overlay: str | None,
    path: Path,
) -> None:
    """Writes the page.

    Args:
        record: what intervals.json holds.
        people: the same persons, with their curves.
        frames, tracks: the film's stores, for the thumbnails.
        classes: names of all classes, to correct with.
        overlay: name of the overlay film beside the page; None where there is none.
        path: of the page.
    """
    with open_frames(frames) as film, open_tracks(tracks) as tracked:
        data = {
            **{name: value for name, value in record.items() if name in _SHOWN},
            "classes": list(classes),
            "corrections": None,
            "save": None,
            "overlay": overlay,
            "reasons": REASONS,
            "thumbnails": [
                _embed_frame(film.images, int(n), _THUMBNAIL_SIDE)
                for n in spread_evenly(len(film), THUMBNAILS)
            ],
            "persons": [
                _describe_person(person, values, track, crops, film.images)
                for person, values, track, crops in zip(
                    people, record["persons"], tracked.tracks.persons, tracked.crops, strict=True
                )
            ],
        }
    title = str(record["film"])
    path.write_text(render("film.html.j2", title=title, data=data, saves=False), "utf-8")


def _describe_person(
    person: Person,
    record: PersonRecord,
    track: PersonTrack,
    crops: JpegReader,
    frames: JpegReader,
) -> dict[str, Any]:
    detected = np.flatnonzero(track.source == BoxSource.DETECTED)
    shown = detected[spread_evenly(len(detected), CROPS)]
    return {
        **record,
        "present": {
            source.label: _list_spans(track.source == source)
            for source in (BoxSource.DETECTED, BoxSource.INTERPOLATED)
        },
        "crops": [_embed_frame(crops, int(n), _CROP_SIDE) for n in shown],
        "alike": [
            _embed_box(frames, one, _CROP_SIDE)
            for one in _choose_clearest(person.lookalikes, LOOKALIKES)
        ],
        "curves": [
            {"class": c.class_id, "threshold": c.threshold, "step": c.step, "values": c.values}
            for c in person.curves
        ],
    }


def _choose_clearest(found: Sequence[Lookalike], most: int) -> list[Lookalike]:
    """Those with the highest scores, in the film's order."""
    return sorted(sorted(found, key=lambda one: -one.score)[:most], key=lambda one: one.start)


def spread_evenly(count: int, most: int) -> np.ndarray:
    """Up to ``most`` of the numbers below ``count``, evenly spread, first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _list_spans(active: np.ndarray) -> list[list[int]]:
    starts, stops = find_runs(active)
    return [[int(a), int(b)] for a, b in zip(starts, stops, strict=True) if active[a]]


def _embed_frame(reader: JpegReader, frame: int, side: int) -> dict[str, Any]:
    """The frame's number and a data URI, its longer side at most ``side``."""
    image = reader[frame]
    assert image is not None
    return {"frame": frame, "picture": embed_thumbnail(image, side)}


def _embed_box(reader: JpegReader, one: Lookalike, side: int) -> dict[str, Any]:
    """The part of a frame that a box shows, likewise."""
    image = reader[one.frame]
    assert image is not None
    x1, y1, x2, y2 = np.clip(np.round(one.box).astype(int), 0, [*image.shape[1::-1]] * 2)
    picture = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    return {"frame": one.frame, "picture": embed_thumbnail(np.ascontiguousarray(picture), side)}
