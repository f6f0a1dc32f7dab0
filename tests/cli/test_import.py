"""``rhas import`` as a user calls it."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from films import write_film
from published import write_published
from typer.testing import CliRunner, Result

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.data.films import find_films
from rhas.data.imports import FilmsImport, ImportTarget, import_films
from rhas.data.user_folder import import_alone
from rhas.stores.features import FeatureStoreWriter
from rhas.stores.manifest import Manifest

PARAMS = "dataset: mini  # which\nsplit: random\nfps: 10\nvlm: clip\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "in").mkdir()
    write_film(tmp_path / "in" / "a.mp4", range(50), Fraction(1, 25))
    (tmp_path / "in" / "references.csv").write_text("movie,person,reference\na,0,the man\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rhas(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_films_are_brought_in(project: Path) -> None:
    lines = "movie,person,action,start_s,end_s\na,0,walking,0,1\n"
    (project / "in" / "annotations.csv").write_text(lines)
    result = rhas("import", "films", "in")
    assert result.exit_code == 0, result.output
    assert "nothing odd" in result.output
    assert "dataset was mini, is own" in result.output
    assert (project / "params.yaml").read_text().startswith("dataset: own  # which\n")
    assert (project / "data" / "own" / "annotations.csv").read_text() == (
        "movie,person,action,start_s,end_s\na,0,walking,0.000,1.000\n"
    )
    again = rhas("import", "films", "in")
    assert isinstance(again.exception, RhasError)
    assert rhas("import", "films", "in", "--replace").exit_code == 0


def test_it_stops_before_anything_is_lost(project: Path) -> None:
    lines = "movie,person,action,start_s,end_s\na,0,wlking,0,1\na,0,walking,0,1\n"
    (project / "in" / "annotations.csv").write_text(lines)
    result = rhas("import", "films", "in")
    assert result.exit_code == 1
    assert "did you mean" in result.output
    assert sorted(p.name for p in (project / "data" / "own").iterdir()) == ["import.json"]
    assert (project / "params.yaml").read_text() == PARAMS
    report = json.loads(rhas("import", "films", "in", "--json", "--drop").output)
    assert report["written"]
    assert report["counts"]["annotations"] == 1
    assert report["findings"]["unknown class"]["level"] == "drop"


def test_unknown_classes_are_told_by_name(project: Path) -> None:
    names = ["wlking"] * 3 + [f"class_{n:02d}" for n in range(20)]
    lines = "".join(f"a,0,{name},0,1\n" for name in names)
    (project / "in" / "annotations.csv").write_text("movie,person,action,start_s,end_s\n" + lines)
    shown = " ".join(rhas("import", "films", "in").output.replace("│", " ").split())
    assert "21 different ones" in shown
    assert "3 × 'wlking', did you mean 'walking'?" in shown
    assert "1 × 'class_10'" in shown
    assert "and 9 others" in shown
    assert "class_11" not in shown
    report = json.loads((project / "data" / "own" / "import.json").read_text())
    assert len(report["findings"]["unknown class"]["kinds"]) == 21


def test_what_others_write_is_one_line_and_of_bounded_length(project: Path) -> None:
    action = {"segment": [0, 1], "label": "x" * 100_000}
    film = {"references": ["the\nman\x1b[31m"], "annotations": [action]}
    Path("labels.json").write_text(json.dumps({"database": {"a": film}}))
    words = ("import", "activitynet", "labels.json", "--films", "in")
    stopped = rhas(*words)
    assert "--classes" in stopped.output
    assert len(stopped.output) < 10_000
    assert rhas(*words, "--drop").exit_code == 0
    own = project / "data" / "own"
    assert (own / "references.csv").read_text().splitlines()[1:] == ["a,0,the man [31m,"]
    assert "line break" in (own / "import.json").read_text()


def test_films_are_added(project: Path) -> None:
    own, lines = project / "data" / "own", "movie,person,action,start_s,end_s\na,0,walking,0,1\n"
    (project / "in" / "annotations.csv").write_text(lines)
    assert rhas("import", "films", "in").exit_code == 0
    before = (own / "annotations.csv").read_text().splitlines()
    shutil.copytree("in", "more")
    Path("more/a.mp4").rename("more/b.mp4")
    for name in ("references.csv", "annotations.csv"):
        Path("more", name).write_text(Path("in", name).read_text().replace("\na,", "\nb,"))
    assert "--add" in str(rhas("import", "films", "more").exception)
    (own / "films" / "c.mp4").write_bytes(b"damaged")
    assert isinstance(rhas("import", "films", "more", "--add", "--replace").exception, RhasError)
    added = rhas("import", "films", "more", "--add")
    assert added.exit_code == 0, added.output
    assert "2 films in data/own" in added.output
    assert (own / "films" / "c.mp4").is_file(), "a film without a reference"
    (own / "films" / "c.mp4").unlink()
    assert (own / "annotations.csv").read_text().splitlines()[: len(before)] == before
    assert sorted(p.name for p in (own / "films").iterdir()) == ["a.mp4", "b.mp4"]
    again = rhas("import", "films", "more", "--add")
    assert "film of a former import" in again.output
    assert len((own / "annotations.csv").read_text().splitlines()) == 2 * len(before) - 1
    (project / "words.txt").write_text("running\n")
    words = ("import", "films", "more", "--add", "--drop", "--classes", "words.txt")
    assert "no classes of the new ones" in str(rhas(*words).exception)


def test_two_imports_at_once_lose_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_slowly(folder: Path) -> dict[str, Path]:
        time.sleep(0.5)  # both have looked at the folder, if they do not wait
        return find_films(folder)

    def add(folder: str) -> bool:
        films = FilmsImport(Path(folder), Path(folder, "references.csv"), None)
        return import_films(films, target, copy=False).written

    monkeypatch.setattr("rhas.data.imports.find_films", find_slowly)
    shutil.copytree("in", "more")
    Path("more/a.mp4").rename("more/b.mp4")
    Path("more/references.csv").write_text("movie,person,reference\nb,0,the woman\n")
    own = project / "data" / "own"
    target = ImportTarget(own, "data/own", project / "params.yaml", {}, False, False, add=True)
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(add, ("in", "more"))) == [True, True]
    assert sorted(path.name for path in (own / "films").iterdir()) == ["a.mp4", "b.mp4"]
    assert len((own / "references.csv").read_text().splitlines()) == 3
    assert "import: another run is still at work" in capsys.readouterr().err
    assert not list(own.glob(".*"))


@pytest.mark.parametrize("kind", ["films", "rhas133"])
def test_an_import_waits_and_finds_what_the_one_before_has_written(
    project: Path, kind: str
) -> None:
    pickles, features = write_published(project / "theirs", {"train": 1})
    words = {"films": ("films", "in", "--out", "data"), "rhas133": ("rhas133", pickles, features)}
    with ThreadPoolExecutor() as pool, import_alone(project / "data"):
        waiting = pool.submit(rhas, "import", *words[kind])
        time.sleep(0.5)
        assert not waiting.done()
        for name in ("films/z.mp4", "raw/manifest.json"):
            (project / "data" / name).parent.mkdir()
            (project / "data" / name).write_bytes(b"")
    assert "there are data already" in str(waiting.result().exception)


def test_films_are_added_to_films_without_tables(project: Path) -> None:
    films = project / "data" / "own" / "films"
    films.mkdir(parents=True)
    shutil.copy("in/a.mp4", films / "b.mp4")
    assert rhas("import", "films", "in", "--add").exit_code == 0
    assert sorted(path.name for path in films.iterdir()) == ["a.mp4", "b.mp4"]


def test_the_last_working_frame_may_end_after_the_film(project: Path) -> None:
    """10 a second: as an export writes it."""
    table = project / "in" / "annotations.csv"
    table.write_text("movie,person,action,start_s,end_s\na,0,walking,0,2.09\n")
    assert "nothing odd" in rhas("import", "films", "in").output
    table.write_text("movie,person,action,start_s,end_s\na,0,walking,0,2.11\n")
    assert "ends after the film" in rhas("import", "films", "in", "--replace").output


def test_only_features_where_nothing_is_annotated(project: Path) -> None:
    assert "dvc repro extract" in rhas("import", "films", "in").output


def test_films_stopped_midway_leave_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise KeyboardInterrupt

    before = sorted(project.rglob("*"))
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", half)
        assert rhas("import", "films", "in", "--copy").exit_code != 0
    assert sorted(project.rglob("*")) == before
    assert rhas("import", "films", "in", "--copy").exit_code == 0


@pytest.mark.parametrize("words", [("--add",), ("--replace",)])
@pytest.mark.parametrize("table", ["references", "annotations", "review"])
def test_a_table_that_cannot_be_written_leaves_the_folder_as_it_was(
    project: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str], table: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    shutil.copytree("in", "more")
    Path("more/a.mp4").rename("more/b.mp4")
    for folder, movie in (("in", "a"), ("more", "b")):
        Path(folder, "references.csv").write_text(f"movie,person,reference\n{movie},0,the man\n")
        Path(folder, "annotations.csv").write_text(
            f"movie,person,action,start_s,end_s\n{movie},0,walking,0,1\n"
        )
    assert rhas("import", "films", "in").exit_code == 0
    own = project / "data" / "own"
    (own / "review.csv").write_text("movie,person\na,0\n")
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    with monkeypatch.context() as patched:
        patched.setattr(f"rhas.data.user_folder.write_{table}", full)
        assert rhas("import", "films", "more", *words).exit_code != 0
    assert {path: path.read_bytes() for path in own.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in own.iterdir() if path.is_dir()) == ["films"]
    assert rhas("import", "films", "more", *words).exit_code == 0


def test_films_of_before_are_removed_after_the_tables_are_in_place(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".csv":
            raise OSError(errno.EIO, "Input/output error")
        return put(path, target)

    assert rhas("import", "films", "in").exit_code == 0
    own, put = project / "data" / "own", Path.replace
    before = (own / "references.csv").read_bytes()
    Path("in/a.mp4").rename("in/b.mp4")
    Path("in/references.csv").write_text("movie,person,reference\nb,0,the man\n")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        assert rhas("import", "films", "in", "--replace").exit_code != 0
    assert (own / "references.csv").read_bytes() == before
    assert (own / "films" / "a.mp4").is_file()
    assert rhas("import", "films", "in", "--replace").exit_code == 0
    assert [path.name for path in (own / "films").iterdir()] == ["b.mp4"]


def test_films_brought_elsewhere_are_not_what_the_stages_read(project: Path) -> None:
    result = rhas("import", "films", "in", "--out", "my films")
    assert result.exit_code == 0, result.output
    assert (project / "params.yaml").read_text() == PARAMS
    assert "dvc repro" not in result.output
    assert "rhas import films 'my films'" in result.output
    (project / "data").mkdir()
    shown = rhas("import", "films", "my films", "--out", project / "data" / ".." / "data" / "own")
    assert "dataset was mini, is own" in shown.output  # the advice, and another path of data/own
    assert "dvc repro extract" in shown.output


def test_films_in_place_are_not_deleted(project: Path) -> None:
    """One without a reference, and one that cannot be read; a film of another folder gives way."""
    (project / "in" / "b.mp4").write_bytes((project / "in" / "a.mp4").read_bytes())
    with (project / "in" / "references.csv").open("a") as file:
        file.write("b,0,the woman\n")
    assert rhas("import", "films", "in").exit_code == 0
    own = project / "data" / "own"
    (project / "new.csv").write_text("movie,person,reference\na,0,the man\n")
    words = ("import", "films", "data/own", "--references", "new.csv", "--replace")
    before = {path: path.read_bytes() for path in own.rglob("*.*")}
    refused = rhas(*words)
    assert "delete films" in str(refused.exception)
    assert "b.mp4" in str(refused.exception)
    assert {path: path.read_bytes() for path in own.rglob("*.*")} == before

    (own / "films" / "b.mp4").unlink()
    (own / "films" / "b.mp4").write_bytes(b"torn")
    assert "b.mp4" in str(rhas(*words, "--drop").exception)
    assert (own / "films" / "b.mp4").read_bytes() == b"torn"
    (own / "films" / "b.mp4").rename(project / "b.mp4")
    assert rhas(*words).exit_code == 0
    assert [path.name for path in (own / "films").iterdir()] == ["a.mp4"]


def test_tables_in_place_are_kept_where_the_new_ones_differ(project: Path) -> None:
    own = project / "data" / "own"
    header = "movie,person,action,start_s,end_s\n"
    (project / "in" / "annotations.csv").write_text(header + "a,0,walking,0.000,1.000\n")
    (project / "in" / "references.csv").write_text(
        "movie,person,reference,subset\na,0,the man,train\n"
    )
    assert rhas("import", "films", "in").exit_code == 0
    words = ("import", "films", "data/own", "--replace", "--drop")
    assert "nothing odd" in rhas(*words).output
    assert sorted(path.name for path in own.glob("*.csv*")) == ["annotations.csv", "references.csv"]

    (own / "annotations.csv").write_text(header + "a,0,wlking,0,1\n")
    report = json.loads(rhas(*words, "--json").output)
    assert report["findings"]["table replaced"]["places"] == [
        "data/own/annotations.csv: kept as annotations.csv.1"
    ]
    assert (own / "annotations.csv.1").read_text() == header + "a,0,wlking,0,1\n"
    assert not (own / "annotations.csv").exists()
    (own / "annotations.csv").write_text(header + "a,0,walking,0,1\n")
    assert "kept as annotations.csv.2" in rhas(*words).output
    assert (own / "annotations.csv").read_text() == header + "a,0,walking,0.000,1.000\n"
    assert (own / "annotations.csv.1").read_text() == header + "a,0,wlking,0,1\n"
    assert (own / "annotations.csv.2").read_text() == header + "a,0,walking,0,1\n"

    (project / "in" / "annotations.csv").unlink()
    assert rhas("import", "films", "in", "--replace").exit_code == 0
    assert not (own / "annotations.csv").exists(), "not read: --replace lets it go"
    assert not (own / "annotations.csv.3").exists()


def test_ava(project: Path) -> None:
    (project / "ava.csv").write_text("a,0901,0.1,0.1,0.5,0.9,129,0\n")
    words = ("import", "ava", "ava.csv", "--films", "in", "--references", "in/references.csv")
    assert "--id-base" in str(rhas(*words).exception)
    outside = rhas(*words, "--id-base", 1)
    assert outside.exit_code == 1
    assert "interval outside the film" in outside.output
    assert rhas(*words, "--id-base", 1, "--offset", 900).exit_code == 0
    assert ",walking,0.500,1.500" in (project / "data" / "own" / "annotations.csv").read_text()
    assert "go together" in str(rhas(*words, "--times", "frames").exception)


def test_outside_a_project(project: Path) -> None:
    os.remove("params.yaml")
    assert "project's folder" in str(rhas("import", "films", "in").exception)
    assert not (project / "data").exists()
    assert rhas("import", "films", "in", "--out", "there").exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset: mini\n  fps: [\n", "the parameters cannot be read"),
        ("- 1\n", "no parameters"),
        ("{dataset: mini, fps: 10, split: random, vlm: clip}\n", "set by hand"),
        ("dataset: [mini,\n own]\nfps: [10,\n 5]\nsplit: a\nvlm: b\n", "set by hand"),
    ],
)
def test_parameters_that_cannot_be_set_stop_an_import_at_once(
    project: Path, text: str, message: str
) -> None:
    pickles, features = write_published(project / "theirs", {"train": 1})
    (project / "params.yaml").write_text(text)
    before = sorted(project.rglob("*"))
    for words in (("films", "in"), ("rhas133", pickles, features)):
        result = rhas("import", *words)
        assert isinstance(result.exception, RhasError)
        assert message in str(result.exception)
    assert sorted(project.rglob("*")) == before
    assert (project / "params.yaml").read_text() == text


def interrupted() -> None:
    raise KeyboardInterrupt


def failed() -> None:
    raise OSError


def ended() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("it goes on")


@pytest.mark.parametrize("stop", [interrupted, failed, ended])
def test_rhas133_stopped_midway_leaves_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]
) -> None:
    pickles, features = write_published(project / "theirs", {"train": 2})
    before = sorted(project.rglob("*"))
    written: list[object] = []
    write = FeatureStoreWriter.write

    def first_alone(*arguments: Any) -> None:
        if written:
            stop()
        write(*arguments)
        written.append(arguments)

    monkeypatch.setattr(FeatureStoreWriter, "write", first_alone)
    assert rhas("import", "rhas133", pickles, features).exit_code != 0
    assert sorted(project.rglob("*")) == before
    assert (project / "params.yaml").read_text() == PARAMS


def test_rhas133_stopped_by_the_audit_leaves_the_audit(project: Path) -> None:
    pickles, features = write_published(project / "theirs", {"train": 2})
    (features / "RHAS_feature_blipv2" / "1_blip_feat.npy").write_bytes(b"x")
    assert rhas("import", "rhas133", pickles, features).exit_code == 1
    assert [p.name for p in (project / "data").rglob("*")] == ["import.json"]


@pytest.mark.parametrize("place", ["data/raw", "data/features/blip2/theirs"])
def test_rhas133_does_not_delete_what_it_reads(project: Path, place: str) -> None:
    words = write_published(project / place, {"train": 1})
    before = sorted(project.rglob("*"))
    refused = rhas("import", "rhas133", *words, "--replace")
    assert "would delete what it reads" in str(refused.exception)
    assert sorted(project.rglob("*")) == before
    assert rhas("import", "rhas133", *words, "--out", "other").exit_code == 0


def test_rhas133_elsewhere(project: Path) -> None:
    pickles, features = write_published(project / "theirs", {"train": 1})
    result = rhas("import", "rhas133", pickles, features, "--out", "other")
    assert result.exit_code == 0, result.output
    assert (project / "params.yaml").read_text() == PARAMS
    assert "dvc repro" not in result.output
    assert "fps: 15, split: cross_movie, vlm: blip2" in result.output


def test_rhas133(project: Path) -> None:
    pickles, features = write_published(project / "theirs", {"train": 2, "test": 1})
    words = ("import", "rhas133", pickles, features)
    result = rhas(*words)
    assert result.exit_code == 0, result.output
    assert "--single-item chunk train evaluate" in result.output
    assert (project / "params.yaml").read_text() == (
        "dataset: mini  # which\nsplit: cross_movie\nfps: 15\nvlm: blip2\n"
    )
    assert [f.subset for f in Manifest.read(project / "data" / "raw").films] == [
        "train", "train", "test",
    ]  # fmt: skip
    assert len(list((project / "data" / "features" / "blip2").glob("*.zarr"))) == 3
    assert {"frames", "boxes", "tracks"} <= {path.name for path in (project / "data").iterdir()}
    assert "there are data already" in str(rhas(*words).exception)
    (features / "RHAS_feature_blipv2" / "1_blip_feat.npy").write_bytes(b"x")
    stopped = rhas(*words, "--replace")
    assert stopped.exit_code == 1
    assert len(list((project / "data" / "features" / "blip2").glob("*.zarr"))) == 3
    assert rhas(*words, "--replace", "--drop").exit_code == 0
    assert len(list((project / "data" / "features" / "blip2").glob("*.zarr"))) == 2

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {project / 'witness'}",)

    (pickles / "actions_train_rhas.pkl").write_bytes(pickle.dumps([Hostile()]))
    assert "refused" in str(rhas(*words, "--replace").exception)
    assert not (project / "witness").exists()
