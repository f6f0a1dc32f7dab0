"""Whom a tracklet looks like: somebody that the references of a film mean, or somebody else.

References of a film share words, and one of them may have higher scores on everybody than the
reference of the person who is there. But how all references score a body is a look of its own,
which the body keeps through the film: a person in an orange jacket scores high for "orange jacket"
and for "orange coat", the one in the orange coat for "orange coat" alone. And people whom nobody
named score for some words of a reference, but less than the one it means. Colours of clothes tell
bodies apart of which no reference speaks.

Legend: n tracklets, P references.
"""

from __future__ import annotations

import numpy as np

from rhas.crop.colours import colours_apart

_SPREAD = 0.6  # nats, standard deviation of a look between tracklets of a body, mean of references
_UNNAMED = 1.0  # nats that speak for somebody else before looks are known
_COLOUR_MOST = 4.0  # nats: beyond, one band may be hidden by a thing, a light, another body
_COLOUR_WEIGHT = 4.0  # nats of a body per mean nat of a band
_ROUNDS = 15


def unlikeness(
    looks: np.ndarray, colours: np.ndarray, frames: np.ndarray, most: float
) -> np.ndarray:
    """How much farther each tracklet is from the look of each reference's person than from the
    nearest other look, in nats a frame.

    The looks of the P persons and one of all the people whom nobody named are the means of a
    mixture of normal distributions, fitted by expectation and maximisation from what the scores
    say at first. The unnamed count against a reference where they score lower for it than its
    person does. They wear many colours: theirs are as far from a tracklet's as the nearest
    person's, so that colours alone make nobody one of them.

    Args:
        looks: float64 (n, P), mean evidence of each tracklet's frames for each reference.
        colours: float64 (n, 12), of each tracklet (`rhas.crop.colours`), or (n, 0).
        frames: (n,) numbers of frames, the tracklets' weights.
        most: nats that one frame may say against a reference.

    Returns:
        float64 (n, P) in [0, most].
    """
    if not len(looks):
        return np.zeros_like(looks)
    people = looks.shape[1]
    claims = np.column_stack([looks, np.full(len(looks), _UNNAMED)])  # (n, P + 1)
    shares = _softmax(claims)
    for _ in range(_ROUNDS):
        weights = shares * frames[:, None]
        weights = (weights / np.maximum(weights.sum(0), 1e-9)).T  # (P + 1, n)
        means = weights @ looks  # (P + 1, P)
        away = ((looks[:, None] - means) ** 2).mean(2) / (2 * _SPREAD**2)  # (n, P + 1)
        means_of_colours = weights[:people] @ colours
        distance = _COLOUR_WEIGHT * colours_apart(colours, means_of_colours, _COLOUR_MOST)  # (n, P)
        away += np.column_stack([distance, distance.min(1)])
        shares = _softmax(claims - away)
    named, unnamed = away[:, :-1], away[:, -1:]
    lower = means[-1] < means[:-1].diagonal()
    nearest = np.minimum(named.min(1, keepdims=True), np.where(lower, unnamed, np.inf))
    return np.clip(named - nearest, 0, most)


def _softmax(values: np.ndarray) -> np.ndarray:
    odds = np.exp(values - values.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)
