from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rhas.evaluate import tables
from rhas.evaluate.persons import PersonResult
from rhas.evaluate.records import write_metrics
from rhas.evaluate.scoring import ScoredSample
from rhas.metrics.segmentation import Prediction, evaluate_predictions
from rhas.metrics.segments import BACKGROUND
from rhas.report.timeline import PersonTimeline
from rhas.stores.scores import read_sample_scores

NAMES = ("walk", "wave", "sit")


@dataclass(frozen=True)
class Window:
    sample: str
    movie: str
    person: int
    start: int
    stop: int


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def prediction(scores: np.ndarray, top: list[int]) -> Prediction:
    """The top class alone is predicted."""
    return Prediction(scores, np.array(top)[:, None] == np.arange(scores.shape[1]), np.array(top))


def test_json_has_sorted_keys_four_decimals_and_null(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_metrics(path, {"b": {"y": math.nan, "x": np.float64(1) / 3}, "a": ["ü", 2]})
    text = path.read_text("utf-8")
    assert json.loads(text) == {"a": ["ü", 2], "b": {"x": 0.3333, "y": None}}
    assert text.index('"a"') < text.index('"b"') < text.index('"x"') < text.index('"y"')
    assert "ü" in text
    assert text.endswith("}\n")


def test_scores_are_float16_with_their_window(tmp_path: Path) -> None:
    scores = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
    item = ScoredSample(
        Window("m_000_000100", "m", 0, 100, 104), scores, scores > 0.5, np.ones(4, bool)
    )
    assert item.stored.dtype == np.float16
    for name in ("a", "b"):
        tables.write_scores({"val": [], "test": [item]}, tmp_path / name)
    assert list(read_sample_scores(tmp_path / "a", "val")) == []
    [stored] = read_sample_scores(tmp_path / "a", "test")
    assert np.array_equal(stored.scores, scores.astype(np.float16))
    assert (stored.sample, stored.movie, stored.person) == ("m_000_000100", "m", 0)
    assert (stored.start, stored.stop) == (100, 104)
    first, second = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")
         if p.is_file()}
        for n in ("a", "b")
    )  # fmt: skip
    assert first == second


def test_per_class_lists_what_occurs(tmp_path: Path) -> None:
    truth = np.zeros((8, 3), bool)
    truth[:2, 0] = truth[4:6, 0] = truth[6:, 2] = True
    scores = np.zeros((8, 3))
    scores[:2, 0], scores[4:6, 0], scores[6, 0] = 0.9, 0.2, 0.5
    said = prediction(scores, [0, 0, -1, -1, -1, -1, 0, -1])
    evaluations = {"test": evaluate_predictions([truth], [said])}
    tables.write_per_class(evaluations, [0.4, 0.5, 0.6], NAMES, tmp_path / "a.csv")
    assert rows(tmp_path / "a.csv") == [
        ["split", "class_id", "class", "frames", "instances", "ap", "interval_f1_50", "threshold"],
        # two of two, then two of three and four of five; one interval found, one missed, one false
        ["test", "0", "walk", "4", "2", f"{100 * (2 / 2 + 4 / 5) / 2:.4f}", "50.0000", "0.4000"],
        # no score at all: all eight frames at once
        ["test", "2", "sit", "2", "1", "25.0000", "0.0000", "0.6000"],
    ]


def test_intervals_in_seconds_of_the_movie(tmp_path: Path) -> None:
    predicted = np.zeros((30, 3), bool)
    predicted[5:20, 2] = predicted[0:6, 0] = predicted[20:30, 0] = True
    scores = np.zeros((30, 3), np.float32)
    scores[5:20, 2] = np.linspace(0.5, 0.7, 15)
    scores[:, 0] = 0.25
    everywhere = np.ones(30, bool)
    line = PersonTimeline(predicted, predicted, everywhere, everywhere, start=60)
    tables.write_intervals(
        [PersonResult("m", 1, line, scores)], NAMES, fps=15.0, path=tmp_path / "a.csv"
    )
    assert rows(tmp_path / "a.csv") == [
        ["movie", "person", "action", "start_s", "end_s", "score"],
        ["m", "1", "walk", "4.000", "4.400", "0.2500"],
        ["m", "1", "sit", "4.333", "5.333", "0.6000"],
        ["m", "1", "walk", "5.333", "6.000", "0.2500"],
    ]


