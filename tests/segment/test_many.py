"""Several films in one go: what is planned, and the overview after films that fail."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.base.files import read_csv, write_csv
from rhas.segment.many import FilmTask, plan_films, segment_films
from rhas.segment.records import FilmSummary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two films that nobody opens."""
    made = tmp_path / "films"
    made.mkdir()
    for name in ("b.mkv", "a.mp4", "notes.txt", ".hidden.mp4"):
        (made / name).write_bytes(b"")
    return made


def write_table(path: Path, *rows: str) -> Path:
    path.write_text("movie,person,reference\n" + "\n".join(rows) + "\n", "utf-8")
    return path


def test_films_of_a_folder_and_of_the_command_line(folder: Path, tmp_path: Path) -> None:
    table = write_table(tmp_path / "refs.csv", "b,0,the man", "b,1,the woman", "c,0,the dog")
    tasks, warnings = plan_films([folder, Path("x/c d.avi")], table, ["somebody"])
    assert tasks == [
        FilmTask("a", folder / "a.mp4", ("somebody",)),
        FilmTask("b", folder / "b.mkv", ("the man", "the woman")),
        FilmTask("c d", Path("x/c d.avi"), ("somebody",)),
    ]
    assert len(warnings) == 1
    assert warnings[0].endswith("given: c")


def test_a_film_without_a_sentence_is_named_with_what_may_be_meant(
    folder: Path, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "refs.csv", "harbor,0,the man", "a,0,x", "b,0,x")
    with pytest.raises(RhasError, match=r"(?s)without a sentence.*harbour.*did you mean 'harbor'"):
        plan_films([folder, Path("harbour.mp4")], table, [])


def test_a_wrong_sentence_is_told_before_the_models_are_loaded(folder: Path) -> None:
    with pytest.raises(RhasError, match="--ref, person 1: a reference with a control character"):
        plan_films([folder], None, ["the man", "the\0woman"])


def test_two_films_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(RhasError, match="two films of one name"):
        plan_films([folder, Path("elsewhere/a.mp4")], None, ["x"])


def test_a_file_of_others_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(RhasError, match=r"(?s)would replace.*index.html"):
        segment_films([], _never, tmp_path, print)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_film_that_fails_stops_no_other(segmented: Path, tmp_path: Path) -> None:
    tasks = [FilmTask(name, Path(f"{name}.mp4"), ("x",)) for name in ("a", "<b>", "c d")]
    out, pages = tmp_path / "out", []

    def segment(task: FilmTask, place: Path) -> FilmSummary:
        if (out / "index.html").exists():
            pages.append((out / "index.html").read_text("utf-8"))
        if task.movie == "<b>":
            raise OSError("lens & cap")
        shutil.copytree(segmented, place)
        return summarise(place)

    told: list[str] = []
    outcomes = segment_films(tasks, segment, out, told.append)
    assert [outcome["error"] for outcome in outcomes] == [None, "lens & cap", None]
    assert json.loads((out / "films.json").read_text("utf-8"))["waiting"] == 0
    with (segmented / "intervals.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    with (out / "intervals.csv").open(newline="") as file:
        found = list(csv.reader(file))[1:]
    assert found == [["a", *row] for row in rows] + [["c d", *row] for row in rows]
    page = (out / "index.html").read_text("utf-8")
    assert "2 of 3 films segmented" in page
    assert "&lt;b&gt;" in page
    assert "lens &amp; cap" in page
    assert 'href="c%20d/index.html"' in page
    assert page.count("data:image/jpeg") == 2 * sum(
        person["found"] for person in summarise(segmented)["persons"]
    )
    assert "1 of 3 films segmented" in pages[0]
    assert "2 films are still to be done" in pages[0]
    segment_films(tasks[:1], lambda task, place: summarise(place), out, told.append)  # again


def test_what_looks_like_a_formula_is_marked_once(segmented: Path, tmp_path: Path) -> None:
    def segment(task: FilmTask, place: Path) -> FilmSummary:
        shutil.copytree(segmented, place)
        rows = read_csv(place / "intervals.csv")
        write_csv(place / "intervals.csv", list(rows[0]),
                  [[*{**row, "reference": "=1+1"}.values()] for row in rows])  # fmt: skip
        return summarise(place)

    segment_films([FilmTask("a", Path("a.mp4"), ("x",))], segment, tmp_path / "out", print)
    assert {row["reference"] for row in read_csv(tmp_path / "out" / "intervals.csv")} == {"=1+1"}


def summarise(folder: Path) -> FilmSummary:
    """The summary of a folder that `segment_film` wrote."""
    record = json.loads((folder / "intervals.json").read_text("utf-8"))
    persons = [
        {
            "person": person["person"], "reference": person["reference"], "found": person["found"],
            "seen": 1 - person["frames"]["missing"] / record["frames"],
            "intervals": len(person["intervals"]),
            "actions": sorted({interval["action"] for interval in person["intervals"]}),
        }
        for person in record["persons"]
    ]  # fmt: skip
    kept = {name: record[name] for name in ("film", "seconds", "frames", "fps", "readout")}
    return {**kept, "out": str(folder), "files": [], "persons": persons, "stage_seconds": {}}  # type: ignore[typeddict-item]


def _never(task: FilmTask, out: Path) -> FilmSummary:
    raise AssertionError("no film is segmented")


@pytest.mark.parametrize("name", ["intervals.csv", "tracks.h5"])
def test_damaged_results_of_a_film_stop_no_other(
    segmented: Path, tmp_path: Path, name: str
) -> None:
    def segment(task: FilmTask, place: Path) -> FilmSummary:
        shutil.copytree(segmented, place)
        summary = summarise(place)
        if task.movie == "a":
            (place / name).unlink()
            (place / name).write_bytes(bytes(range(256)))
        return summary

    tasks = [FilmTask(movie, Path(f"{movie}.mp4"), ("x",)) for movie in "abc"]
    outcomes = segment_films(tasks, segment, tmp_path / "out", print)
    assert [outcome["error"] is None for outcome in outcomes] == [False, True, True]
    with (tmp_path / "out" / "intervals.csv").open(newline="") as file:
        assert {row["movie"] for row in csv.DictReader(file)} == {"b", "c"}
