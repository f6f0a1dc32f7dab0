"""The linear probe finds linear structure, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from rhas.base.errors import RhasError
from rhas.evaluate.probe import fit_probe, frame_map


def linear_data(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    truth = np.random.default_rng(0).normal(size=(8, 3))
    features = np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)
    return features, (features @ truth > 1).astype(np.float32)


def test_linear_actions_are_read_out() -> None:
    x, y = linear_data(800, 2)
    assert frame_map(fit_probe(*linear_data(1500, 1))(x), y) > 98


def test_unrelated_features_give_the_share_of_positives() -> None:
    x, y = linear_data(4000, 1)
    noise = np.random.default_rng(5).normal(size=x.shape).astype(np.float32)
    got = frame_map(fit_probe(noise[:2000], y[:2000], l2=1e-2)(noise[2000:]), y[2000:])
    assert got == pytest.approx(100 * y[2000:].mean(axis=0).mean(), abs=4)


def test_the_fit_is_the_minimum_that_scipy_finds() -> None:
    x, y = linear_data(200, 3)
    y = np.where(np.random.default_rng(1).random(y.shape) < 0.1, 1 - y, y)[:, :1]
    l2 = 1e-2
    standardised = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6)

    def loss(parameters: np.ndarray) -> float:
        z = standardised @ parameters[:-1] + parameters[-1]
        return np.mean(np.logaddexp(0, z) - y[:, 0] * z) + l2 * np.sum(parameters[:-1] ** 2)

    best = minimize(loss, np.zeros(9)).x
    got = fit_probe(x, y, l2=l2)(x)[:, 0]
    np.testing.assert_allclose(got, standardised @ best[:-1] + best[-1], atol=5e-3)


def test_a_constant_feature_and_an_absent_class_do_no_harm() -> None:
    x, y = linear_data(300, 1)
    x[:, 0], y[:, 0] = 3.0, 0.0
    assert np.isfinite(fit_probe(x, y)(x)).all()


def test_frame_map_by_hand() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0], [0.6, 0.4, 0.0]])
    labels = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]])
    first = (1 / 1 + 2 / 3) / 2  # found at ranks 1 and 3
    second = 1 / 2  # found at rank 2
    assert frame_map(scores, labels) == pytest.approx(100 * (first + second) / 2)


def test_misuse_is_refused() -> None:
    x, y = linear_data(10, 1)
    with pytest.raises(RhasError, match="do not fit"):
        fit_probe(x, y[:5])
    with pytest.raises(RhasError, match="do not fit"):
        frame_map(y, y[:, :1])
    with pytest.raises(RhasError, match="no class"):
        frame_map(y, np.zeros_like(y))
