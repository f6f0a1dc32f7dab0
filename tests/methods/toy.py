"""Small samples whose labels stand in the partial features, under noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rhas.chunk import make_boundary
from rhas.config.train import TrainConfig
from rhas.methods import ClassText, Method

C = 137
OCCURRING = np.array([3, 10, 11, 40, 77, 90, 120, 136])
SMALL_HOPADIFF = {
    "encoder_layers": 2,
    "encoder_maps": 8,
    "feature_layers": [0, 1],
    "decoder_layers": 2,
    "decoder_maps": 8,
    "time_width": 8,
    "spectrum_width": 6,
    "xlstm_heads": 2,
    "xlstm_chunk": 8,
    "sampling_steps": 4,
    "stride": 3,
}


def toy_samples(
    count: int, *, L: int = 400, D: int = 24, noise: float = 1.0, seed: int = 0
) -> list[dict[str, Tensor]]:
    """Rows of the batch of DESIGN.md with 8 of 137 classes in segments, some two at a time.

    The partial stream is a sum of class vectors under noise; the holistic one shows two persons,
    and not which of them is meant. The class vectors do not depend on ``seed``.
    """
    vectors = np.random.default_rng(1234).normal(size=(C, D))
    rng = np.random.default_rng(seed)
    return [_sample(rng, vectors, L, noise) for _ in range(count)]


def toy_text(D: int = 24) -> ClassText:
    """The class vectors of `toy_samples` as sentences, and what is orthogonal to no class."""
    vectors = np.random.default_rng(1234).normal(size=(C, D)).astype(np.float32)
    known = {str(number): vector for number, vector in enumerate(vectors)}

    def embed(sentences: Sequence[str]) -> np.ndarray:
        rest = vectors.mean(0)
        return np.stack([known.get(text.split()[-1], rest) for text in sentences])

    return ClassText([[str(number)] for number in range(C)], embed, 20.0)


def toy_training(method: str, **overrides: object) -> TrainConfig:
    """Enough for ten toy samples: twelve epochs, validated at the end alone."""
    return TrainConfig(
        method=method,
        overrides={method: overrides},
        seed=0,
        epochs=12,
        batch_size=2,
        threads=1,
        learning_rate=4e-3,
        warmup=5,
        validate_every=99,
    )


def score_batch(method: Method, batch: dict[str, Tensor], seed: int = 5) -> Tensor:
    return method.compute_scores(batch, torch.Generator().manual_seed(seed))


def draw_losses(method: Method, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    torch.manual_seed(3)
    return method.compute_losses(batch)


def _sample(
    rng: np.random.Generator, vectors: np.ndarray, L: int, noise: float
) -> dict[str, Tensor]:
    length = int(rng.integers(L * 2 // 3, L + 1))
    own, other = _labels(rng, length), _labels(rng, length)
    D = vectors.shape[1]
    present = np.ones(length, bool)
    gap = int(rng.integers(0, length - 20))
    present[gap : gap + 20] = False
    partial = (own @ vectors + noise * rng.normal(size=(length, D))) * present[:, None]
    holistic = (own + other) @ vectors + noise * rng.normal(size=(length, D))
    rows = {
        "holistic": holistic.astype(np.float32),
        "partial": partial.astype(np.float32),
        "present": present,
        "mask": np.ones(length, bool),
        "labels": own.astype(np.float32),
        "boundary": make_boundary(own, 4.0),
    }
    rows |= {f"{name}_tokens": _tokens(rows[name]) for name in ("holistic", "partial")}
    padded = {
        key: torch.from_numpy(np.pad(value, [(0, L - length)] + [(0, 0)] * (value.ndim - 1)))
        for key, value in rows.items()
    }
    return {**padded, "text": torch.zeros(8)}


def _tokens(features: np.ndarray) -> np.ndarray:
    """Three query tokens whose mean is the feature, float16 (n, 3, D)."""
    apart = np.roll(features, 1, axis=1)
    return np.stack([features + apart, features, features - apart], 1).astype(np.float16)


def _labels(rng: np.random.Generator, length: int) -> np.ndarray:
    labels = np.zeros((length, C))
    start = 0
    while start < length:
        stop = start + int(rng.integers(30, 90))
        for chosen in rng.choice(OCCURRING, size=rng.choice(3, p=[0.1, 0.6, 0.3]), replace=False):
            labels[start:stop, chosen] = 1
        start = stop
    return labels
