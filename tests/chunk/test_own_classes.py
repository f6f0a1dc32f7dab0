"""Own classes from classes.txt to the trained method, which keeps them and refuses others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factory import FEATURES

from rhas.base.classes import CLASSES, RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.chunk import Samples, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.train import TrainConfig
from rhas.data.annotations import TimedAction, read_annotations, write_annotations
from rhas.stores.checkpoints import describe_checkpoint
from rhas.stores.classes import write_classes
from rhas.stores.features import Features, FeatureStoreWriter
from rhas.stores.manifest import Film
from rhas.stores.samples import SampleIndex
from rhas.train import SavedConfig, load_method
from rhas.train.fit import fit

WORDS = ClassList(("no", "走る", "stößt an"), "classes.txt")
MOVIES = ("a", "b", "c")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Feature stores of three films, annotated with own words."""
    rng = np.random.default_rng(0)
    rows = []
    for movie in MOVIES:
        row = rng.normal(size=(60, 4)).astype(np.float16)
        features = Features(row, row, np.ones(60, bool), np.ones(3, np.float32))
        info = replace(FEATURES, movie=movie, references=("the man",), fps=10.0, frames=60)
        FeatureStoreWriter(tmp_path / "features" / f"{movie}.zarr", 1).write([features], info)
        rows += [TimedAction(movie, 0, "走る", 0, 3), TimedAction(movie, 0, "stößt an", 2, 6)]
    write_annotations(tmp_path, rows)
    write_classes(tmp_path, WORDS)
    return tmp_path


def chunk(project: Path, classes: ClassList = WORDS) -> Path:
    films = [
        Film(movie, "", "", ("the man",), subset)
        for movie, subset in zip(MOVIES, ("train", "val", "test"), strict=True)
    ]
    config = ChunkConfig(
        fps=10.0, frame_len=60, split="cross_movie", seed=0, fractions=(0.8, 0.1, 0.1),
        min_frames=20, boundary_sigma=2.0,
    )  # fmt: skip
    out = project / "samples"
    out.mkdir(exist_ok=True)
    write_samples(films, read_annotations(project), project / "features", config, out, classes)
    return out


def train(project: Path) -> Path:
    samples = chunk(project)
    config = TrainConfig(method="linear_window", seed=0, epochs=1, preset="mini")
    subset = Samples(samples, "train")
    out = project / "model"
    fit(subset, [], config, out=out, progress=lambda *_: None, classes=subset.info.classes)
    return out


def test_samples_have_the_classes_of_the_file(project: Path) -> None:
    samples = chunk(project)
    info = SampleIndex.read(samples).info
    assert (info.C, tuple(info.classes)) == (3, WORDS.names)
    labels = Samples(samples, "train")[0]["labels"].numpy()
    assert labels.sum(0).tolist() == [0, 30, 40]
    assert list(SampleIndex.read(samples).describe()["classes"]) == ["走る", "stößt an"]


def test_a_class_of_no_list_is_an_error(project: Path) -> None:
    write_annotations(project, [TimedAction("a", 0, "walking", 0, 3)])
    with pytest.raises(RhasError, match=r"unknown action class(.|\n)*classes\.txt"):
        read_annotations(project)


def test_a_method_keeps_its_classes(project: Path) -> None:
    model = train(project)
    assert SavedConfig.read(model).class_names == WORDS.names
    assert describe_checkpoint(model)["classes"] == list(WORDS.names)
    assert load_method(model) is not None
    values = json.loads((model / "config.json").read_text("utf-8"))
    (model / "config.json").write_text(json.dumps({**values, "classes": ["one"]}))
    with pytest.raises(RhasError, match="not a name per class"):
        load_method(model)


def test_the_classes_of_rhas133_leave_the_files_as_they_were(project: Path) -> None:
    write_annotations(project, [TimedAction(movie, 0, "walking", 0, 3) for movie in MOVIES])
    (project / "classes.txt").unlink()
    info = json.loads((chunk(project, RHAS133) / "info.json").read_text())
    assert "classes" not in info
    assert SampleIndex.read(project / "samples").info.classes == CLASSES
