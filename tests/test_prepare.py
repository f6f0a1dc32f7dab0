from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from rhas.errors import RhasError
from rhas.manifest import Manifest, read_annotations
from rhas.mini import MiniConfig
from rhas.prepare import assemble_mini, assemble_own, mini_jobs, read_truth, render_film
from rhas.workcache import WorkCache, sha256


def own(folder: Path, references: str, annotations: str | None = None) -> Path:
    (folder / "films").mkdir(parents=True)
    (folder / "films" / "a b.mp4").write_bytes(b"film a")
    (folder / "films" / "ü.mkv").write_bytes(b"film u")
    (folder / "films" / "notes.txt").write_text("no film")
    (folder / "references.csv").write_text(references, "utf-8")
    if annotations is not None:
        (folder / "annotations.csv").write_text(annotations)
    return folder


REFERENCES = "movie,person,reference,subset\na b,0,the man,train\na b,1,the woman,train\nü,0,she,\n"


def test_own_films_become_a_data_set(tmp_path: Path) -> None:
    rows = "movie,person,action,start_s,end_s\na b,1,walking,0.5,2\n"
    source, out = own(tmp_path / "own", REFERENCES, rows), tmp_path / "raw"
    out.mkdir()
    assemble_own(source, out)
    manifest = Manifest.read(out)
    assert [film.movie for film in manifest.films] == ["a b", "ü"]
    assert manifest.films[0].references == ("the man", "the woman")
    assert [film.subset for film in manifest.films] == ["train", None]
    assert manifest.films[1].sha256 == sha256(source / "films" / "ü.mkv")
    assert (out / manifest.films[1].file).read_bytes() == b"film u"
    assert not manifest.truth
    assert [row.action for row in read_annotations(out)] == ["walking"]


@pytest.mark.parametrize(
    ("references", "annotations", "message"),
    [
        ("movie,person,reference\nmissing,0,x\n", None, "got: missing"),
        ("movie,person,reference\na b,1,x\n", None, "numbered 0, 1, 2"),
        ("movie,person,reference\na b,0,x\na b,0,y\n", None, "references.csv:3: a person twice"),
        ("movie,person,reference\na b,0,  \n", None, "references.csv:2: an empty reference"),
        ("movie,person\na b,0\n", None, "references.csv:2: malformed"),
        ("movie,person,reference\n", None, "no references in the table"),
        ("movie,person,reference,subset\na b,0,x,dev\n", None, "unknown subset"),
        (
            "movie,person,reference\na b,0,x\n",
            "movie,person,action,start_s,end_s\na b,1,walking,0,1\n",
            "movie a b, person 1",
        ),
    ],
)
def test_mistakes_in_own_data(
    tmp_path: Path, references: str, annotations: str | None, message: str
) -> None:
    source = own(tmp_path / "own", references, annotations)
    (tmp_path / "raw").mkdir()
    with pytest.raises(RhasError) as caught:
        assemble_own(source, tmp_path / "raw")
    assert message in str(caught.value)


def test_no_references_at_all(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"data/own/README\.md"):
        assemble_own(tmp_path, tmp_path / "raw")


def test_two_films_of_one_name(tmp_path: Path) -> None:
    source = own(tmp_path / "own", REFERENCES)
    (source / "films" / "a b.webm").write_bytes(b"")
    (tmp_path / "raw").mkdir()
    with pytest.raises(RhasError, match="two films of one name"):
        assemble_own(source, tmp_path / "raw")


def test_rendered_films_become_a_data_set(tmp_path: Path) -> None:
    config = MiniConfig(films=2, seconds_scale=0.02)
    cache, out = WorkCache(tmp_path / "work"), tmp_path / "raw"
    jobs = mini_jobs(config)
    entries = [cache.compute("prepare", j.name, render_film, j, lambda n: None) for j in jobs]
    out.mkdir()
    assemble_mini(entries, out)
    manifest = Manifest.read(out)
    assert manifest.truth
    assert [film.movie for film in manifest.films] == ["mini_00", "mini_01"]
    for film, job, entry in zip(manifest.films, jobs, entries, strict=True):
        assert sha256(out / film.file) == film.sha256
        boxes, visible, time, (width, height) = read_truth(out / "truth" / f"{film.movie}.h5")
        assert boxes.shape == (len(time), len(film.references), 4)
        assert visible.shape == boxes.shape[:2]
        assert len(time) == entry.report["source_frames"] == job.size
        assert np.nanmin(boxes) >= 0
        assert np.nanmax(boxes[..., 2]) <= width
        assert np.nanmax(boxes[..., 3]) <= height
    assert {row.movie for row in read_annotations(out)} <= {"mini_00", "mini_01"}
    report = json.loads((entries[0].folder / "entry.json").read_text())
    assert report["report"]["persons"] == len(manifest.films[0].references)
    with h5py.File(out / "truth" / "mini_00.h5") as file:
        assert file["cuts"].dtype == np.int32
