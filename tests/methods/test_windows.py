"""Window statistics against loops over frames, logistic regressions against SciPy's minimum."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.methods import make_config
from rhas.methods.layers import logistic
from rhas.methods.layers.logistic import LogisticRegression
from rhas.methods.layers.windows import WindowConfig, window_statistics


def loop_statistics(x: np.ndarray, exists: np.ndarray, config: WindowConfig) -> np.ndarray:
    """The same of one row (L, W), frame by frame."""
    length, width = x.shape
    half, size = config.window // 2, config.window // config.means
    rows = []
    for begin in range(0, length, config.stride):
        centre = begin + config.stride // 2
        channels = []
        for part in range(config.means):
            first = centre - half + part * size
            seen = [t for t in range(first, first + size) if 0 <= t < length and exists[t]]
            channels.append(x[seen].mean(0) if seen else np.zeros(width))
        window = [t for t in range(centre - half, centre + half + 1) if 0 <= t < length]
        for band in config.bands:
            taper = np.sin(math.pi * (np.arange(2 * half + 1) + 1) / (2 * half + 2)) ** 2
            offsets = np.arange(-half, half + 1)
            wave = taper * np.exp(2j * math.pi * band * offsets)
            wave = (wave - taper * wave.sum() / taper.sum()) / taper.sum()
            found = np.zeros(width, complex)
            for t in window:
                found += wave[t - centre + half] * x[t] * exists[t]
            power = 0.5 * np.log(np.abs(found) ** 2 + 1e-4)
            channels.append(power if any(exists[t] for t in window) else np.zeros(width))
        rows.append(np.concatenate(channels))
    return np.stack(rows)


@pytest.mark.parametrize("stride", [1, 3, 5])
@pytest.mark.parametrize(("length", "window", "means"), [(40, 12, 3), (41, 7, 2), (3, 30, 3)])
def test_statistics_are_those_of_a_loop(stride: int, length: int, window: int, means: int) -> None:
    rng = np.random.default_rng(0)
    x, exists = rng.normal(size=(2, length, 4)), rng.random((2, length)) > 0.4
    exists[1, : length // 2] = False
    config = WindowConfig(stride=stride, window=window, means=means, bands=(0.1, 0.5))
    found = window_statistics(torch.tensor(x), torch.tensor(exists), config).numpy()
    expected = np.stack([loop_statistics(*row, config) for row in zip(x, exists, strict=True)])
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_band_sees_its_own_frequency() -> None:
    """Also one that means over the stride would hide: 3 Hz in steps of a third of a second."""
    config = WindowConfig(stride=5)
    t = torch.arange(300)[None, :, None]
    for row, band in enumerate(config.bands):
        wave = torch.sin(2 * math.pi * band * t + 1)
        powers = window_statistics(wave, torch.ones(1, 300, dtype=torch.bool), config)
        assert (powers[0, 5:-5, config.means :].argmax(-1) == row).all()


@pytest.mark.parametrize(
    ("field", "value"), [("window", 2), ("means", 0), ("bands", [0.6]), ("l2", 0)]
)
def test_fields_out_of_range_are_named(field: str, value: object) -> None:
    with pytest.raises(RhasError, match=f"method linear_window, {field}"):
        make_config("linear_window", "mini", {field: value})


def draw_rows(seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(5, 3))
    blocks = []
    for n in (60, 1, 40):
        x = rng.normal(size=(n, 5)) * [1, 2, 30, 1, 1] + [0, 0, 100, 0, 0]
        y = (x * [1, 1, 0.01, 1, 1]) @ weight + rng.normal(size=(n, 3)) > 0
        y[:, 1] = False
        blocks.append((torch.tensor(x).float(), torch.tensor(y).float()))
    return blocks


def test_the_regression_is_at_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, l2 = draw_rows(), 0.02
    model = LogisticRegression(5, 3)
    model.fit(lambda: blocks, l2)
    x, y = (torch.cat(part).double().numpy() for part in zip(*blocks, strict=True))
    x = (x - x.mean(0)) / x.std(0)

    def loss(flat: np.ndarray, target: np.ndarray) -> float:
        logits = x @ flat[:5] + flat[5]
        return float(
            np.logaddexp(0, logits).mean() - (logits * target).mean() + l2 * (flat[:5] @ flat[:5])
        )

    for label in (0, 2):
        best = minimize(loss, np.zeros(6), args=(y[:, label],), tol=1e-10).x
        np.testing.assert_allclose(model.weight[:, label], best[:5], atol=2e-3)
        np.testing.assert_allclose(model.bias[label], best[5], atol=2e-3)
    assert model.weight[:, 1].abs().max() == 0
    assert model(blocks[0][0])[:, 1].sigmoid().max() < 1e-3
    again = LogisticRegression(5, 3)
    monkeypatch.setattr(logistic, "_CACHE_BYTES", 10)  # blocks are made anew in each iteration
    again.fit(lambda: iter(draw_rows()), l2)
    assert torch.equal(model.weight, again.weight)
