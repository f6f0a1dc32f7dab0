"""benchmarks/stride.py on a film of six frames, with the true boxes for a detector."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from factory import write_boxes
from film_stores import write_stores

from rhas.stores.boxes import FilmBoxes, PersonBoxes, make_offsets
from rhas.stores.dataset import DatasetPaths

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "benchmarks" / "stride.py")
VALUES = yaml.safe_load((ROOT / "params.yaml").read_text()) | {
    "ground": {"backend": "truth", "checkpoint": ""},
    "crop": {"size": 16, "min_score": 0.3, "max_gap": 5, "cut_threshold": 100.0},
}


def printed(
    stores: DatasetPaths,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *more: str,
) -> str:
    params = stores.raw / "params.yaml"
    params.write_text(yaml.safe_dump(VALUES))
    places = ["--raw", str(stores.raw), "--frames", str(stores.frames), "--params", str(params)]
    monkeypatch.setattr(sys, "argv", ["stride.py", *places, *more])
    runpy.run_path(SCRIPT, run_name="__main__")
    return capsys.readouterr().out


def test_fewer_calls_and_what_they_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Person 0 stands still for 6 frames, person 1 for 4 and is gone in frame 5: with every fifth
    frame it is held for two frames from frame 0 on and missed in the fourth."""
    stores = write_stores(tmp_path, {"one": "val", "two": "train"})
    found = json.loads(printed(stores, monkeypatch, capsys, "--strides", "1", "5", "--json"))
    assert found["films"] == ["one"]
    lost = {k: row.pop("lost") for k, row in found["strides"].items()}
    assert found["strides"] == {
        "1": pytest.approx({
            "calls_per_second": 15.0, "track_iou": 100.0, "recall_50": 100.0, "wrong_person": 0.0
        }),
        "5": pytest.approx({
            "calls_per_second": 5.0, "track_iou": 90.0, "recall_50": 90.0, "wrong_person": 0.0
        }),
    }  # fmt: skip
    nothing = dict.fromkeys(("detected", "between", "longer gap", "missing"), 0.0)
    assert lost == {"1": nothing, "5": pytest.approx(nothing | {"missing": 10.0})}
    text = printed(stores, monkeypatch, capsys, "--strides", "1", "5", "--films", "one", "two")
    first, second = text.split("\n\n")
    row = ["5", "5.00", "3.0x", "90.0", "10.00", "90.0", "0.0"]
    assert first.splitlines()[-1].split() == row
    assert second.splitlines()[-1].split() == ["5", "0.00", "0.00", "0.00", "10.00"]


def test_the_places_of_a_track_by_hand() -> None:
    boxed = np.ones(16, bool)
    boxed[14:] = False
    detected = np.zeros(16, bool)
    detected[[2, 4, 10]] = True
    found = runpy.run_path(SCRIPT)["classify_frames"](boxed, detected, 2)
    assert found.tolist() == [2, 2, 0, 1, 0, 2, 2, 2, 2, 2, 0, 2, 2, 2, 3, 3]
    never = runpy.run_path(SCRIPT)["classify_frames"](boxed, np.zeros(16, bool), 2)
    assert never.tolist() == [2] * 14 + [3, 3]


def test_an_unknown_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = write_stores(tmp_path, {"one": "val"})
    with pytest.raises(SystemExit, match="1"):
        printed(stores, monkeypatch, capsys, "--films", "three")
    assert "no such film" in capsys.readouterr().err


def test_thinned_boxes_are_those_of_every_kth_frame(tmp_path: Path) -> None:
    counts = [2, 0, 1, 3, 1]
    boxes = np.arange(sum(counts) * 4, dtype=np.float32).reshape(-1, 4)
    person = PersonBoxes("her", make_offsets(counts), boxes, boxes[:, 0])
    write_boxes(tmp_path / "every.h5", range(5), [person])
    script: dict[str, Any] = runpy.run_path(SCRIPT)
    assert script["thin_boxes"](tmp_path / "every.h5", 3, tmp_path / "thin.h5") == 2
    thin = FilmBoxes.read(tmp_path / "thin.h5")
    assert (thin.info.movie, thin.info.stride) == ("m", 3)
    assert thin.frames.tolist() == [0, 3]
    [person] = thin.persons
    assert person.reference == "her"
    assert person.offsets.tolist() == [0, 2, 5]
    assert person.boxes.tolist() == boxes[[0, 1, 3, 4, 5]].tolist()
    assert person.scores.tolist() == boxes[[0, 1, 3, 4, 5], 0].tolist()
