"""Corrections become annotations, and review.csv says who said what."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factory import make_track, write_tracks
from films import write_film
from typer.testing import CliRunner, Result

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.data.actions import FilmFrames
from rhas.data.drawn_table import read_drawn_table
from rhas.decode.container import inspect_film

TABLES = ("annotations.csv", "references.csv", "boxes.csv", "review.csv")


@pytest.fixture
def record() -> dict[str, Any]:
    def interval(action: str, start: int, stop: int, by: str, **was: Any) -> dict[str, Any]:
        return {"action": action, "start_frame": start, "end_frame": stop, "by": by, **was}

    was = {"action": "walking", "start_frame": 1, "end_frame": 9}
    gone = {"start_frame": 12, "end_frame": 15}
    first = [interval("walking", 0, 9, "corrected", was=was), interval("eating", 3, 30, "added")]
    persons = [
        {"person": 0, "reference": "the man", "checked": True, "intervals": first,
         "removed": [{"action": "waving", **gone}], "not_this_person": [gone]},
        {"person": 1, "reference": "the woman", "checked": False, "removed": [],
         "intervals": [interval("standing", 0, 15, "predicted")], "not_this_person": []},
    ]  # fmt: skip
    return {"format": "rhas corrections", "version": 1, "revision": 1, "film": "a.mp4",
            "frames": 30, "fps": 15.0, "persons": persons}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text("dataset: mini\nfps: 15\n")
    (tmp_path / "films").mkdir()
    write_film(tmp_path / "films" / "a.mp4", range(50), Fraction(1, 25))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_import(record: dict[str, Any], *more: object) -> Result:
    Path("seen").mkdir(exist_ok=True)
    Path("seen/corrections.json").write_text(json.dumps(record), "utf-8")
    words = ["import", "review", "seen", "--films", "films", *map(str, more)]
    return CliRunner().invoke(app, words)


def test_checked_persons_become_annotations(project: Path, record: dict[str, Any]) -> None:
    result = run_import(record)
    assert result.exit_code == 0, result.output
    own = project / "data" / "own"
    assert (own / "annotations.csv").read_text().splitlines()[1:] == [
        "a,0,walking,0.000,0.600", "a,0,eating,0.200,2.000",
    ]  # fmt: skip
    assert (own / "references.csv").read_text().splitlines()[1:] == [
        "a,0,the man,",
        "a,1,the woman,",
    ]
    assert (own / "review.csv").read_text().splitlines() == [
        "movie,person,action,start_s,end_s,by,was_action,was_start_s,was_end_s",
        "a,0,walking,0.000,0.600,corrected,walking,0.067,0.600",
        "a,0,eating,0.200,2.000,added,,,",
        "a,0,waving,0.800,1.000,removed,,,",
        "a,0,,0.800,1.000,not this person,,,",
        "a,1,standing,0.000,1.000,predicted,,,",
    ]  # fmt: skip
    assert json.loads((own / "import.json").read_text())["findings"]["person not checked"]["places"]
    assert (own / "boxes.csv").read_text().splitlines()[1:] == [
        "a,0,0.800000,absent,,,,",
        "a,0,1.000000,ground,,,,",
    ]


def test_the_track_beside_the_corrections_is_kept_but_for_what_is_on_another(
    project: Path, record: dict[str, Any]
) -> None:
    """Person 0 moves by a pixel a frame, from frame 2 on; frames 12 to 14 are on somebody else."""
    left = np.arange(30, dtype=np.float32)
    boxes = np.stack([left, left * 0, left + 20, left * 0 + 40], 1)
    boxes[:2] = np.nan
    tracks = [make_track(boxes, reference=text) for text in ("the man", "the woman")]
    Path("seen").mkdir()
    write_tracks(Path("seen/tracks.h5"), tracks, movie="a")
    facts = {"film": "a.mp4", "fps": 15.0, "frame_size": [64, 48]}
    Path("seen/intervals.json").write_text(
        json.dumps({**facts, "persons": [{"intervals": []}, {"intervals": []}]})
    )
    assert run_import(record).exit_code == 0
    found = read_drawn_table(project / "data" / "own", {"a": range(2)}, {})
    assert list(found) == [("a", 0)]  # nobody checked the other
    frames = FilmFrames.of_film("a", inspect_film(Path("films/a.mp4")), 15.0)
    drawn = found["a", 0].draw(frames.times[frames.shown], np.zeros(0, int), 64, 48)
    boxes[12:15] = np.nan
    np.testing.assert_allclose(drawn.boxes, boxes, atol=0.05)
    record["frames"] = 31
    assert "other tracks" in str(run_import(record, "--replace").exception)


def test_all_persons_where_that_is_wanted(project: Path, record: dict[str, Any]) -> None:
    assert run_import(record, "--all").exit_code == 0
    assert "a,1,standing" in (project / "data" / "own" / "annotations.csv").read_text()
    record["persons"][0]["checked"] = False
    assert "nobody is marked" in str(run_import(record, "--replace").exception)


def test_corrected_films_are_added_to_others(project: Path, record: dict[str, Any]) -> None:
    assert run_import(record).exit_code == 0
    own = project / "data" / "own"
    first = [(own / name).read_text().splitlines()[1:] for name in TABLES]
    (project / "films" / "a.mp4").rename(project / "films" / "b.mp4")
    result = run_import({**record, "film": "b.mp4"}, "--add")
    assert result.exit_code == 0, result.output
    both = [(own / name).read_text().splitlines()[1:] for name in TABLES]
    for old, new in zip(first, both, strict=True):
        assert sorted(new) == sorted(old + ["b" + row[1:] for row in old])
    assert sorted(path.name for path in (own / "films").iterdir()) == ["a.mp4", "b.mp4"]


def test_another_import_takes_review_csv_away(project: Path, record: dict[str, Any]) -> None:
    assert run_import(record).exit_code == 0
    own = project / "data" / "own"
    again = CliRunner().invoke(app, ["import", "films", str(own), "--replace"])
    assert again.exit_code == 0, again.output
    assert not (own / "review.csv").exists()


def test_the_classes_are_those_of_the_model(project: Path, record: dict[str, Any]) -> None:
    words = ["no", "eating", "走る"]
    record["persons"][0]["intervals"][0] |= {"action": "走る"}
    assert run_import({**record, "classes": words}).exit_code == 0
    own = project / "data" / "own"
    assert (own / "classes.txt").read_text("utf-8").split() == words
    assert "走る" in (own / "annotations.csv").read_text("utf-8")
    (project / "list.txt").write_text("eating\n", "utf-8")
    stopped = run_import({**record, "classes": words}, "--replace", "--classes", "list.txt")
    assert "unknown class" in stopped.output
    again = CliRunner().invoke(app, ["import", "films", str(own), "--replace"])
    assert again.exit_code == 0, again.output
    assert (own / "classes.txt").read_text("utf-8").split() == words


@pytest.mark.parametrize(
    ("change", "says"),
    [({"frames": 300}, "another length"), ({"film": "../a.mp4"}, "is a path"),
     ({"version": 9}, "not the corrections")],
)  # fmt: skip
def test_what_does_not_fit_is_an_error(
    project: Path, record: dict[str, Any], change: dict[str, Any], says: str
) -> None:
    error = run_import({**record, **change}).exception
    assert isinstance(error, RhasError)
    assert says in str(error)


def test_a_film_that_is_not_there_and_words_of_others(
    project: Path, record: dict[str, Any]
) -> None:
    stopped = run_import({**record, "film": "b.mp4"})
    assert stopped.exit_code == 1
    assert "annotation without film" in stopped.output
    record["persons"][0]["intervals"][0]["action"] = "<script>alert(1)</script>"
    assert "unknown class" in run_import(record).output
    assert isinstance(run_import(record, "seen/corrections.json").exception, RhasError)