def plots(truths: list[np.ndarray], said: list[Prediction], folder: Path) -> Path:
    names = [f"class {c}" for c in range(truths[0].shape[1])]
    tables.write_plots(evaluate_predictions(truths, said), truths, said, names, folder)
    return folder


def test_persons_by_hand(tmp_path: Path) -> None:
    truth, said = np.zeros((2, 6, 3), bool)
    truth[:4, 0] = truth[3, 1] = said[1:5, 0] = True
    covered, present = np.arange(6) < 5, np.array([1, 1, 0, 0, 0, 0], bool)
    nothing = np.zeros((6, 3), bool)
    persons = [
        PersonResult("m", 0, PersonTimeline(truth, said, present, covered, 0), np.zeros((6, 3))),
        PersonResult(
            "m", 1, PersonTimeline(nothing, nothing, present, covered, 0), np.zeros((6, 3))
        ),
    ]
    tables.write_persons(persons, {"m": ["she, herself", "he"]}, tmp_path / "a.csv")
    assert rows(tmp_path / "a.csv")[1:] == [
        # frames 0, 1, 2, 3, 4: 0, 1, 1, 1/2, 0; three of five true pairs are among four said
        ["m", "0", "she, herself", "5", "4", "3", "50.0000", f"{200 * 3 / 9:.4f}"],
        ["m", "1", "he", "5", "0", "3", "100.0000", ""],
    ]


def test_average_precisions_are_in_falling_order(tmp_path: Path) -> None:
    truth = np.eye(3, dtype=bool)[[0, 0, 2, 2]]
    scores = np.array([[0.1, 0, 0.9]] * 2 + [[0.2, 0, 0.95]] * 2)
    plots([truth], [prediction(scores, [0, 0, 2, 2])], tmp_path)
    assert rows(tmp_path / "average_precision.csv") == [
        ["class", "ap", "interval_f1_50", "frames"],
        ["class 2", "100.0000", "100.0000", "2"],
        ["class 0", "50.0000", "100.0000", "2"],
    ]


def test_confusion_has_a_row_per_true_segment(tmp_path: Path) -> None:
    frequent = tables.CONFUSION_CLASSES
    truth = np.zeros((100, frequent + 2), bool)
    for label in range(frequent + 1):  # segments of 7, 6, 6, ... frames; the last is (other)
        truth[6 * label + 1 : 6 * label + 7, label] = True
    truth[0, 0] = True
    top = np.where(truth.any(axis=1), truth.argmax(axis=1), BACKGROUND)
    top[:4] = 1  # most frames of the first segment
    top[7:13] = BACKGROUND
    top[13:19] = frequent + 1  # never true
    said = prediction(np.zeros(truth.shape), top.tolist())
    made = rows(plots([truth], [said], tmp_path) / "confusion.csv")
    assert made[:4] == [
        ["actual", "predicted"],
        ["class 0", "class 1"],
        ["class 1", "(nothing)"],
        ["class 2", "(other)"],
    ]
    assert made[4:] == [
        *[[f"class {c}"] * 2 for c in range(3, frequent)],
        ["(other)", "(other)"],
    ]


def test_reliability_by_hand(tmp_path: Path) -> None:
    truth = np.array([[True, False], [True, True], [False, True]])
    scores = np.array([[0.05, 0.55], [0.0, 1.0], [0.59, 0.99]])
    said = Prediction(scores, np.zeros(truth.shape, bool), np.full(3, BACKGROUND))
    made = rows(plots([truth], [said], tmp_path) / "reliability.csv")
    assert made == [
        ["score", "true", "count"],
        ["0.0250", "1.0000", "2"],
        ["0.5700", "0.0000", "2"],
        ["0.9950", "1.0000", "2"],
    ]


def test_no_bin_is_lost(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((50, 4))
    truth = rng.random((50, 4)) < scores  # perfectly calibrated
    said = Prediction(scores, np.zeros(truth.shape, bool), np.full(50, BACKGROUND))
    made = rows(plots([truth], [said], tmp_path) / "reliability.csv")[1:]
    assert sum(int(count) for *_, count in made) == scores.size
    assert sum(float(t) * int(n) for _, t, n in made) == pytest.approx(truth.sum(), abs=0.05)
