"""Stores of strangers: nothing outside of them is read, and no memory is taken for what they
declare. Whatever is wrong is a `RhasError`, in stages as in `rhas inspect`."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from damage import edit_hdf5
from datafolder import write_data
from factory import make_track, write_features, write_frames, write_scores, write_tracks
from PIL import Image
from typer.testing import CliRunner

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.cli import app
from rhas.config.params import read_yaml
from rhas.data.labels import read_label_map
from rhas.pipeline.features import _open_films
from rhas.stores.checkpoints import read_header
from rhas.stores.features import Features, FeatureStore
from rhas.stores.frames import open_frames
from rhas.stores.samples import SampleIndex
from rhas.stores.scores import read_person_scores
from rhas.stores.tracks import open_tracks

BOX = [[1, 1, 5, 5]] * 3


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "m.h5", [np.zeros((16, 16, 3), np.uint8)] * 3)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    values = np.ones((3, 4), np.float16)
    person = Features(values, values, np.ones(3, np.bool_), np.ones(2, np.float32))
    return write_features(tmp_path / "m.zarr", [person])


def read_frame(path: Path) -> None:
    with open_frames(path) as store:
        store.read_window(0, 1)


def inspect_always(path: Path, tmp_path: Path) -> None:
    """Every way of looking ends in a message."""
    for options in ([], ["--verify"], ["--window", "0:2"], ["--plot", str(tmp_path / "p.png")]):
        result = CliRunner().invoke(app, ["inspect", str(path), *options])
        assert result.exception is None or isinstance(result.exception, RhasError | SystemExit)


def link_outside(file: h5py.File) -> None:
    del file["time"]
    file["time"] = h5py.ExternalLink("other.h5", "/time")


def link_inside(file: h5py.File) -> None:
    del file["time"]
    file["time"] = h5py.SoftLink("/offsets")


def store_outside(file: h5py.File) -> None:
    del file["time"]
    file.create_dataset("time", (3,), np.float64, external=[("/dev/zero", 0, 24)])


def make_virtual(file: h5py.File) -> None:
    del file["time"]
    layout = h5py.VirtualLayout((3,), np.float64)
    layout[:] = h5py.VirtualSource("other.h5", "time", (3,))
    file.create_virtual_dataset("time", layout)


def declare_huge(file: h5py.File) -> None:
    del file["time"]
    file.create_dataset("time", (10**13,), np.float64, chunks=(1000,))


def make_group(file: h5py.File) -> None:
    del file["time"]
    file.create_group("time")


def make_text(file: h5py.File) -> None:
    del file["time"]
    file.create_dataset("time", data=["a", "b", "c"], dtype=h5py.string_dtype())


def go_back(file: h5py.File) -> None:
    file["offsets"][...] = [-5, 3, 4, 5]


def go_beyond(file: h5py.File) -> None:
    file["offsets"][3] = 10**12


def forget(file: h5py.File) -> None:
    del file.attrs["fps"]


def mistype(file: h5py.File) -> None:
    file.attrs["height"] = np.nan


@pytest.mark.parametrize(
    "damage",
    [link_outside, link_inside, store_outside, make_virtual, declare_huge, make_group, make_text,
     go_back, go_beyond, forget, mistype],
)  # fmt: skip
def test_hdf5(frames: Path, tmp_path: Path, damage: Callable[[h5py.File], None]) -> None:
    with edit_hdf5(frames) as file:
        damage(file)
    with pytest.raises(RhasError):
        read_frame(frames)
    inspect_always(frames, tmp_path)


def test_a_dataset_where_a_persons_group_should_be(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "t.h5", [make_track(BOX)])
    with edit_hdf5(path) as file:
        del file["person_000"]
        file["person_000"] = np.zeros(3)
    with pytest.raises(RhasError, match="a dataset where a person's group"), open_tracks(path):
        pass
    inspect_always(path, tmp_path)


def test_a_picture_of_30000_squared(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = (30_000).to_bytes(2, "big") * 2
    path = write_frames(tmp_path / "m.h5", [bytes(data)])
    with pytest.raises(RhasError, match="cannot be decoded"):
        read_frame(path)
    inspect_always(path, tmp_path)


def test_an_image_of_another_size_than_the_films(frames: Path) -> None:
    with edit_hdf5(frames) as file:
        file.attrs["height"] = int(file.attrs["height"]) + 2
    with pytest.raises(RhasError, match=r"frame 0: an image of another size than the film's"):
        read_frame(frames)


@pytest.mark.parametrize(
    "facts",
    [{"height": 10**6}, {"width": 10**9, "height": 10**9}, {"width": -8}, {"fps": 0.0},
     {"fps": float("nan")}, {"fps": 1e9}],
)  # fmt: skip
def test_frames_of_a_size_or_rate_beyond_reason(frames: Path, tmp_path: Path, facts: dict) -> None:
    """A sheet or a window of them would take more memory than there is."""
    with edit_hdf5(frames) as file:
        file.attrs.update(facts)
    with pytest.raises(RhasError, match="of a size or rate beyond reason"):
        read_frame(frames)
    inspect_always(frames, tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [("info.json", "[" * 100_000), ("info.json", "{}"), ("index.csv", "sample\ns"),
     ("intervals.csv", "movie,person,class_id,start,stop\nm,0,x,1,2")],
)  # fmt: skip
def test_samples(tmp_path: Path, name: str, text: str) -> None:
    folder = write_data(tmp_path) / "samples"
    SampleIndex.read(folder)
    (folder / name).write_text(text)
    with pytest.raises(RhasError):
        SampleIndex.read(folder)


CHANGES = [
    {"shape": [1, 10**12, 4]}, {"shape": [1, -1, 4]}, {"shape": []}, {"data_type": "string"},
    {"data_type": "float128"}, {"codecs": [{"name": "unknown"}]}, {"codecs": []},
    {"chunk_grid": {}}, {"node_type": "group"}, {"zarr_format": 2}, {"fill_value": "x"},
    {"shape": "many"}, {"attributes": 3},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("array", ["holistic", "present", "text"])
def test_metadata_of_zarr(features: Path, tmp_path: Path, change: dict, array: str) -> None:
    file = features / array / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    try:
        FeatureStore(features).read_window(0)
    except RhasError:
        pass
    else:
        assert change == {"attributes": 3} or "fill_value" in change
    if array == "holistic":
        inspect_always(features, tmp_path)


@pytest.mark.parametrize("change", CHANGES[:4], ids=str)
def test_metadata_of_scores(tmp_path: Path, change: dict) -> None:
    path = write_scores(tmp_path / "scores.zarr", [np.zeros((3, 137))], ["a"])
    file = path / "person_000" / "scores" / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(RhasError):
        read_person_scores(path)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, link_endless, Path.mkdir])
def test_what_has_no_end_is_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "x.h5"
    make(path)
    for read in (hash_file, read_yaml, read_header, read_frame, lambda p: read_label_map(p, None)):
        with pytest.raises(RhasError, match="not a file"):
            read(path)


@pytest.mark.parametrize("make", [make_pipe, link_endless])
def test_such_a_film_stops_no_other(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "bad.mp4")
    (tmp_path / "good.mp4").write_bytes(b"film")
    movies, failures = _open_films([tmp_path / "bad.mp4", tmp_path / "good.mp4"])
    assert list(movies) == ["good"]
    assert "not a file" in str(failures["bad"])


@pytest.mark.parametrize("make", [make_pipe, link_endless])
@pytest.mark.parametrize("name", ["zarr.json", "holistic/zarr.json", "holistic/c.0.0.0"])
def test_a_zarr_store_with_such_a_file(
    features: Path, make: Callable[[Path], None], name: str
) -> None:
    file = features / name
    file.unlink()
    make(file)
    with pytest.raises(RhasError, match="not a file"):
        FeatureStore(features).read_window(0)
