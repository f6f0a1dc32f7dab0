"""Sentences about classes against features, and the chain that reads their evidence over time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from rhas.base.errors import RhasError
from rhas.methods import ClassText, Dims, Method, build_method, make_config
from rhas.methods.layers.chain import smooth_evidence

WORDS = {"wave": [1.0, 0, 0, 0], "walk": [0, 1.0, 0, 0], "sit": [0, 0, 1.0, 0]}
CLASSES = tuple(WORDS)


def embed(sentences: Sequence[str]) -> np.ndarray:
    """Of a sentence's last word; others are about nobody's action."""
    return np.array([WORDS.get(text.split()[-1], [0, 0, 0, 1.0]) for text in sentences], np.float32)


def make_method(length: int, **overrides: object) -> Method:
    config = make_config("zero_shot", "paper", {"window": 1, **overrides})
    method = build_method("zero_shot", config, Dims(D=4, D_text=4, C=3, L=length))
    method.fit_text(ClassText([[name] for name in CLASSES], embed, 20.0))
    return method


def make_batch(crops: np.ndarray) -> dict[str, torch.Tensor]:
    length = len(crops)
    partial = torch.tensor(crops, dtype=torch.float32)[None]
    return {
        "holistic": torch.zeros_like(partial),
        "partial": partial,
        "present": torch.ones(1, length, dtype=torch.bool),
        "mask": torch.ones(1, length, dtype=torch.bool),
        "text": torch.zeros(1, 4),
    }


def score(method: Method, batch: dict[str, torch.Tensor]) -> np.ndarray:
    return method.compute_scores(batch, torch.Generator())[0].numpy()  # type: ignore[arg-type]


def test_the_chain_is_the_posterior_over_all_paths() -> None:
    evidence = np.random.default_rng(0).normal(size=8) * 2
    duration, share = 4.0, 0.2
    leave, enter = 1 / duration, share / duration / (1 - share)
    moves = {(1, 1): 1 - leave, (1, 0): leave, (0, 1): enter, (0, 0): 1 - enter}
    total, on = 0.0, np.zeros(8)
    for path in itertools.product([0, 1], repeat=8):
        weight = share if path[0] else 1 - share
        weight *= np.prod([moves[step] for step in itertools.pairwise(path)])
        weight *= np.exp(evidence @ np.array(path))
        total, on = total + weight, on + weight * np.array(path)
    found = smooth_evidence(torch.tensor(evidence)[None, :, None], duration, share)
    np.testing.assert_allclose(found[0, :, 0], on / total, rtol=1e-10)


def test_without_evidence_the_chain_says_the_share() -> None:
    found = smooth_evidence(torch.zeros(2, 50, 3), 10.0, 0.3)
    torch.testing.assert_close(found, torch.full_like(found, 0.3))


def test_extreme_evidence_stays_finite() -> None:
    found = smooth_evidence(torch.tensor([1e6, -1e6, 1e6, -1e6])[None, :, None], 45.0, 0.05)
    assert found[0, :, 0].round().tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("stride", [1, 5])
def test_crops_like_a_sentence_have_its_class(stride: int) -> None:
    crops = np.zeros((100, 4))
    crops[:50] = [3, 0, 0, 1]  # waves
    crops[50:] = [0, 0.2, 0.2, 0.1]  # walks and sits
    found = score(make_method(100, stride=stride, margin=0.0, weight=1.0), make_batch(crops)) > 0.5
    assert (found[:50] == [True, False, False]).all()
    assert (found[50:] == [False, True, True]).all()


def test_nobody_does_anything_where_only_the_rivals_fit() -> None:
    found = score(make_method(100), make_batch(np.tile([0.0, 0, 0, 2], (100, 1))))
    assert (found < 0.05).all()


def test_a_flicker_is_no_action() -> None:
    crops = np.tile([0.0, 0, 0, 1], (100, 1))
    crops[40] = [1, 0, 0, 0]
    assert (score(make_method(100), make_batch(crops)) < 0.5).all()


def test_frames_without_the_person_score_zero() -> None:
    batch = make_batch(np.tile([1.0, 0, 0, 0], (60, 1)))
    batch["present"][:, 20:40] = False
    found = score(make_method(60), batch)
    assert (found[20:40] == 0).all()
    assert (found[[0, 59], 0] > 0.5).all()


def test_phrasings_are_averaged() -> None:
    method = build_method("zero_shot", "paper", Dims(D=4, D_text=4, C=1, L=30))
    method.fit_text(ClassText([["wave", "walk"]], embed, 20.0))
    sentence = method.state_dict()["reader.sentences"][0]
    torch.testing.assert_close(sentence, torch.tensor([0.5**0.5, 0.5**0.5, 0, 0]))


def test_sentences_that_do_not_fit_are_refused() -> None:
    method = build_method("zero_shot", "paper", Dims(D=4, D_text=4, C=3, L=30))
    with pytest.raises(RhasError, match=r"(?s)number of classes.*3 classes.*1"):
        method.fit_text(ClassText([["wave"]], embed, 20.0))
    method = build_method("zero_shot", "paper", Dims(D=5, D_text=4, C=3, L=30))
    with pytest.raises(RhasError, match=r"(?s)share a space.*5 values.*4"):
        method.fit_text(ClassText([[name] for name in CLASSES], embed, 20.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"templates": []}, {"templates": ["walking"]}, {"rivals": []}, {"weight": 0.0},
        {"sharpness": 0.0},
        {"share": 0.0}, {"share": 0.9}, {"duration": 5.0, "stride": 5}, {"window": 0},
        {"standardise": True},
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RhasError, match=f"zero_shot, {next(iter(wrong))}"):
        make_config("zero_shot", "paper", wrong)
