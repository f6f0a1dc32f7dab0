"""Labels move what words say."""

from __future__ import annotations

import numpy as np
import torch

from rhas.methods.zero_shot import ZeroShot
from rhas.methods.zero_shot.fitting import fit_labels, read_frames

from .test_zero_shot import make_batch, make_method, score


def make_labelled(crops: np.ndarray, labels: np.ndarray) -> dict[str, torch.Tensor]:
    sample = {name: value[0] for name, value in make_batch(crops).items()}
    return {**sample, "labels": torch.tensor(labels, dtype=torch.float32)}


def fit(method: ZeroShot, crops: np.ndarray, labels: np.ndarray, known: np.ndarray) -> bool:
    sample = make_labelled(crops, labels)
    return fit_labels(method, [read_frames(method, sample, torch.tensor(known))])  # type: ignore[arg-type]


def make_scene() -> tuple[np.ndarray, np.ndarray]:
    """100 frames: one waves, then stands; the words of waving fit neither well."""
    noise = np.random.default_rng(0).normal(0, 0.1, (100, 4))
    crops = np.tile([0.3, 0.1, 0.1, 1.0], (100, 1)) + noise
    crops[50:, 1] += 0.8  # what waving looks like here
    labels = np.zeros((100, 3))
    labels[50:, 0] = 1
    return crops, labels


def test_labels_of_one_part_find_the_action_in_another() -> None:
    method = make_method(100)
    assert isinstance(method, ZeroShot)
    crops, labels = make_scene()
    before = score(method, make_batch(crops))
    assert (before[50:, 0] < 0.5).all()
    known = np.zeros(100, bool)
    known[30:70] = True
    assert fit(method, crops, labels, known)
    after = score(method, make_batch(crops))
    assert ((after[:, 0] > 0.5) == (labels[:, 0] == 1)).mean() > 0.95
    assert (after[:, 1:] < 0.5).all()


def test_frames_of_one_kind_fit_nothing() -> None:
    method = make_method(100)
    assert isinstance(method, ZeroShot)
    crops, labels = make_scene()
    before = score(method, make_batch(crops))
    only = np.zeros(100, bool)
    only[50:70] = True
    assert not fit(method, crops, labels, only)
    assert not fit(method, crops, labels, np.zeros(100, bool))
    assert (score(method, make_batch(crops)) == before).all()


def test_frames_without_the_person_are_not_read() -> None:
    method = make_method(100)
    assert isinstance(method, ZeroShot)
    crops, labels = make_scene()
    sample = make_labelled(crops, labels)
    sample["present"] = torch.zeros(100, dtype=torch.bool)
    read = read_frames(method, sample, torch.ones(100, dtype=torch.bool))  # type: ignore[arg-type]
    assert read.odds.shape == (0, 3)
    assert not fit_labels(method, [read])
    assert not fit_labels(method, [])
