"""A few labelled intervals move what words alone say: logistic regression near the zero-shot odds.

The log-odds of the words get a slope and an offset, shared by all classes; a class with labels gets
its own change of both, and a direction of its own in the encoder's space. All are held near "no
change" by normal priors, so that a few labels move the threshold and many the direction. CLAP
(Silva-Rodríguez et al., CVPR 2024) holds a linear head near the words' embeddings in the same way.

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

SLOPE_SPREAD, OFFSET_SPREAD = 0.5, 3.0
OWN_SLOPE_SPREAD, OWN_OFFSET_SPREAD = 0.25, 1.0
DIRECTION_SPREAD = 2.0
"""Standard deviations of the priors: of what is shared, of a class's own, and of the log-odds that
its direction adds to a frame whose features are as far from their mean as usual."""
STEPS = 60


@dataclass(frozen=True)
class LabelledFrames:
    """Pooled frames of which is known what happens and what does not.

    Args:
        odds: of the words, (n, C).
        views: what was compared with the words, (n, D).
        labels: 1 where the class happens, (n, C).
    """

    odds: Tensor
    views: Tensor
    labels: Tensor


@torch.no_grad()
def read_frames(method: ZeroShot, sample: Batch, known: Tensor) -> LabelledFrames:
    """The known pooled frames of a sample in which the person is seen.

    Args:
        method: with its sentences.
        sample: without batch dimension; ``labels`` are read.
        known: bool (L,).
    """
    batch = add_batch_dimension(sample)
    reader = method.reader
    views, seen, mask = reader.read_views(batch)
    length = mask.shape[1]
    used = seen[0] & reader.pool_mask(known[None] & batch["mask"])[0, :length]
    odds, labels = method.find_odds(reader(batch))[0], method.pool_labels(batch, length)[0]
    return LabelledFrames(odds[used], views[0][used], labels[used].round())


def fit_labels(method: ZeroShot, parts: Iterable[LabelledFrames]) -> bool:
    """Fits slopes, offsets and directions; False where no frame has a label, or all have the same
    ones: then nothing changes."""
    rows = list(parts)
    if not rows:
        return False
    odds, views, labels = (
        torch.cat([getattr(row, name) for row in rows]).double()
        for name in ("odds", "views", "labels")
    )
    if not labels.any() or (labels == labels[:1]).all():
        return False
    weight = method.config.weight * method.config.stride  # neighbouring frames say the same
    mean = views.mean(0)
    spread = (views - mean).square().sum(1).mean().sqrt().clamp_min(1e-6)
    slope, offset, direction = _maximise(odds, (views - mean) / spread, labels, weight)
    direction = direction / spread
    method.slope.copy_(slope.clamp_min(0))
    method.offset.copy_(offset - direction @ mean)
    method.reader.directions.copy_(direction / method.reader.scale)
    return True


def _maximise(
    odds: Tensor, views: Tensor, labels: Tensor, weight: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The posterior's maximum: slopes (C,), offsets (C,), directions (C, D); float64.

    How often a class is labelled says nothing of the film, so it is part of the regression and not
    of the result.
    """
    positive, negative = weight * labels.sum(0), weight * (1 - labels).sum(0)
    seen = (positive > 0).double()
    pooled = (positive.sum() + 0.5) / (negative.sum() + 0.5)
    prior = torch.where(seen > 0, (positive + 0.5) / (negative + 0.5), pooled).log()
    shared = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    own = torch.zeros(odds.shape[1], 2 + views.shape[1], dtype=torch.float64, requires_grad=True)

    def unpack() -> tuple[Tensor, Tensor, Tensor]:
        values = own * seen[:, None]
        return (
            1 + SLOPE_SPREAD * shared[0] + OWN_SLOPE_SPREAD * values[:, 0],
            OFFSET_SPREAD * shared[1] + OWN_OFFSET_SPREAD * values[:, 1],
            DIRECTION_SPREAD * values[:, 2:],
        )

    optimiser = torch.optim.LBFGS([shared, own], max_iter=STEPS, line_search_fn="strong_wolfe")

    def compute_loss() -> Tensor:
        optimiser.zero_grad()
        slope, offset, direction = unpack()
        logits = slope * odds + offset + views @ direction.T + prior
        misfit = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
        loss = weight * misfit + (shared.square().sum() + own.square().sum()) / 2
        loss.backward()
        return loss

    optimiser.step(compute_loss)
    slope, offset, direction = (value.detach() for value in unpack())
    return slope, offset, direction
