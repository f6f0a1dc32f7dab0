from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from rhas.config.ground import Policy
from rhas.ground.policies import reference_scores

LOGITS = torch.tensor([0.2, 0.8, 0.5]).logit()


@pytest.mark.parametrize(
    ("policy", "expected"), [("max", 0.8), ("mean", 0.5), ("logit_mean", 0.5), ("last", 0.5)]
)
def test_the_worked_example(policy: Policy, expected: float) -> None:
    score = reference_scores(LOGITS.reshape(1, 1, 3), ((0, 3),), policy)
    assert score.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("max", [0.9, 0.6]),
        ("mean", [0.5, 0.4]),
        # logits of 0.9 and 0.1 cancel; of 0.2 and 0.6: ln(1/4) and ln(3/2), mean ln(3/8) / 2
        ("logit_mean", [0.5, 1 / (1 + math.sqrt(8 / 3))]),
        ("last", [0.1, 0.6]),
    ],
)
def test_spans_choose_the_tokens_of_each_reference(policy: Policy, expected: list[float]) -> None:
    row = torch.tensor([0.99, 0.9, 0.1, 0.99, 0.2, 0.6, 0.99]).logit()
    logits = torch.stack([row, torch.full((7,), -math.inf)])[None]  # (1, 2, 7)
    scores = reference_scores(logits, ((1, 3), (4, 6)), policy)
    assert scores.shape == (1, 2, 2)
    assert scores[0, 0].tolist() == pytest.approx(expected, abs=1e-6)
    assert scores[0, 1].tolist() == [0.0, 0.0]


def test_half_precision_logits_give_float32_scores() -> None:
    for policy in get_args(Policy):
        assert reference_scores(LOGITS.half()[None, None], ((0, 2),), policy).dtype == torch.float32
