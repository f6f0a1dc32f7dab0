"""The figures of grounding.json from hand-made stores."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from film_stores import NAN, write_stores, write_tracks, write_truth

from rhas.evaluate.grounding import GroundingReport, count_folder, write_grounding
from rhas.stores.dataset import DatasetPaths

ROOT = Path(__file__).resolve().parents[2]

# film_stores: visible are 6 frames of person 0 and 4 of person 1. Found: 0, 1, 4, 5 and 0.
# IoU: 1, 0.6, 0, -, 1, 1 and 1. Boxes: 5 and 2; wrong: frame 2 of person 0; nobody: frame 5 of
# person 1, who is not in view in 4 and 5. Switches: A, B, A. The cut at 5 is crossed by person 0.
# Candidates, frames 0, 2, 4: person 0 first, second, none; person 1 first, first, not in view.
# Chance: 1/2 for each pair of frames 0 and 2, 1 for person 0 in frame 4.
EXPECTED = {
    "recall_50": 50.0, "track_iou": 46.0, "wrong_person": 100 / 7, "wrong_person_of_visible": 10.0,
    "on_nobody": 100 / 7, "false_presence": 50.0, "id_switches": 2, "cut_crossings": 1,
    "detector_top": 60.0, "detector_any": 80.0, "chance": 60.0, "persons": 2,
    "persons_not_found": 0, "visible_frames": 10, "box_frames": 7, "absent_frames": 2,
    "sampled_frames": 5,
}  # fmt: skip


def test_by_hand_by_film_and_side(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "train", "two": "val", "three": "train"})
    write_grounding(stores, tmp_path)
    found = json.loads((tmp_path / "grounding.json").read_text())
    assert found.keys() == {"truth", "train", "val", "films"}
    assert [(film["movie"], film["subset"]) for film in found["films"]] == [
        ("one", "train"), ("two", "val"), ("three", "train")
    ]  # fmt: skip
    for film in found["films"]:
        assert {k: film[k] for k in EXPECTED} == pytest.approx(EXPECTED, abs=1e-4)
    counts = {k for k, v in EXPECTED.items() if isinstance(v, int)}
    twice = {k: v * (2 if k in counts else 1) for k, v in EXPECTED.items()}
    assert {k: found["train"][k] for k in EXPECTED} == pytest.approx(twice, abs=1e-4)
    assert found["train"].keys() == {*EXPECTED, "lookalike_place", "lookalike_garment"}


def test_lookalikes_apart(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": "test", "two": "test"})
    (stores.raw / "truth" / "two.h5").unlink()
    write_truth(stores.raw / "truth" / "two.h5", lookalike=(2, 0))
    test = asdict(GroundingReport.from_films(count_folder(stores)).subsets["test"])
    assert test["lookalike_garment"] == pytest.approx({  # person 0 of both
        "persons": 2, "visible_frames": 12, "box_frames": 10, "recall_50": 100 * 8 / 12,
        "wrong_person": 20.0,
    })  # fmt: skip
    assert test["lookalike_place"] == {  # person 1 of the first
        "persons": 1, "visible_frames": 4, "box_frames": 2, "recall_50": 25.0, "wrong_person": 0.0,
    }  # fmt: skip


def test_nobody_found(tmp_path: Path) -> None:
    """Tracks without a single box: a defined row, not a division by zero."""
    stores = write_stores(tmp_path, {"one": "val"})
    (stores.tracks / "one.h5").unlink()
    write_tracks(stores.tracks / "one.h5", [[NAN] * 6] * 2, [[0] * 6] * 2)
    val = asdict(GroundingReport.from_films(count_folder(stores)).subsets["val"])
    assert (val["recall_50"], val["track_iou"], val["false_presence"]) == (0, 0, 0)
    assert (val["wrong_person"], val["on_nobody"]) == (None, None)
    assert (val["persons_not_found"], val["id_switches"], val["box_frames"]) == (2, 0, 0)
    assert val["lookalike_place"]["wrong_person"] is None


def test_two_references_of_one_person_that_share_a_track(tmp_path: Path) -> None:
    """Equal references, or several people whom one fits: each is measured for itself, and a box
    on the other is wrong."""
    stores = write_stores(tmp_path, {"one": "val"})
    (stores.tracks / "one.h5").unlink()
    a = [[0, 0, 40, 80]] * 6
    write_tracks(stores.tracks / "one.h5", [a, a], [[1] * 6] * 2)
    val = asdict(GroundingReport.from_films(count_folder(stores)).subsets["val"])
    assert val["recall_50"] == 60.0  # all 6 of person 0, none of 4 of person 1
    assert val["wrong_person"] == 50.0
    assert val["wrong_person_of_visible"] == 40.0


def test_films_without_truth(tmp_path: Path) -> None:
    stores = write_stores(tmp_path, {"one": None}, truth=False)
    write_grounding(stores, tmp_path)
    assert json.loads((tmp_path / "grounding.json").read_text()) == {"truth": False}


def test_the_file_is_rounded_json(tmp_path: Path) -> None:
    write_grounding(write_stores(tmp_path, {"one": "test"}), tmp_path)
    values = json.loads((tmp_path / "grounding.json").read_text())
    assert values["test"]["wrong_person"] == values["films"][0]["wrong_person"] == 14.2857


def test_the_script_prints_films_and_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = write_stores(tmp_path, {"one": "train", "two": "val", "three": "train"})
    lines = {line.split()[0]: line.split()[1:] for line in script(stores, monkeypatch, capsys)}
    shares = ["50.0", "46.0", "14.3", "14.3", "50.0"]
    detector = ["60.0", "80.0", "60.0"]
    assert lines["two"] == lines["val"] == ["10", *shares, "2", "1", *detector]
    assert lines["train"] == ["20", *shares, "4", "2", *detector]
    assert lines["all"] == ["30", *shares, "6", "3", *detector]
    assert "test" not in lines
    (stores.boxes / "two.h5").unlink()
    with pytest.raises(SystemExit, match="1"):
        script(stores, monkeypatch, capsys)
    assert "two.h5: no such store" in capsys.readouterr().err


def script(
    stores: DatasetPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """The lines that benchmarks/grounding.py prints."""
    options = [text for name, place in vars(stores).items() for text in (f"--{name}", str(place))]
    monkeypatch.setattr(sys, "argv", ["grounding.py", *options])
    runpy.run_path(str(ROOT / "benchmarks" / "grounding.py"), run_name="__main__")
    return capsys.readouterr().out.splitlines()
