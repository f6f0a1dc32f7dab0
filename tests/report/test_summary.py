from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rhas.base.errors import RhasError
from rhas.report.summary import make_summary

GROUNDING = {
    "truth": True,
    "films": [],
    "test": {
        "recall_50": 81.25, "wrong_person": None, "id_switches": 3, "cut_crossings": 0,
        "lookalike_place": {"recall_50": 40.0, "wrong_person": 12.0},
        "lookalike_garment": {"recall_50": None, "wrong_person": None},
    },
}  # fmt: skip
FEATURES = {"partial": 30.0, "holistic": 12.0, "chance": 3.5}


def write(folder: Path, grounding: dict[str, Any], features: dict[str, Any]) -> None:
    test = {"acc": 61.25, "map": 40.0, "as_published": {"acc": 60.0, "f1_50": 12.5}}
    constant = {"acc": 27.5, "as_published": {"f1_50": 92.3}}
    files = {
        "evaluation": {"val": {}, "test": test},
        "baselines": {
            "val": {},
            "test": {"nothing": {"acc": 37.3}, "constant_class": constant, "chance": {"acc": 1.0}},
        },
        "grounding": grounding,
        "features": features,
    }
    for name, values in files.items():
        (folder / f"{name}.json").write_text(json.dumps(values))


def cells(folder: Path) -> dict[str, list[str]]:
    """By a row's name, its other cells."""
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(make_summary(folder))
    rows = [line.split("│")[1:-1] for line in captured.get().splitlines() if "│" in line]
    return {name.strip(): [cell.strip() for cell in others] for name, *others in rows}


def test_figures_stand_beside_those_of_the_baselines(tmp_path: Path) -> None:
    write(tmp_path, GROUNDING, FEATURES)
    shown = cells(tmp_path)
    assert shown["ACC"] == ["-", "61.2", "37.3", "27.5", "1.0"]
    assert shown["frame mAP"] == ["-", "40.0", "-", "-", "-"]
    assert shown["published F1@50"] == ["-", "12.5", "-", "92.3", "-"]


def test_grounding_and_features(tmp_path: Path) -> None:
    write(tmp_path, GROUNDING, FEATURES)
    shown = cells(tmp_path)
    assert shown["track on the right person"] == ["81.2"]
    assert shown["box on another person"] == ["-"]
    assert shown["identity switches"] == ["3"]
    assert shown["look-alikes, by place: right person"] == ["40.0"]
    assert shown["look-alikes, by garment: right person"] == ["-"]
    assert shown["holistic"] == ["12.0"]
    assert shown["chance"] == ["3.5"]


def test_without_truth_and_films_of_several_persons(tmp_path: Path) -> None:
    write(tmp_path, {"truth": False}, {"chance": None, "partial": None})
    shown = cells(tmp_path)
    assert "track on the right person" not in shown
    assert "holistic" not in shown


def test_figures_that_are_absent(tmp_path: Path) -> None:
    write(tmp_path, GROUNDING, FEATURES)
    (tmp_path / "grounding.json").unlink()
    with pytest.raises(RhasError, match=r"grounding\.json: no such file"):
        make_summary(tmp_path)


FLOORS = '"nothing": {}, "constant_class": {}'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name in ("evaluation", "baselines", "grounding", "features")
          for text in ("{}", "[]", "3", "null")),
        ("evaluation", '{"test": {}}'),
        ("evaluation", '{"test": {}, "val": 3}'),
        ("baselines", '{"test": []}'),
        ("baselines", f'{{"test": {{{FLOORS}}}}}'),
        ("baselines", f'{{"test": {{{FLOORS}, "chance": 3}}}}'),
        ("grounding", '{"truth": true, "test": 3}'),
        ("grounding", '{"truth": true, "films": {}}'),
    ],
)  # fmt: skip
def test_figures_of_another_form(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, GROUNDING, FEATURES)
    (tmp_path / f"{name}.json").write_text(text)
    with pytest.raises(RhasError, match=rf"{name}\.json: (not what|films are no)"):
        make_summary(tmp_path)


def test_a_probe_that_is_no_number(tmp_path: Path) -> None:
    write(tmp_path, GROUNDING, {**FEATURES, "chance": "x", "partial": [1]})
    assert "holistic" not in cells(tmp_path)
