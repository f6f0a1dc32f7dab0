"""References that fit nobody, several people, or each other: from boxes through the crop stage to
figures and contact sheets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factory import make_boxes, write_boxes
from film_stores import A, B, write_stores

from rhas.config.crop import CropConfig
from rhas.crop.cropping import CropInput, crop_film
from rhas.evaluate.contact_sheets import read_sheet
from rhas.evaluate.grounding import GroundingReport, count_folder
from rhas.report.sheet_image import draw_sheet
from rhas.stores.dataset import DatasetPaths
from rhas.stores.tracks import FilmTracks

FRAMES = 6
CROP = {"size": 16, "min_score": 0.3, "max_gap": 5, "cut_threshold": 100.0}


def tracked(
    folder: Path, persons: Mapping[str, list[tuple[list[int], float]]]
) -> tuple[DatasetPaths, dict[str, Any]]:
    """The stores of a film in which every reference has the same candidates (box, score) in every
    frame, tracked; and what the crop stage reports."""
    stores = write_stores(folder, {"one": "test"})
    boxes, tracks = stores.boxes / "one.h5", stores.tracks / "one.h5"
    boxes.unlink()
    tracks.unlink()
    rows = [
        make_boxes([[box for box, _ in found]] * FRAMES, [s for _, s in found] * FRAMES, r.rstrip())
        for r, found in persons.items()
    ]
    write_boxes(boxes, range(FRAMES), rows, movie="one")
    source = CropInput("one", stores.frames / "one.h5", boxes)
    report = crop_film(source, CropConfig(**CROP), tracks, lambda n: None)
    return stores, asdict(report)


@pytest.mark.parametrize("candidates", [[], [(B, 0.05)]])
def test_a_reference_that_fits_nobody(
    tmp_path: Path, candidates: list[tuple[list[int], float]]
) -> None:
    """No candidate, or none with a score that speaks for it: the track is missing in every frame,
    and report, figures and contact sheet say so."""
    persons = {"the woman in the red coat": [(A, 0.9)], "a man on a horse": candidates}
    stores, report = tracked(tmp_path, persons)
    assert [p["missing"] for p in report["persons"]] == [0, FRAMES]
    tracks = FilmTracks.read(stores.tracks / "one.h5")
    assert np.isnan(tracks.boxes[:, 1]).all()
    test = asdict(GroundingReport.from_films(count_folder(stores)).subsets["test"])
    assert (test["persons_not_found"], test["recall_50"], test["wrong_person"]) == (1, 60, 0)
    sheet = read_sheet(stores, "one", 24)
    assert sheet.not_found == [False, True]
    assert sheet.lost[:, 1].tolist() == [True] * 4 + [False] * 2  # person 1 leaves then
    draw_sheet(sheet)


def test_nobody_is_found(tmp_path: Path) -> None:
    stores, report = tracked(tmp_path, {"a dragon": [], "a man on a horse": []})
    assert [p["missing"] for p in report["persons"]] == [FRAMES, FRAMES]
    test = asdict(GroundingReport.from_films(count_folder(stores)).subsets["test"])
    assert (test["persons_not_found"], test["recall_50"], test["wrong_person"]) == (2, 0, None)
    draw_sheet(read_sheet(stores, "one", 24))


def test_a_reference_that_fits_several_people(tmp_path: Path) -> None:
    """The track stays with one of them, the better one."""
    persons = {"a person": [(A, 0.8), (B, 0.85)], "a man on a horse": []}
    stores, _ = tracked(tmp_path, persons)
    boxes = FilmTracks.read(stores.tracks / "one.h5").boxes[:, 0]
    np.testing.assert_allclose(boxes, [B] * FRAMES)
    figures = asdict(GroundingReport.from_films(count_folder(stores)).subsets["test"])
    assert figures["id_switches"] == 0
    assert figures["wrong_person"] == 100 * 4 / 6  # the true B leaves after four frames


def test_two_equal_references_share_the_people_out(tmp_path: Path) -> None:
    """Each body is one reference's: of two, either gets one; of one, one gets it."""
    both = [(A, 0.8), (B, 0.85)]
    stores, _ = tracked(tmp_path / "two", {"a person": both, "a person ": both})
    tracks = FilmTracks.read(stores.tracks / "one.h5")
    assert tracks.references == ["a person", "a person"]
    assert {tuple(box) for box in tracks.boxes[0].tolist()} == {tuple(A), tuple(B)}
    stores, report = tracked(tmp_path / "one", {"a person": both[:1], "a person ": both[:1]})
    assert sorted(p["missing"] for p in report["persons"]) == [0, FRAMES]
    assert sorted(read_sheet(stores, "one", 24).not_found) == [False, True]
