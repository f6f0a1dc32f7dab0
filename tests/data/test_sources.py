"""What an export reads of the folders that the project writes."""

from __future__ import annotations

import json
import shutil
import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from factory import make_track, write_frames, write_tracks, write_truth
from films import write_film

from rhas.base.errors import RhasError
from rhas.data.actions import ActionInterval
from rhas.data.annotations import TimedAction, write_annotations
from rhas.data.sources import ExportRequest, read_films
from rhas.stores.manifest import Film, Manifest

T = 30
BOXES = np.where(np.arange(T)[:, None] < 20, [2.0, 3, 6, 8], np.nan)
TRACKS = [make_track(BOXES, reference="the man"), make_track(BOXES, reference="the woman")]
IMAGES = [np.zeros((8, 10, 3), np.uint8)] * T


def write_data(folder: Path, truth: bool = False) -> Path:
    """``data/`` of a film of 30 pictures a second at 15, which is not there itself."""
    raw = folder / "data" / "raw"
    for name in ("raw/truth", "frames", "tracks"):
        (folder / "data" / name).mkdir(parents=True)
    film = Film("m", "films/m.mp4", "0" * 64, ("the man", "the woman"))
    Manifest("own", (film,), truth).write(raw)
    write_annotations(raw, [TimedAction("m", 1, "walking", 0.4, 99.0)])
    write_frames(folder / "data" / "frames" / "m.h5", IMAGES, source_seconds=T / 15)
    write_tracks(folder / "data" / "tracks" / "m.h5", TRACKS)
    return folder / "data"


def write_segmented(folder: Path, movie: str = "m") -> Path:
    """The folder of `rhas segment`."""
    entry = folder / ".work" / "decode" / "k"
    entry.mkdir(parents=True)
    write_frames(entry / "result", IMAGES, source_seconds=T / 15)
    (entry / "entry.json").write_text(json.dumps({"name": movie, "report": {"frames": T}}))
    write_tracks(folder / "tracks.h5", TRACKS, movie=movie)
    said = [{"action": "walking", "start_frame": 3, "end_frame": 9, "score": score}
            for score in (0.75, 0.25)]  # fmt: skip
    record = {
        "film": "m.mp4",
        "fps": 15.0,
        "frame_size": [10, 8],
        "persons": [{"intervals": said}, {"intervals": []}],
    }
    (folder / "intervals.json").write_text(json.dumps(record))
    return folder


def test_the_folder_of_segment(tmp_path: Path) -> None:
    (film,) = read_films(ExportRequest(write_segmented(tmp_path), min_score=0.5))
    assert (film.film.movie, film.film.file, film.film.source_frames) == ("m", "m.mp4", 60)
    assert film.film.shown.tolist() == list(range(0, 60, 2))
    assert film.persons[0].intervals == (ActionInterval("walking", 3, 9, 0.75),)
    assert [p.reference for p in film.persons] == ["the man", "the woman"]
    assert film.persons[1].present.sum() == 20


def test_the_folder_of_segment_without_its_work(tmp_path: Path) -> None:
    folder = write_segmented(tmp_path)
    (before,) = read_films(ExportRequest(folder))
    shutil.rmtree(folder / ".work")
    pictures = [np.zeros((48, 60, 3), np.uint8)] * 60
    film = write_film(tmp_path / "m.mp4", range(60), Fraction(1, 30), pictures=pictures)
    (after,) = read_films(ExportRequest(folder, films=film))
    assert np.array_equal(after.film.shown, before.film.shown)
    assert (after.film.width, after.film.height) == (before.film.width, before.film.height)
    assert after.film.scale.tolist() == [6.0] * 4
    (tmp_path / "other").mkdir()
    other = write_film(tmp_path / "other" / "m.mp4", range(30), Fraction(1, 30))
    with pytest.raises(RhasError, match="another film than the one that was segmented"):
        read_films(ExportRequest(folder, films=other))
    with pytest.raises(RhasError, match="unknown movie 'x'"):
        read_films(ExportRequest(folder, films=film, movies=["x"]))


def test_a_film_whose_name_is_decomposed_as_macos_writes_it(tmp_path: Path) -> None:
    folder = write_segmented(tmp_path / "segmented", movie="café")
    shutil.rmtree(folder / ".work")
    pictures = [np.zeros((48, 60, 3), np.uint8)] * 60
    name = unicodedata.normalize("NFD", "café.mp4")
    path = write_film(tmp_path / name, range(60), Fraction(1, 30), pictures=pictures)
    for films in (path, tmp_path):
        (film,) = read_films(ExportRequest(folder, films=films, movies=[name[:-4]]))
        assert film.film.movie == "café"
    with pytest.raises(RhasError, match="the film is not in the folder"):
        read_films(ExportRequest(folder, films=path.rename(tmp_path / "cafe.mp4")))


def test_results_with_the_data_beside_them(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "results").mkdir()
    table = "movie,person,action,start_s,end_s,score\nm,0,walking,0.2,0.6,0.9\n"
    (tmp_path / "results" / "intervals.csv").write_text(table)
    (film,) = read_films(ExportRequest(tmp_path / "results"))
    assert film.persons[0].intervals == (ActionInterval("walking", 3, 9, 0.9),)
    assert not film.persons[1].intervals
    (tmp_path / "data").rename(tmp_path / "moved")
    with pytest.raises(RhasError, match="--data"):
        read_films(ExportRequest(tmp_path / "results"))
    assert read_films(ExportRequest(tmp_path / "results", tmp_path / "moved"))


def test_a_data_set_has_its_annotations_and_tracks(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    for source in (data, data / "raw"):
        (film,) = read_films(ExportRequest(source))
        assert film.persons[1].intervals == (ActionInterval("walking", 6, T),)
        assert np.array_equal(film.persons[0].boxes, TRACKS[0].boxes, equal_nan=True)


def test_true_boxes_go_before_tracks(tmp_path: Path) -> None:
    """At the source times of the working frames, in pixels of a working frame."""
    data = write_data(tmp_path, truth=True)
    moved = np.full((60, 2, 4), [0.0, 0, 20, 16]) + np.arange(60)[:, None, None] / 10
    write_truth(data / "raw" / "truth" / "m.h5", moved, rate=30.0, size=(100, 80))
    (film,) = read_films(ExportRequest(data))
    assert np.allclose(film.persons[0].boxes[5], [0.1, 0.1, 2.1, 1.7])


def test_a_variable_rate_needs_the_film(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    write_frames(data / "frames" / "m.h5", IMAGES, source_seconds=2.0, source_fps=20.0)
    with pytest.raises(RhasError, match="--films"):
        read_films(ExportRequest(data))


def test_what_is_gone_is_named(tmp_path: Path) -> None:
    folder = write_segmented(tmp_path)
    (folder / ".work" / "decode" / "k" / "entry.json").unlink()
    with pytest.raises(RhasError, match="frames of the film are gone"):
        read_films(ExportRequest(folder))
