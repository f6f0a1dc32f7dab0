"""``rhas.metrics.evaluate``: metrics from arrays."""

from __future__ import annotations

import doctest
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

import rhas.metrics.evaluation
from rhas.base.errors import RhasError
from rhas.config.evaluate import ReadoutConfig
from rhas.metrics import evaluate, evaluate_predictions, make_prediction

TRUTH = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
SCORES = np.array([[0.9, 0.1], [0.8, 0.3], [0.6, 0.4], [0.1, 0.7]])


def test_the_example() -> None:
    done = doctest.testmod(rhas.metrics.evaluation)
    assert (done.failed, done.attempted > 3) == (0, True)


def test_it_is_what_the_stage_computes() -> None:
    rng = np.random.default_rng(0)
    truths = [rng.random((n, 3)) > 0.6 for n in (40, 25)]
    scores = [rng.random(truth.shape) for truth in truths]
    config, thresholds = ReadoutConfig(median=3, min_frames=2), np.array([0.4, 0.5, 0.6])
    found = evaluate(truths, scores, thresholds=thresholds, config=config)
    expected = [make_prediction(score, thresholds, config) for score in scores]
    assert asdict(found.metrics) == asdict(evaluate_predictions(truths, expected).metrics)


def test_a_sample_may_be_lists_of_numbers() -> None:
    one = evaluate(TRUTH, SCORES).metrics
    assert evaluate(TRUTH.tolist(), SCORES.tolist()).metrics == one
    assert evaluate([TRUTH], [SCORES.tolist()]).metrics == one
    assert evaluate([TRUTH] * 2, [SCORES] * 2).metrics.acc == one.acc


@pytest.mark.parametrize(
    ("truth", "scores", "thresholds", "message"),
    [
        ([], [], 0.5, "one score array per truth array"),
        ([TRUTH], [SCORES, SCORES], 0.5, "expected: 1 score arrays\n  got: 2"),
        (TRUTH, SCORES[:3], 0.5, r"sample 0.*\n.*\n  got: truth \(4, 2\), scores \(3, 2\)"),
        ([TRUTH, TRUTH[:, :1]], [SCORES, SCORES[:, :1]], 0.5, "sample 1: .*different shapes"),
        (TRUTH[0], SCORES[0], 0.5, r"truth of a wrong shape.*\n.*\n  got: int64 \(2,\)"),
        (TRUTH[:0], SCORES[:0], 0.5, "at least one each"),
        (TRUTH.astype(str), SCORES, 0.5, "truth of a wrong shape or type"),
        (TRUTH, SCORES * 5 - 1, 0.5, "scores, sample 0: not probabilities(.|\n)*sigmoid"),
        (TRUTH, np.where(SCORES == 0.9, np.nan, SCORES), 0.5, "1 not finite"),
        (TRUTH, SCORES, [0.5] * 3, r"expected: one number, or \(2,\)"),
        (TRUTH, SCORES, 1.5, "thresholds: not probabilities"),
    ],
)
def test_wrong_arrays(truth: object, scores: object, thresholds: object, message: str) -> None:
    with pytest.raises(RhasError, match=message):
        evaluate(truth, scores, thresholds=thresholds)


def test_it_needs_no_torch() -> None:
    code = (
        "import sys, numpy as np, rhas.metrics\n"
        "rhas.metrics.evaluate(np.eye(3), np.eye(3))\n"
        "assert not {'torch', 'h5py', 'zarr', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
