"""Stores of strangers: read as the stages do, and by `rhas inspect` in each of its ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from datafolder import MOVIE, write_data, write_scores
from factory import write_truth
from fuzz.target import Kind
from typer.testing import CliRunner

from rhas.base.files import hash_file
from rhas.cli import app
from rhas.config.train import TrainConfig
from rhas.data.annotations import read_annotations
from rhas.methods import Dims, build_method, make_config
from rhas.stores.boxes import FilmBoxes
from rhas.stores.checksums import write_checksums
from rhas.stores.features import FeatureStore
from rhas.stores.frames import open_frames
from rhas.stores.manifest import Manifest
from rhas.stores.samples import SampleIndex
from rhas.stores.scores import (
    SampleScores,
    read_person_scores,
    read_sample_scores,
    write_sample_scores,
)
from rhas.stores.tracks import open_tracks
from rhas.stores.truth import TrueBoxes
from rhas.train import load_method
from rhas.train.saved import save_method

_INSPECT = (["--json"], ["--verify"], ["--window", "0:6"], ["--window", "0:6", "--json"])
_PLOT = len(_INSPECT) + 1


def write_hdf5(folder: Path) -> None:
    data = write_data(folder)
    for path in sorted(data.rglob("*.h5")):
        path.rename(folder / f"{path.parent.name}.h5")
    for path in sorted(data.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    data.rmdir()
    write_truth(folder / "truth.h5", np.tile([1.0, 2, 30, 40], (8, 2, 1)), cuts=[3])


def write_zarr(folder: Path) -> None:
    data = write_data(folder)
    for name in ("frames", "boxes", "tracks"):
        (data / name / f"{MOVIE}.h5").unlink()
    write_scores(folder / "scores.zarr")
    values = np.full((6, 4), 0.5, np.float16)
    samples = [SampleScores(f"m_{n}", "m", n, 0, 6, values) for n in range(2)]
    write_sample_scores({"val": samples}, folder / "results.zarr")
    config = TrainConfig(method="linear", seed=0)
    torch.manual_seed(0)
    dims = Dims(D=4, D_text=2, C=3, L=10)
    method = build_method("linear", make_config("linear", "mini"), dims)
    save_method(method, config, dims, folder / "model")
    (folder / "model" / "report.json").write_text('{"last": {"train/loss": 0.5}}')
    digests = {f"data/samples/{p.name}": hash_file(p) for p in (data / "samples").iterdir()}
    write_checksums(folder, digests)


def read_hdf5(folder: Path, path: Path, way: int) -> None:
    if way == 0 or path.stem == "truth":
        _READERS[path.stem](path)
    else:
        inspect_store(path, way, folder)


def read_zarr(folder: Path, path: Path, way: int) -> None:
    inside = path.relative_to(folder).parts
    store = folder / inside[0]
    if inside[0] == "data":
        store = folder / "data" / "features" / "blip2" / f"{MOVIE}.zarr"
        if inside[1] == "samples":
            store = folder / "data" / "samples"
    if path.name == "SHA256SUMS":
        store = folder / "data" / "samples"
    if inside[1:2] == ("raw",) and way == 0:
        Manifest.read(path.parent) if path.suffix == ".json" else read_annotations(path.parent)
    elif way == 0 or inside[0] == "results.zarr":
        _READERS[store.name](store)
    else:
        inspect_store(store, way, folder)


def inspect_store(path: Path, way: int, folder: Path) -> None:
    """`rhas inspect`; an error of the command is raised."""
    plot = ["--plot", str(folder.with_name("plot.png"))]
    options = plot if way == _PLOT else _INSPECT[way - 1]
    result = CliRunner().invoke(app, ["inspect", str(path), *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception


def _read_frames(path: Path) -> None:
    with open_frames(path) as store:
        store.read_window(0, min(len(store), 3))


def _read_tracks(path: Path) -> None:
    with open_tracks(path) as store:
        [crops[0] for crops in store.crops]


def _read_features(path: Path) -> None:
    store = FeatureStore(path)
    store.read_info()
    store.read_widths()
    for person in range(store.count_persons()):
        store.read_window(person)


_READERS: dict[str, Callable[[Path], object]] = {
    "frames": _read_frames,
    "boxes": FilmBoxes.read,
    "tracks": _read_tracks,
    "truth": TrueBoxes.read,
    f"{MOVIE}.zarr": _read_features,
    "samples": SampleIndex.read,
    "scores.zarr": read_person_scores,
    "results.zarr": lambda path: list(read_sample_scores(path, "val")),
    "model": load_method,
}

HDF5 = Kind("hdf5", write_hdf5, read_hdf5, ways=_PLOT + 1, seconds=30, examples=60)
ZARR = Kind("zarr", write_zarr, read_zarr, ways=_PLOT + 1, seconds=30, examples=60)
