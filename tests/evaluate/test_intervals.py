"""Intervals of any system, read and scored; by hand, and against the metrics of scores."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhas.base.errors import RhasError
from rhas.data.intervals import IntervalTable, ScoredInterval, read_intervals
from rhas.evaluate.intervals import score_intervals
from rhas.metrics import evaluate

HEADER = "movie,person,action,start_s,end_s"


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def test_by_hand(tmp_path: Path) -> None:
    truth = read_intervals(
        write(tmp_path / "t.csv", "a,0,walk,0,2", "a,0,wave,1,2", "a,1,sit,0,4", "b,0,sit,0,1")
    )
    answer = read_intervals(
        write(
            tmp_path / "p.csv",
            "a,0.0,walk,0,2,0.9",
            "a,1,sit,0,1,0.5",
            "a,1,feeding the cat,3,4,0.8",
            "c,0,sit,0,9,0.8",
            header=HEADER + ",score",
        )
    )
    found = score_intervals(answer, truth, fps=10)
    # a: 40 frames (its last interval's end), b: 10. Person 0: walk is right in 20, background in
    # 20; person 1: sit in 10 of 40; b: nothing is said in 10 frames of sit.
    assert (found.persons, found.frames, found.classes) == (3, 90, 3)
    assert found.metrics.acc == pytest.approx(100 * (40 + 10) / 90)
    # walk is found; of four true and three predicted intervals
    assert found.metrics.interval_f1_50 == pytest.approx(100 * 2 / (2 + 2 + 3))
    assert found.floors["nothing"].acc == pytest.approx(100 * 20 / 90)
    assert found.findings == {
        "persons without an answer": ["b person 0"],
        "persons without an annotation, left out": ["c person 0"],
        "actions that the annotations do not have": ["feeding the cat"],
        "films of no stated length, taken to end with the last interval of either table": [
            "a",
            "b",
        ],
    }
    strict = score_intervals(answer, truth, fps=10, min_score=0.6)
    assert strict.metrics.interval_f1_50 == pytest.approx(100 * 2 / (2 + 1 + 3))
    assert strict.metrics.map == found.metrics.map


spans = st.tuples(st.integers(0, 30), st.integers(1, 20), st.sampled_from("xyz"))
persons = st.lists(st.lists(spans, max_size=6), min_size=1, max_size=3)


@settings(deadline=None, max_examples=60)
@given(persons, persons)
def test_as_the_metrics_of_scores(true: list, said: list) -> None:
    """Frames rasterised by loops, then ``rhas.metrics.evaluate`` with scores as given."""
    true = [[(0, 1, "x"), *spans] for spans in true]
    said = (said + [[]] * len(true))[: len(true)]

    def table(people: list, score: float) -> IntervalTable:
        return IntervalTable(
            [
                ScoredInterval("film", str(n), name, start, start + length, score)
                for n, spans in enumerate(people)
                for start, length, name in spans
            ],
            {"film": 60.0},
        )

    def frames(spans: list) -> np.ndarray:
        array = np.zeros((60, 3))
        for start, length, name in spans:
            for t in range(start, min(start + length, 60)):
                array[t, "xyz".index(name)] = 1
        return array

    found = score_intervals(table(said, 0.7), table(true, 1.0), fps=1)
    expected = evaluate([frames(s) for s in true], [0.7 * frames(s) for s in said]).metrics
    for key, value in asdict(expected).items():
        got = getattr(found.metrics, key)
        assert got == pytest.approx(value) or (math.isnan(got) and math.isnan(value)), key
    assert score_intervals(table(true, 1.0), table(true, 1.0), fps=1).metrics.acc == 100


def test_activitynet_json_says_the_same_as_csv(tmp_path: Path) -> None:
    entries = [{"segment": [0, 2.5], "label": "walk", "score": 0.5, "person": 1}]
    (tmp_path / "p.json").write_text(json.dumps({"version": "1.3", "results": {"a": entries}}))
    annotated = {"a": {"duration": 9, "subset": "test", "annotations": entries}}
    (tmp_path / "t.json").write_text(json.dumps({"database": annotated}))
    csv = read_intervals(write(tmp_path / "p.csv", "a,1,walk,0,2.5,0.5", header=HEADER + ",score"))
    assert read_intervals(tmp_path / "p.json") == csv
    truth = read_intervals(tmp_path / "t.json")
    assert truth == IntervalTable(csv.intervals, {"a": 9.0})
    found = score_intervals(csv, truth, fps=2)
    assert (found.frames, found.findings) == (18, {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,0,walk,2,1", "t.csv:2: an interval must start"),
        ("a,0,walk,nan,1", "t.csv:2: start_s is not a number"),
        ("a,0,,0,1", "t.csv:2: an interval without an action"),
        ("a,0,walk,0", "t.csv:2: malformed line"),
        ("a,0,walk,0,1e9", "movie a: a film of unlikely length"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", line)
    with pytest.raises(RhasError, match=message):
        score_intervals(read_intervals(path), read_intervals(path))


def film(start: float, end: float) -> list[ScoredInterval]:
    return [ScoredInterval("a", "0", "walk", 0, 1), ScoredInterval("a", "0", "wave", start, end)]


@pytest.mark.parametrize("start", [4.0, 4.5, 1e300])
def test_an_annotation_after_the_films_end_is_refused(start: float) -> None:
    truth = IntervalTable(film(start, start * 2), {"a": 4.0})
    with pytest.raises(RhasError, match="movie a, person 0: an annotation that begins after"):
        score_intervals(IntervalTable(film(0, 1)), truth)
    score_intervals(IntervalTable(film(0, 1)), IntervalTable(film(4.5, 9)))  # of no stated length


def test_what_the_films_end_cuts_is_told() -> None:
    kinds = [
        f"{kind} that end after the film's stated length, cut there"
        for kind in ("annotated intervals", "intervals of the answer")
    ]
    inside = IntervalTable(film(3, 4.1), {"a": 4.0})  # a frame more: rounding
    assert score_intervals(inside, inside, fps=10).findings == {}
    truth = IntervalTable(film(3, 4.3), {"a": 4.0})
    answer = IntervalTable([*film(7, 9), ScoredInterval("b", "0", "walk", 7, 9)])
    findings = score_intervals(answer, truth, fps=10).findings
    assert findings[kinds[0]] == ["a person 0 wave 3 to 4.3 s"]
    assert findings[kinds[1]] == ["a person 0 wave 7 to 9 s"]
    late = IntervalTable(film(3.97, 4), {"a": 4.0})  # its frame would be the one after the last
    assert score_intervals(late, late, fps=10).findings[kinds[0]] == ["a person 0 wave 3.97 to 4 s"]


@pytest.mark.parametrize("length", ["0", "-3", "-1e-9", "NaN", "Infinity", "true", "1" * 400])
def test_a_film_without_length_is_an_error(length: str, tmp_path: Path) -> None:
    content = f'{{"database": {{"a": {{"duration": {length}, "annotations": []}}}}}}'
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(RhasError, match=r"t\.json, a: (a film without length|duration is not a)"):
        read_intervals(tmp_path / "t.json")


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{", "[" * 100_000, '{"results": []}', '{"results": {"a": 3}}',
        '{"results": {"a": [{"segment": [0]}]}}', '{"results": {"a": ["walk"]}}',
        '{"results": {"a": [{"segment": [0, true], "label": "x"}]}}',
        '{"results": {"a": [{"segment": [0, 1], "label": "x", "score": 2}]}}',
        '{"database": {"a": {"duration": "long"}}}',
    ],
)  # fmt: skip
def test_wrong_json_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(RhasError, match=r"t\.json"):
        read_intervals(tmp_path / "t.json")


def test_no_annotation_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="no annotated interval"):
        score_intervals(IntervalTable([]), IntervalTable([]))
    with pytest.raises(RhasError, match="no such table"):
        read_intervals(tmp_path / "absent.csv")
