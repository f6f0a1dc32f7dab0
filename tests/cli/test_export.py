"""``rhas export`` and the imports of what labelling tools write, as a user calls them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from films import write_film
from typer.testing import CliRunner, Result

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.data.annotations import TimedAction, read_annotations, write_annotations
from rhas.data.references import read_references
from rhas.stores.manifest import Film, Manifest

ROWS = [
    TimedAction("a b", 0, "walking", 0.2, 1.0),
    TimedAction("a b", 0, "talking", 0.6, 1.4),
    TimedAction("a b", 1, "sitting", 0.0, 1.6),
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of one film of 25 pictures a second, annotated and not yet decoded."""
    raw = tmp_path / "data" / "raw"
    (raw / "films").mkdir(parents=True)
    write_film(raw / "films" / "a b.mp4", range(50), Fraction(1, 25))
    references = ("the man", "die Frau mit Hut")
    Manifest("own", (Film("a b", "films/a b.mp4", "0" * 64, references),)).write(raw)
    write_annotations(raw, ROWS)
    (tmp_path / "params.yaml").write_text("dataset: mini\nfps: 15\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def rhas(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("form", ["cvat", "events", "activitynet", "labelstudio", "eaf", "coco"])
def test_what_is_exported_is_imported(form: str, data: Path) -> None:
    result = rhas("export", data, "--format", form, "--out", "labels")
    assert result.exit_code == 0, result.output
    assert "1 films, 2 persons, 3 intervals" in result.output
    files = [p for p in Path("labels").iterdir() if p.stem == "a b" or p.name == f"{form}.json"]
    imported = rhas("import", form, *files, "--films", data / "raw" / "films")
    assert imported.exit_code == 0, imported.output
    own = Path("data/own")
    sentences = read_references(own / "references.csv").sentences["a b"]
    assert set(sentences) == {"the man", "die Frau mit Hut"}
    found = {(sentences[r.person], r.action, round(r.start_s * 15), round(r.end_s * 15))
             for r in read_annotations(own)}  # fmt: skip
    assert found == {
        ("the man", "walking", 3, 15),
        ("the man", "talking", 9, 21),
        ("die Frau mit Hut", "sitting", 0, 24),
    }


@pytest.mark.parametrize("out", ["..", ".", "../inner", "below/..", "none/.."])
def test_a_folder_that_is_named_by_its_place(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: str
) -> None:
    """Nothing is written elsewhere."""
    temporary, inner = tmp_path / "tmp", tmp_path / "outer" / "inner"
    for folder in (temporary, inner / "below"):
        folder.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(inner)
    result = rhas("export", data, "--format", "cvat", "--out", out, "--replace")
    assert result.exit_code == 0, result.output
    place = inner.parent if out == ".." else inner
    assert {path.name for path in place.iterdir() if path.is_file()} == {"a b.xml", "labels.json"}
    assert list(temporary.iterdir()) == []
    assert len([path for path in (tmp_path / "outer").rglob("*") if path.is_file()]) == 2


def test_a_folder_with_the_ending_of_the_format(data: Path) -> None:
    Path("labels.xml").mkdir()
    result = rhas("export", data, "--format", "cvat", "--out", "labels.xml")
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("labels.xml").iterdir()} == {"a b.xml", "labels.json"}


def test_other_classes_stop_the_import_and_a_label_map_names_them(data: Path) -> None:
    Path("a b.tsv").write_text("0\tthe man\tstrolling\n1\tthe man\tstrolling")
    words = ("import", "events", "a b.tsv", "--films", data / "raw" / "films")
    result = rhas(*words)
    assert result.exit_code == 1
    assert "unknown class" in result.output
    Path("map.csv").write_text("from,to\nstrolling,walking\n")
    assert rhas(*words, "--label-map", "map.csv").exit_code == 0
    assert [r.action for r in read_annotations(Path("data/own"))] == ["walking"]


def test_sentences_may_come_from_a_table_and_times_from_later(data: Path) -> None:
    Path("a b.tsv").write_text("10.2\t1\twalking\n11\t1\twalking\n10.3\tHans\twalking")
    Path("refs.csv").write_text("movie,person,reference\na b,0,the boy\na b,1,the man\n")
    result = rhas("import", "events", "a b.tsv", "--films", data / "raw" / "films",
                  "--references", "refs.csv", "--offset", 10, "--drop")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "person without reference" in result.output
    assert read_annotations(Path("data/own")) == [TimedAction("a b", 1, "walking", 0.2, 1.0)]


def test_nothing_is_overwritten_and_no_folder_is_guessed(data: Path) -> None:
    Path("labels").mkdir()
    Path("labels/mine.xml").write_text("x")
    words = ("export", data, "--format", "cvat", "--out", "labels")
    assert "files already" in str(rhas(*words).exception)
    assert rhas(*words, "--replace").exit_code == 0
    assert Path("labels/mine.xml").read_text() == "x"
    for form, name in (("ava", "a.csv"), ("labelstudio", "a.json"), ("cvat", "a.xml")):
        beside = {"ava": "a.pbtxt", "labelstudio": "a.xml", "cvat": "labels.json"}[form]
        place = Path(form)
        place.mkdir()
        (place / beside).write_text("mine")
        words = ("export", data, "--format", form, "--out", place / name)
        assert beside in str(rhas(*words).exception)
        assert [path.name for path in place.iterdir()] == [beside]
        assert rhas(*words, "--replace").exit_code == 0
        assert (place / beside).read_text() != "mine"
    nothing = rhas("export", "labels", "--format", "cvat", "--out", "b")
    assert isinstance(nothing.exception, RhasError)
    assert "rhas segment" in str(nothing.exception)
    unknown = rhas("export", data, "--format", "cvat", "--out", "b", "--movie", "a c")
    assert "did you mean 'a b'" in str(unknown.exception)
