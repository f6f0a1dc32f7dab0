"""What other people's readers find in an export is what was written. Those of pympi-ling and
pycocotools are in requirements.lock; motmetrics and datumaro are tried where they are installed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from recorded import make_film

from rhas.data.actions import ActionInterval, FilmActions, PersonActions
from rhas.data.formats import FORMATS

SPANS = [("跑步", 10, 50), ('says "<b>hi</b>" & waves', 30, 60), ("машет", 0, 1)]
SENTENCES = ("the man", "المرأة ذات المعطف")


@pytest.fixture
def film() -> FilmActions:
    """30 pictures a second, worked on at 15: frame n is the film's 2n. Two persons walk to the
    right, away from frame 20 to 29."""
    frames = make_film(range(120), Fraction(1, 30))
    left = np.arange(60, dtype=np.float32) / 4
    boxes = np.stack([left, left * 0 + 6, left + 20, left * 0 + 40], 1)
    boxes[20:30] = np.nan
    present = np.isfinite(boxes).all(1)
    persons = [
        PersonActions(
            text, tuple(ActionInterval(*span, 0.5) for span in SPANS), boxes,
            present.astype(np.float32), present.astype(np.uint8),
        )
        for text in SENTENCES
    ]  # fmt: skip
    return FilmActions(frames, tuple(persons))


def list_true_boxes(film: FilmActions) -> dict[tuple[int, int], tuple[float, ...]]:
    """Left, top, width, height in the film's pixels by its frame and the person. Frames between two
    working frames with a box have one, too."""
    shown = [frame for n in range(60) for frame in (2 * n, 2 * n + 1) if n not in range(20, 30)]
    rows = [frame for frame in shown if frame not in (39, 119)]
    return {(frame, p): (frame / 4, 12, 40, 68) for frame in rows for p in range(2)}


def check_boxes(found: dict[tuple[int, int], tuple[float, ...]], film: FilmActions) -> None:
    true = list_true_boxes(film)
    assert found.keys() == true.keys()
    for key, box in found.items():
        np.testing.assert_allclose(box, true[key], atol=0.01)


def test_pympi_finds_the_intervals(film: FilmActions, tmp_path: Path) -> None:
    pympi = pytest.importorskip("pympi")
    (path,) = FORMATS["eaf"].write([film], tmp_path)
    read = pympi.Elan.Eaf(str(path))
    for person, sentence in enumerate(SENTENCES):
        tiers = [t for t in read.get_tier_names() if t.startswith(f"person {person}")]
        assert {read.get_parameters_for_tier(t)["PARTICIPANT"] for t in tiers} == {sentence}
        found = {
            (text, start, stop)
            for tier in tiers
            for start, stop, text, *_ in read.get_annotation_data_for_tier(tier)
        }
        assert found == {(a, round(b / 0.015), round(c / 0.015)) for a, b, c in SPANS}


def test_pycocotools_finds_the_boxes(film: FilmActions, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    (path,) = FORMATS["coco"].write([film], tmp_path)
    read = coco.COCO(str(path))
    assert read.getCatIds(catNms=["person"]) == [1]
    found = {
        (read.loadImgs(row["image_id"])[0]["frame_index"], row["track_id"] - 1): row["bbox"]
        for row in read.loadAnns(read.getAnnIds())
    }
    check_boxes(found, film)


def test_motmetrics_finds_the_boxes(film: FilmActions, tmp_path: Path) -> None:
    motmetrics = pytest.importorskip("motmetrics")
    (path,) = FORMATS["mot"].write([film], tmp_path)
    table = motmetrics.io.loadtxt(str(path), fmt="mot15-2D")
    columns = ["X", "Y", "Width", "Height"]
    found = {
        (frame - 1, person - 1): tuple(row)
        for (frame, person), row in zip(table.index, table[columns].to_numpy(), strict=True)
    }
    shift = 1 if min(box[0] for box in found.values()) < 0 else 0  # it counts pixels from 0
    check_boxes({k: (x + shift, y + shift, w, h) for k, (x, y, w, h) in found.items()}, film)


def test_datumaro_finds_the_keyframes(film: FilmActions, tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    FORMATS["cvat"].write([film], tmp_path)
    (tmp_path / "labels.json").unlink()
    true = list_true_boxes(film)
    doing: dict[tuple[int, str], set[int]] = {}
    for item in datumaro.Dataset.import_from(str(tmp_path), "cvat"):
        for box in item.annotations:
            frame, person = item.attributes["frame"], box.attributes["track_id"]
            if not box.attributes["outside"]:
                np.testing.assert_allclose(box.get_bbox(), true[frame, person], atol=0.5)
            for name, ticked in box.attributes.items():
                if ticked is True and name not in ("outside", "keyframe"):
                    doing.setdefault((person, name), set()).add(frame)
    assert {(p, name): min(frames) for (p, name), frames in doing.items()} == {
        (p, name): 2 * start for p in range(2) for name, start, _ in SPANS
    }
