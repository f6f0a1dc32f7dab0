"""Boxes of labelling tools from the import to the track, frame by frame."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml
from films import corners, write_film
from typer.testing import CliRunner

from rhas.base.progress import ignore_progress
from rhas.cli import app
from rhas.config.crop import CropConfig
from rhas.config.decode import DecodeConfig
from rhas.config.ground import GroundConfig
from rhas.crop.step import CROP
from rhas.data.actions import ActionInterval, FilmActions, FilmFrames, PersonActions
from rhas.data.audit import Audit
from rhas.data.formats import FORMATS
from rhas.data.formats.found import FilmCatalogue
from rhas.decode.container import inspect_film
from rhas.decode.step import DECODE
from rhas.engine.steps import FilmFiles
from rhas.ground.step import GROUND
from rhas.prepare.user_films import assemble_user_films
from rhas.stores.manifest import Manifest
from rhas.stores.tracks import FilmTracks

CONSTANT = range(50)
VARIABLE = np.cumsum([1, 1, 3, 1, 2, 1, 1, 5, 1, 1] * 4).tolist()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text("dataset: mini\nfps: 15\nground:\n  stride: 5\n")
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: object) -> str:
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def walk(frames: int, left: float, speed: float, gap: slice) -> PersonActions:
    x = left + speed * np.arange(frames) + 3 * np.sin(np.arange(frames) / 4)
    boxes = np.stack([x, np.full(frames, 8.0), x + 14, np.full(frames, 40.0)], 1)
    boxes[gap] = np.nan
    present = np.isfinite(boxes).all(1)
    return PersonActions(
        f"person at {left:g}", (ActionInterval("walking", 3, frames - 2),),
        boxes.astype(np.float32), present.astype(np.float32), present.astype(np.uint8),
    )  # fmt: skip


def run_steps(folder: Path) -> FilmTracks:
    """prepare, decode, ground and crop of data/own."""
    raw = folder / "raw"
    raw.mkdir()
    assemble_user_films(Path("data/own"), raw)
    (film,) = Manifest.read(raw).films
    drawn = raw / "boxes" / f"{film.movie}.h5"
    files = FilmFiles(film.movie, film.references, film=raw / film.file, drawn=drawn)
    configs = (DecodeConfig(), GroundConfig(backend="tracks"), CropConfig(size=16))
    for step, config in zip((DECODE, GROUND, CROP), configs, strict=True):
        out = folder / f"{step.output}.h5"
        step.make_job(files, config).run(out, ignore_progress)
        files = files.add(step.output, out)
    return FilmTracks.read(files.get_path("tracks"))


@pytest.mark.parametrize("ticks", [CONSTANT, VARIABLE])
def test_what_was_drawn_in_cvat_is_the_track_to_the_frame(project: Path, ticks: list[int]) -> None:
    still = [corners()] * len(ticks)  # without a cut
    write_film(project / "films" / "a.mp4", ticks, Fraction(1, 25), pictures=still)
    frames = FilmFrames.of_film("a", inspect_film(project / "films" / "a.mp4"), 15.0)
    people = (walk(len(frames), 2, 0.6, slice(10, 14)), walk(len(frames), 40, -0.8, slice(0, 3)))
    (labels, *_) = FORMATS["cvat"].write([FilmActions(frames, people)], project / "labels")
    shown = run("import", "cvat", "labels/a.xml", "--films", "films")
    assert "ground.backend was None, is tracks" in shown
    assert yaml.safe_load(Path("params.yaml").read_text())["ground"]["backend"] == "tracks"
    tracks = run_steps(project)
    found = FORMATS["cvat"].read(labels, FilmCatalogue({"a": frames}, Audit()))  # type: ignore[misc]
    for person, track in zip(found.persons, tracks.persons, strict=True):
        boxes = np.clip(person.boxes, 0, [64, 48, 64, 48])
        np.testing.assert_allclose(track.boxes, boxes, atol=0.05)
        assert track.source.any()


def test_boxes_survive_a_second_import_and_go_with_their_person(project: Path) -> None:
    """References in another order give other numbers."""
    write_film(project / "films" / "a.mp4", CONSTANT, Fraction(1, 25))
    (project / "refs.csv").write_text("movie,person,reference\na,3,the man\na,1,the woman\n")
    (project / "films" / "a.txt").write_text(
        "1,2,1,1,20,20,1,-1,-1,-1\n2,2,2,1,20,20,1,-1,-1,-1\n7,4,9,1,20,20,1,-1,-1,-1\n"
        "7,9,9,1,20,20,1,-1,-1,-1\n"
    )
    words = ("import", "mot", "films/a.txt", "--films", "films", "--references", "refs.csv")
    stopped = CliRunner().invoke(app, list(words))
    assert "boxes of a person without" in stopped.output
    run(*words, "--drop")
    table = Path("data/own/boxes.csv").read_text().splitlines()
    assert table[1:] == [
        "a,0,0.000000,box,1.000,1.000,21.000,21.000",
        "a,0,0.040000,box,2.000,1.000,22.000,21.000",
        "a,0,0.080000,absent,,,,",
        "a,1,0.000000,absent,,,,",
        "a,1,0.240000,box,9.000,1.000,29.000,21.000",
        "a,1,0.280000,absent,,,,",
    ]
    run("import", "films", "data/own", "--replace")
    assert Path("data/own/boxes.csv").read_text().splitlines() == table
    findings = json.loads(Path("data/own/import.json").read_text())["findings"]
    assert "two boxes of a person at one time" not in findings


def test_what_lies_outside_the_picture_is_a_finding(project: Path) -> None:
    write_film(project / "films" / "a.mp4", CONSTANT, Fraction(1, 25))
    (project / "refs.csv").write_text("movie,person,reference\na,0,the man\n")
    (project / "a.txt").write_text(
        "1,1,1,1,20,20,1,-1,-1,-1\n2,1,100,1,20,20,1,-1,-1,-1\n"
    )  # a film of 64 × 48
    words = ("import", "mot", "a.txt", "--films", "films", "--references", "refs.csv")
    assert "box outside the picture" in CliRunner().invoke(app, list(words)).output
    run(*words, "--drop")
    assert ",0.040000,absent" in Path("data/own/boxes.csv").read_text()


def test_boxes_of_ava_are_kept(project: Path) -> None:
    write_film(project / "films" / "a.mp4", range(100), Fraction(1, 25))
    (project / "refs.csv").write_text("movie,person,reference\na,0,the man\n")
    (project / "ava.csv").write_text("a,901,0.25,0.5,0.5,1,12,0\na,902,0.5,0.5,0.75,1,12,0\n")
    run("import", "ava", "ava.csv", "--films", "films", "--references", "refs.csv", "--offset",
        900, "--id-base", 1)  # fmt: skip
    assert Path("data/own/boxes.csv").read_text().splitlines()[1:] == [
        "a,0,0.500000,box,16.000,24.000,32.000,48.000",
        "a,0,1.000000,box,16.000,24.000,32.000,48.000",
        "a,0,2.000000,box,32.000,24.000,48.000,48.000",
        "a,0,2.500000,ground,,,,",
    ]


def test_an_import_without_boxes_takes_the_table_away(project: Path) -> None:
    write_film(project / "films" / "a.mp4", CONSTANT, Fraction(1, 25))
    (project / "refs.csv").write_text("movie,person,reference\na,0,the man\n")
    own = project / "data" / "own"
    own.mkdir(parents=True)
    (own / "boxes.csv").write_text("movie,person,time_s,kind,x1,y1,x2,y2\n")
    run("import", "films", "films", "--references", "refs.csv", "--replace")
    assert not (own / "boxes.csv").exists()
