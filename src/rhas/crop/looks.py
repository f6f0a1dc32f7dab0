"""Whom a tracklet looks like, among those that the references of a film mean.

References of a film share words, and one of them may have higher scores on everybody than the
reference of the person who is there. But how all references score a body is a look of its own,
which the body keeps through the film: a person in an orange jacket scores high for "orange jacket"
and for "orange coat", the one in the orange coat for "orange coat" alone.

Legend: n tracklets, P references.
"""

from __future__ import annotations

import numpy as np

_SPREAD = 1.0  # nats, standard deviation of a look's coordinates between tracklets of a body
_ROUNDS = 10


def unlikeness(looks: np.ndarray, frames: np.ndarray, most: float) -> np.ndarray:
    """How much farther each tracklet is from the look of each reference's person than from the
    nearest person's, in nats a frame.

    The looks of the P persons are the means of a mixture of normal distributions, fitted by
    expectation and maximisation from what the scores say at first; a tracklet that no reference
    claims hardly counts.

    Args:
        looks: float64 (n, P), mean evidence of each tracklet's frames for each reference.
        frames: (n,) numbers of frames, the tracklets' weights.
        most: nats that one frame may say against a reference.

    Returns:
        float64 (n, P) in [0, most], 0 at the nearest person; all 0 where there is one reference.
    """
    if not len(looks):
        return np.zeros_like(looks)
    claimed = 1 / (1 + np.exp(-looks))
    shares = _softmax(looks)
    for _ in range(_ROUNDS):
        weights = shares * claimed * frames[:, None]
        means = weights.T @ looks / np.maximum(weights.sum(0), 1e-9)[:, None]
        away = ((looks[:, None] - means) ** 2).sum(2) / (2 * _SPREAD**2)  # (n, P)
        shares = _softmax(looks - away)
    return np.minimum(away - away.min(1, keepdims=True), most)


def _softmax(values: np.ndarray) -> np.ndarray:
    odds = np.exp(values - values.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)
