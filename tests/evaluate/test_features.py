"""Probes of stored features whose content is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from factory import write_features as write_feature_store

from rhas.base.classes import CLASS_ID
from rhas.base.errors import RhasError
from rhas.chunk import Samples, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.evaluate import ProbeConfig
from rhas.data.annotations import TimedAction
from rhas.evaluate.features import (
    KINDS,
    FeatureMetrics,
    ProbeRows,
    measure_features,
    read_probe_rows,
    write_features,
)
from rhas.stores.features import Features
from rhas.stores.manifest import Film

FPS, FRAMES, L = 10.0, 150, 100
ACTIONS = {  # by person: 10 frames of 150 without a label
    0: [("walking", 0.0, 7.0), ("sitting", 7.0, 14.0)],
    1: [("sitting", 1.0, 8.0), ("walking", 8.0, 15.0)],
}


def data_set(folder: Path, persons: int = 2, seed: int = 0) -> Path:
    """A train and a test film. A person's holistic features are its number, the frame, and its
    action in their first, second and third place, partial ones its action alone."""
    films = [
        Film(movie, f"{movie}.mp4", "", ("her", "him")[:persons], movie)
        for movie in ("train", "test")
    ]
    rows = []
    for film in films:
        persons = []
        for person in range(len(film.references)):
            own = [TimedAction(film.movie, person, *action) for action in ACTIONS[person]]
            rows += own
            walks = np.zeros(FRAMES, np.float16)
            for action in own:
                if action.action == "walking":
                    walks[int(action.start_s * FPS) : int(action.end_s * FPS)] = 1
            holistic = np.stack([np.full(FRAMES, person), np.arange(FRAMES), walks], 1)
            partial = np.stack([walks, 0 * walks, 0 * walks], 1)
            persons.append(
                Features(
                    holistic.astype(np.float16),
                    partial,
                    np.ones(FRAMES, bool),
                    np.ones(2, np.float32),
                )
            )
        path = folder / "features" / f"{film.movie}.zarr"
        write_feature_store(path, persons, film.references, fps=FPS)
    (folder / "samples").mkdir()
    config = ChunkConfig(
        fps=FPS,
        frame_len=L,
        split="cross_movie",
        seed=0,
        fractions=(0.8, 0.1, 0.1),
        min_frames=20,
        boundary_sigma=2.0,
    )
    write_samples(films, rows, folder / "features", config, folder / "samples")
    return folder / "samples"


def test_the_rows_are_labelled_frames_at_the_stride(tmp_path: Path) -> None:
    rows = read_probe_rows(Samples(data_set(tmp_path), "test"), 7)
    assert rows is not None
    own, other = rows.features["holistic"], rows.features["holistic_other_reference"]
    wanted = [(0, f) for f in range(0, 140, 7)] + [(1, f) for f in range(14, 150, 7)]
    assert own[:, :2].tolist() == [list(pair) for pair in wanted]
    assert other[:, :2].tolist() == [[1 - person, frame] for person, frame in wanted]
    mean = rows.features["holistic_without_reference"]
    np.testing.assert_allclose(mean, (own + other) / 2)
    walks = rows.labels[:, CLASS_ID["walking"]]
    assert rows.labels.sum() == len(wanted)
    assert rows.features["partial"][:, 0].tolist() == walks.tolist()


def test_what_features_know_is_what_their_probe_says(tmp_path: Path) -> None:
    """The two do opposite things, except at the ends: the other's features tell nearly as much,
    the mean of both nothing."""
    folder = data_set(tmp_path)
    write_features(
        Samples(folder, "train"), Samples(folder, "test"), ProbeConfig(stride=1), tmp_path
    )
    found = json.loads((tmp_path / "features.json").read_text())
    assert found.keys() == {*KINDS, "chance", "classes", "train_frames", "test_frames"}
    assert (found["train_frames"], found["test_frames"], found["classes"]) == (280, 280, 2)
    assert found["partial"] == found["holistic"] == 100
    assert found["chance"] == 50  # either class in half of the frames
    assert found["holistic_without_reference"] < 80
    assert found["holistic_without_reference"] < found["holistic_other_reference"] < 100


def test_a_film_of_one_reference_has_no_other(tmp_path: Path) -> None:
    samples = Samples(data_set(tmp_path, persons=1), "test")
    assert read_probe_rows(samples, 1) is None
    nothing = measure_features(None, None, 0.01)
    assert nothing == FeatureMetrics(train_frames=0, test_frames=0)
    nothing.write(tmp_path)
    assert json.loads((tmp_path / "features.json").read_text()) == {
        **dict.fromkeys((*KINDS, "chance")), "train_frames": 0, "test_frames": 0
    }  # fmt: skip


def test_a_class_that_train_lacks_is_in_the_mean() -> None:
    x = np.array([[0.0], [1.0], [0.0], [1.0]], np.float32)
    train = ProbeRows(dict.fromkeys(KINDS, x), np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool))
    test = ProbeRows(dict.fromkeys(KINDS, x), np.array([[1, 0], [0, 1], [1, 0], [0, 1]], bool))
    found = measure_features(train, test, 0.01)
    assert found.holistic == 100 * (1 + 0.5) / 2  # found at once; equal scores, half are true


@pytest.mark.parametrize("wrong", [{"stride": 0}, {"l2": -1.0}])
def test_parameters_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(RhasError, match=f"probe.{next(iter(wrong))}"):
        ProbeConfig(**wrong)
