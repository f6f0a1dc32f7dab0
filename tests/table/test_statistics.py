"""Statistics of a data set, by hand and against a count frame by frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from films import write_film

from rhas.base.classes import CLASS_ID
from rhas.base.errors import RhasError
from rhas.data.annotations import TimedAction, write_annotations
from rhas.report.dataset import (
    Statistics,
    count_statistics,
    count_words,
    find_film_seconds,
    read_statistics,
)
from rhas.report.dataset_figure import draw_statistics
from rhas.stores.manifest import Film, Manifest

REFERENCES = {"a": ("the woman in the red coat", "a man"), "映画": ("the man with the Red hat",)}
ROWS = [
    TimedAction("a", 0, "walking", 0.0, 4.0),
    TimedAction("a", 0, "talking", 2.0, 3.0),
    TimedAction("a", 0, "walking", 3.0, 6.0),  # overlaps itself: its frames count once
    TimedAction("映画", 0, "walking", 1.0, 1.01),  # shorter than a frame: one frame
]


@pytest.fixture
def found() -> Statistics:
    return count_statistics("own", REFERENCES, ROWS, {"a": 10.0, "映画": None}, 10.0)


def test_by_hand(found: Statistics) -> None:
    assert dict(found.persons) == {"a": 2, "映画": 1}
    assert found.annotated == 2
    assert found.frames == 100 + 11
    assert [(c.name, c.frames, c.intervals, c.persons) for c in found.classes] == [
        ("walking", 61, 3, 2), ("talking", 10, 1, 1),
    ]  # fmt: skip
    assert found.classes[0].median_s == 3.0
    assert found.pairs() == [("walking", "talking", 10)]
    assert list(found.labels_per_frame) == [50, 51, 10]
    assert found.known_seconds == 10.0
    assert found.words[:2] == [("man", 2), ("red", 2)]


def test_against_frame_by_frame() -> None:
    rng = np.random.default_rng(0)
    names = ["walking", "talking", "sitting", "waving"]
    rows = [
        TimedAction("m", int(rng.integers(3)), names[rng.integers(4)], float(s), float(s + d))
        for s, d in zip(rng.integers(0, 50, 40), rng.integers(1, 20, 40), strict=True)
    ]
    found = count_statistics("m", {"m": ("x", "y", "z")}, rows, {"m": 60.0}, 1.0)
    sets = {
        (person, t): {r.action for r in rows if r.person == person and r.start_s <= t < r.end_s}
        for person in {r.person for r in rows}
        for t in range(60)
    }
    for one in names:
        for other in names:
            both = sum({one, other} <= labels for labels in sets.values())
            assert found.together[CLASS_ID[one], CLASS_ID[other]] == both
    counted = np.bincount([len(labels) for labels in sets.values()])
    assert list(found.labels_per_frame) == counted.tolist()


def test_words() -> None:
    words = count_words(["The man's T-shirt, 3 hats", "die Frau mit dem HUT", ""])
    assert ("man's", 1) in words
    assert ("t-shirt", 1) in words
    assert ("hut", 1) in words
    assert not any(word in ("the", "3") for word, _ in words)


def test_lengths_come_from_decode_from_the_film_or_from_nowhere(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "films").mkdir(parents=True)
    write_film(raw / "films" / "b.mp4", range(20))
    films = [Film(m, f"films/{m}.mp4", "", ("somebody",)) for m in ("a", "b", "c")]
    Manifest("own", tuple(films)).write(raw)
    write_annotations(raw, [])
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "report.json").write_text(json.dumps({"a": {"seconds": 3.5}}))
    found = read_statistics(tmp_path, 10.0)
    assert found.seconds["a"] == 3.5
    assert found.seconds["b"] == pytest.approx(20 / 30)
    assert found.seconds["c"] is None
    assert found.to_json()["films_of_unknown_length"] == 1
    assert found.classes == []


@pytest.mark.parametrize(
    "text", ["[]", "3", '{"a": []}', '{"a": {"seconds": "3"}}', '{"a": {"seconds": true}}',
             '{"a": {"seconds": -1}}', '{"a": {"seconds": NaN}}', '{"a": {"seconds": [3]}}'],
)  # fmt: skip
def test_a_report_of_decode_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "report.json").write_text(text)
    with pytest.raises(RhasError, match=r"report\.json, a: not a report of decode"):
        find_film_seconds(tmp_path / "raw", "a", "films/a.mp4")


def test_pictures(found: Statistics, tmp_path: Path) -> None:
    draw_statistics(found, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 20_000
    draw_statistics(count_statistics("none", {}, [], {}, 15.0), tmp_path / "empty.svg")
    with pytest.raises(RhasError, match="not a kind of picture"):
        draw_statistics(found, tmp_path / "a.gif")


def test_trouble_is_named(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="without reference"):
        count_statistics("own", {"a": ("x",)}, [TimedAction("a", 1, "walking", 0, 1)], {}, 15.0)
    with pytest.raises(RhasError, match="no manifest"):
        read_statistics(tmp_path, 15.0)
    with pytest.raises(RhasError, match="above 0"):
        read_statistics(tmp_path, 0.0)
