"""The statistics of data/README.md, on a film made by hand and on the README itself."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rhas.base.classes import CLASS_ID
from rhas.config.mini import MiniConfig
from rhas.mini import MINI_CLASSES, film_specs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def statistics() -> ModuleType:
    path = ROOT / "benchmarks" / "mini_statistics.py"
    spec = importlib.util.spec_from_file_location("mini_statistics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def made(statistics: ModuleType) -> list:
    """Ten frames. A: walking 0-6, waving 4-6; B: walking 2-4, picking 4-5, putting 7-8; C: away."""
    people = []
    for rows, seen in (
        ([("walking", 0, 6), ("waving", 4, 6)], (0, 6)),
        ([("walking", 2, 4), ("picking", 4, 5), ("putting", 7, 8)], (2, 8)),
        ([], (0, 0)),
    ):
        labels, present = np.zeros((10, 137), bool), np.zeros(10, bool)
        present[slice(*seen)] = True
        for name, a, b in rows:
            labels[a:b, CLASS_ID[name]] = True
        people.append(statistics.Person(labels, present, [(n, a / 15, b / 15) for n, a, b in rows]))
    return [statistics.Film("train", 10 / 15, people)]


def test_figures_of_a_film_made_by_hand(statistics: ModuleType) -> None:
    films = made(statistics)
    measured = statistics.measure_films(films)
    assert measured["intervals"] == "5"
    assert measured["classes"] == "4"
    assert measured["labels per labelled frame"] == "1.20"  # 12 labels in 6 + 4 frames
    assert measured["- of these with two labels or more"] == "20 %"
    placed = statistics.measure_presence(films)
    assert placed["frames in which the person is in view"] == "40 %"  # 6 + 6 + 0 of 30
    assert placed["frames without a label (background)"] == "67 %"  # 4 + 6 + 10 of 30
    assert placed["- of those in which the person is in view"] == "17 %"  # B in frames 5 and 6
    assert placed["samples of 3,000 frames: train / val / test"] == "3 / 0 / 0"
    assert statistics.class_counts(films)["walking"] == [2, 0, 0]


def test_who_is_meant(statistics: ModuleType) -> None:
    # In view: A alone in 0-1, B alone in 6-7, both in 2-5; alike in 2 and 3.
    several, differ, lucky = statistics.count_confusion(made(statistics))
    assert several == pytest.approx(4 / 8)
    assert differ == pytest.approx(2 / 4)
    assert lucky == pytest.approx((4 * 1 + 4 * 1 + 4 * 0.5) / 12)


def test_what_follows_what(statistics: ModuleType) -> None:
    number, gaps = statistics.find_followers(made(statistics))
    assert number == 1
    assert gaps == pytest.approx([3 / 15])


def test_keyframes_of_ava(statistics: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "ava.csv"
    rows = ["m,0902,0,0,1,1,12,0", "m,0903,0,0,1,1,12,0", "m,0905,0,0,1,1,12,0"]
    path.write_text("\n".join([*rows, "m,0902,0,0,1,1,14,1", "m,0902,0,0,1,1,79,1"]) + "\n")
    (film,) = statistics.ava_films(path)
    assert film.persons[0].intervals == [("12", 902.0, 904.0), ("12", 905.0, 906.0)]
    assert film.persons[1].labels.sum() == 2
    assert film.persons[1].present.tolist() == [True, False, False]


def test_the_readme_tells_the_figures(statistics: ModuleType, films) -> None:
    text = (ROOT / "data" / "README.md").read_text("utf-8")
    seen = [statistics.mini_film(spec, facts) for spec, facts in films]
    told = {**statistics.measure_films(seen), **statistics.measure_presence(seen)}
    told |= statistics.measure_hardness(seen, film_specs(MiniConfig()))
    missing = [f"| {name} | {value} |" for name, value in told.items()
               if f"| {name} | {value} |" not in text]  # fmt: skip
    counts = statistics.class_counts(seen)
    missing += [
        row for name in MINI_CLASSES
        if (row := f"| {name} | {' / '.join(map(str, counts[name]))} |") not in text
    ]  # fmt: skip
    assert not missing, "run benchmarks/mini_statistics.py and put its tables into data/README.md"
