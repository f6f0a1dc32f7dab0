"""The page about a film: one file that needs no network and no server."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rhas.metrics.segments import find_runs
from rhas.segment.absence import REASONS
from rhas.segment.people import Person
from rhas.stores.frames import open_frames
from rhas.stores.jpeg import JpegReader
from rhas.stores.tracks import BoxSource, PersonTrack, open_tracks

THUMBNAILS, CROPS = 12, 6
_THUMBNAIL_SIDE, _CROP_SIDE = 160, 96  # pixels


def write_page(
    record: Mapping[str, Any],
    people: Sequence[Person],
    frames: Path,
    tracks: Path,
    overlay: str | None,
    path: Path,
) -> None:
    """Writes the page.

    Args:
        record: what intervals.json holds.
        people: the same persons, with their curves.
        frames, tracks: the film's stores, for the thumbnails.
        overlay: name of the overlay film beside the page; None where there is none.
        path: of the page.
    """
    with open_frames(frames) as film, open_tracks(tracks) as tracked:
        data = {
            **{name: record[name] for name in ("film", "seconds", "frames", "fps", "cuts")},
            **{name: record[name] for name in ("min_score", "model", "readout", "lost_frames")},
            "built_in_checkpoints": record["built_in_checkpoints"],
            "overlay": overlay,
            "reasons": REASONS,
            "thumbnails": [
                _picture(film.images, int(n), _THUMBNAIL_SIDE)
                for n in _spread(len(film), THUMBNAILS)
            ],
            "persons": [
                _person(person, told, track, crops)
                for person, told, track, crops in zip(
                    people, record["persons"], tracked.tracks.persons, tracked.crops, strict=True
                )
            ],
        }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    template = files("rhas.report").joinpath("film.html").read_text("utf-8")
    before, after = template.split("{{data}}")
    page = before.replace("{{title}}", escape(str(record["film"]))) + text + after
    path.write_text(page, "utf-8")


def _person(
    person: Person, told: Mapping[str, Any], track: PersonTrack, crops: JpegReader
) -> dict[str, Any]:
    detected = np.flatnonzero(track.source == BoxSource.DETECTED)
    shown = detected[_spread(len(detected), CROPS)]
    return {
        **told,
        "present": {
            source.label: _spans(track.source == source)
            for source in (BoxSource.DETECTED, BoxSource.INTERPOLATED)
        },
        "crops": [_picture(crops, int(n), _CROP_SIDE) for n in shown],
        "curves": [
            {"class": c.class_id, "threshold": c.threshold, "step": c.step, "values": c.values}
            for c in person.curves
        ],
    }


def _spread(count: int, most: int) -> np.ndarray:
    """Up to ``most`` of the numbers below ``count``, evenly spread, first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _spans(there: np.ndarray) -> list[list[int]]:
    starts, stops = find_runs(there)
    return [[int(a), int(b)] for a, b in zip(starts, stops, strict=True) if there[a]]


def _picture(reader: JpegReader, frame: int, side: int) -> dict[str, Any]:
    """The frame's number and a data URI, its longer side at most ``side``."""
    picture = reader[frame]
    assert picture is not None
    image = Image.fromarray(picture)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    coded = base64.b64encode(buffer.getvalue()).decode()
    return {"frame": frame, "picture": f"data:image/jpeg;base64,{coded}"}
