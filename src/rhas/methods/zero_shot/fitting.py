"""A few labelled intervals move what words alone say: logistic regression near the zero-shot odds.

Per class the log-odds of the words get a slope and an offset, and the class a direction of its own
in the encoder's space. All are held near "no change" by normal priors, so that a few labels move
the threshold and many the direction. CLAP (Silva-Rodríguez et al., CVPR 2024) holds a linear head
near the words' embeddings in the same way.

n pooled frames, C classes, D features.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rhas.base.batch import Batch, add_batch_dimension
from rhas.methods.zero_shot import ZeroShot

SLOPE_SPREAD = 0.5
OFFSET_SPREAD = 2.0
DIRECTION_SPREAD = 4.0
"""Standard deviations of the priors; of a direction, of the log-odds that it adds to a frame whose
features are as far from the mean as usual."""
STEPS = 50


@dataclass(frozen=True)
class LabelledFrames:
    """Pooled frames of which something is known.

    Args:
        odds: of the words, (n, C).
        views: what was compared with the words, (n, D).
        labels: 1 where the class happens, (n, C).
        weight: how much a label counts, (n, C); 0 where nothing is known.
    """

    odds: Tensor
    views: Tensor
    labels: Tensor
    weight: Tensor


@torch.no_grad()
def read_frames(method: ZeroShot, sample: Batch, known: Tensor) -> LabelledFrames:
    """The pooled frames of a sample in which the person is seen and a class is known.

    Args:
        method: with its sentences.
        sample: without batch dimension; ``labels`` are read.
        known: bool (L, C).
    """
    batch = add_batch_dimension(sample)
    reader = method.reader
    views, seen, _ = reader.read_views(batch)
    odds = method.find_odds(reader(batch))[0]
    length = len(odds)
    labels = method.pool_labels(batch, length)[0]
    share = reader.pool(known[None].float(), batch["mask"])[0, :length]
    used = seen[0] & (share > 0).any(1)
    weight = share * method.config.weight * method.config.stride
    return LabelledFrames(odds[used], views[0][used], labels[used].round(), weight[used])


def fit_labels(method: ZeroShot, parts: Iterable[LabelledFrames]) -> list[int]:
    """Fits slope, offset and direction of each class that has a positive and a negative frame.

    Returns:
        The fitted classes.
    """
    rows = list(parts)
    odds, views, labels, weight = (
        torch.cat([getattr(row, name) for row in rows]).double()
        for name in ("odds", "views", "labels", "weight")
    )
    counts = (weight * labels).sum(0), (weight * (1 - labels)).sum(0)
    fitted = ((counts[0] > 0) & (counts[1] > 0)).nonzero()[:, 0]
    if not len(fitted):
        return []
    odds, labels, weight = odds[:, fitted], labels[:, fitted], weight[:, fitted]
    positive, negative = counts[0][fitted], counts[1][fitted]
    prior = torch.log((positive + 0.5) / (negative + 0.5))  # chance of the labels, not of the film
    mean = views.mean(0)
    centred = views - mean
    spread = centred.square().sum(1).mean().sqrt().clamp_min(1e-6)
    centred = centred / spread
    values = torch.zeros(len(fitted), 2 + views.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([values], max_iter=STEPS, line_search_fn="strong_wolfe")

    def compute_loss() -> Tensor:
        optimiser.zero_grad()
        slope, offset, direction = values[:, 0], values[:, 1], values[:, 2:]
        logits = (1 + SLOPE_SPREAD * slope) * odds + OFFSET_SPREAD * offset + prior
        logits = logits + DIRECTION_SPREAD * (centred @ direction.T)
        fits = F.binary_cross_entropy_with_logits(logits, labels, weight, reduction="sum")
        loss = fits + values.square().sum() / 2
        loss.backward()
        return loss

    optimiser.step(compute_loss)
    found = values.detach()
    direction = DIRECTION_SPREAD * found[:, 2:] / spread
    method.slope[fitted] = (1 + SLOPE_SPREAD * found[:, 0]).clamp_min(0).float()
    method.offset[fitted] = (OFFSET_SPREAD * found[:, 1] - direction @ mean).float()
    method.reader.directions[fitted] = (direction / method.reader.scale).float()
    return fitted.tolist()
