"""Appearance of tracklets: which reference's person they look like, over the whole film.

References of a film share words, and one of them may score higher on everybody than the reference
of the person who is present. But the scores of all references for a body form a vector that is
stable through the film, its appearance: a person in an orange jacket scores high for "orange
jacket" and "orange coat", a person in an orange coat for "orange coat" alone. People without a
reference score for some words of a reference, but lower than the person it means. Colours of
clothes tell apart bodies that no reference describes.

Legend: n tracklets, P references.
"""

from __future__ import annotations

import numpy as np

from rhas.crop.colours import compare_colours
from rhas.crop.constants import (
    APPEARANCE_COLOUR_LIMIT,
    APPEARANCE_COLOUR_WEIGHT,
    APPEARANCE_SPREAD,
    MIXTURE_ROUNDS,
    UNNAMED_EVIDENCE,
)


def compute_distances(
    evidence: np.ndarray, colours: np.ndarray, frames: np.ndarray, most: float
) -> np.ndarray:
    """Distance of each tracklet from the appearance of each reference's person, less that from the
    nearest other appearance, in nats per frame.

    The appearances of the P persons, and one of all people without a reference, are the means of a
    mixture of normal distributions, fitted by expectation and maximisation from the evidence. The
    people without a reference count against a reference where they score lower for it than its
    person. They wear many colours: their distance in colour is that of the nearest person, so that
    colours alone make nobody one of them.

    Args:
        evidence: float64 (n, P), mean over each tracklet's frames for each reference.
        colours: float64 (n, 12), of each tracklet (`rhas.crop.colours`), or (n, 0).
        frames: (n,) numbers of frames, the tracklets' weights.
        most: nats that one frame may count against a reference.

    Returns:
        float64 (n, P) in [0, most].
    """
    if not len(evidence):
        return np.zeros_like(evidence)
    people = evidence.shape[1]
    prior = np.column_stack([evidence, np.full(len(evidence), UNNAMED_EVIDENCE)])  # (n, P + 1)
    shares = _stable_softmax(prior)
    for _ in range(MIXTURE_ROUNDS):
        weights = shares * frames[:, None]
        weights = (weights / np.maximum(weights.sum(0), 1e-9)).T  # (P + 1, n)
        means = weights @ evidence  # (P + 1, P)
        away = ((evidence[:, None] - means) ** 2).mean(2) / (2 * APPEARANCE_SPREAD**2)  # (n, P + 1)
        means_of_colours = weights[:people] @ colours
        distance = APPEARANCE_COLOUR_WEIGHT * compare_colours(
            colours, means_of_colours, APPEARANCE_COLOUR_LIMIT
        )  # (n, P)
        away += np.column_stack([distance, distance.min(1)])
        shares = _stable_softmax(prior - away)
    named, unnamed = away[:, :-1], away[:, -1:]
    lower = means[-1] < means[:-1].diagonal()
    nearest = np.minimum(named.min(1, keepdims=True), np.where(lower, unnamed, np.inf))
    return np.clip(named - nearest, 0, most)


def _stable_softmax(values: np.ndarray) -> np.ndarray:
    odds = np.exp(values - values.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)
