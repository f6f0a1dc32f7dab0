"""benchmarks/reread.py zero-shot: similarity as scores, and what it refuses."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from factory import write_features

from rhas.base.classes import CLASS_ID, CLASSES
from rhas.base.errors import RhasError
from rhas.chunk import Samples, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.evaluate import ReadoutConfig
from rhas.data.annotations import TimedAction
from rhas.stores.features import Features
from rhas.stores.manifest import SUBSETS, Film

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
WALK, WAVE = CLASS_ID["walking"], CLASS_ID["waving"]
D = len(CLASSES)


@pytest.fixture
def reread(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("reread")


def samples(folder: Path, encoder: str) -> dict[str, Samples]:
    """A film per side of 200 frames: walking, then waving, each with its own unit feature."""
    films = [Film(side, f"films/{side}.mp4", "", ("she",), side) for side in SUBSETS]
    actions = []
    for film in films:
        crops = np.zeros((200, D), np.float16)
        crops[:100, WALK], crops[100:, WAVE] = 3, 0.5
        features = Features(crops * 0, crops, np.ones(200, bool), np.ones(D, np.float32))
        path = folder / f"{film.movie}.zarr"
        write_features(path, [features], ["she"], fps=10.0, encoder=encoder)
        actions += [
            TimedAction(film.movie, 0, "walking", 0.0, 10.0),
            TimedAction(film.movie, 0, "waving", 10.0, 20.0),
        ]
    config = ChunkConfig(
        fps=10.0,
        frame_len=200,
        split="cross_movie",
        seed=0,
        fractions=(0.8, 0.1, 0.1),
        min_frames=10,
        boundary_sigma=2.0,
    )
    (folder / "samples").mkdir()
    write_samples(films, actions, folder, config, folder / "samples")
    return {side: Samples(folder / "samples", side) for side in SUBSETS}


def test_crops_like_their_sentences_score_full(reread: ModuleType, tmp_path: Path) -> None:
    made = samples(tmp_path, "clip")
    assert reread.find_encoder(made["test"]) == "clip"
    config = ReadoutConfig(median=1, min_frames=1)
    scored = reread.score_subsets(reread.ZeroShot(torch.eye(D) * 7, 100.0), made)
    figures = reread.compute_figures(scored, config)["test"]
    assert figures["map"] == figures["acc"] == figures["interval_f1_50"] == 100


def test_scores_are_a_softmax_of_cosines_and_nothing_without_a_crop(reread: ModuleType) -> None:
    sentences = torch.tensor([[1.0, 0.0], [-2.0, 0.0], [0.0, 1.0]])
    batch = {
        "partial": torch.tensor([[[5.0, 0.0], [5.0, 0.0], [1.0, 1.0]]]),
        "present": torch.tensor([[True, False, True]]),
        "mask": torch.tensor([[True, True, True]]),
    }
    said = reread.ZeroShot(sentences, 3.0).compute_scores(batch, torch.Generator())[0].numpy()
    for frame, cosines in ((0, [1, -1, 0]), (2, [0.5**0.5, -(0.5**0.5), 0.5**0.5])):
        powers = np.exp(3 * np.array(cosines))
        np.testing.assert_allclose(said[frame], powers / powers.sum(), rtol=1e-5)
    assert not said[1].any()


def test_features_that_share_no_space_are_refused(reread: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"(?s)no sentence.*vlm=clip"):
        reread.find_encoder(samples(tmp_path, "blip2")["test"])
