"""ASQuery as a whole: losses at every step of the decoder, scores evened out within segments.

B rows, N steps, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rhas.methods import Dims
from rhas.methods.asquery.backbone import Backbone
from rhas.methods.asquery.config import Config
from rhas.methods.asquery.decoder import Decoder
from rhas.methods.layers.inputs import Steps
from rhas.methods.layers.losses import masked_mean
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.segments import pooled, spread


class ASQuery(Segmenter):
    """Backbone, pyramid, queries."""

    def __init__(self, config: Config, dims: Dims) -> None:
        super().__init__(config, dims)
        self.backbone = Backbone(config, self.stream.width)
        self.decoder = Decoder(config, dims.C)

    def biases(self) -> Iterable[Tensor]:
        return [] if self.decoder.bias is None else [self.decoder.bias]

    def said(self, steps: Steps) -> list[tuple[Tensor, Tensor]]:
        """Class and boundary logits, (B, N, C) and (B, N), of every step of the decoder."""
        length = steps.mask.shape[1]
        found = self.decoder(self.backbone(steps.x, steps.mask))
        return [(classes[:, :length], boundary[:, :length]) for classes, boundary in found]

    def step_losses(self, steps: Steps, labels: Tensor, boundary: Tensor) -> dict[str, Tensor]:
        config, mask = self.config, steps.mask
        said = self.said(steps)
        terms: dict[str, Tensor] = dict.fromkeys(("focal", "dice", "boundary"), mask.new_zeros(()))
        for logits, edges in said:
            change = F.binary_cross_entropy_with_logits(edges, boundary, reduction="none")
            for name, weight, loss in (
                ("focal", config.focal_weight,
                 focal_loss(logits, labels, mask, config.focal_gamma, config.focal_alpha)),
                ("dice", config.dice_weight, dice_loss(logits, labels, mask)),
                ("boundary", config.boundary_weight, masked_mean(change, mask)),
            ):  # fmt: skip
                terms[name] = terms[name] + weight * loss / len(said)
        return terms

    def step_scores(self, steps: Steps) -> Tensor:
        logits, edges = self.said(steps)[-1]
        return evened(logits.sigmoid(), edges.sigmoid(), steps.mask, self.config.boundary_threshold)


def focal_loss(
    logits: Float[Tensor, "B N C"], labels: Float[Tensor, "B N C"], mask: Bool[Tensor, "B N"],
    gamma: float, alpha: float,
) -> Float[Tensor, ""]:  # fmt: skip
    """``α_y (1 - p_y)^γ`` times binary cross-entropy, summed over classes, per real step.

    p_y is the probability that the truth y has; α_y is α where a label is present, else 1 - α.
    """
    p = logits.sigmoid()
    loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    hit = p * labels + (1 - p) * (1 - labels)
    share = alpha * labels + (1 - alpha) * (1 - labels)
    return masked_mean((share * (1 - hit).clamp_min(1e-8) ** gamma * loss).sum(-1), mask)


def dice_loss(
    logits: Float[Tensor, "B N C"], labels: Float[Tensor, "B N C"], mask: Bool[Tensor, "B N"]
) -> Float[Tensor, ""]:
    """``1 - 2 Σ p y / (Σ p² + Σ y²)`` over a row's steps, the mean over its present classes.

    Rows are averaged; one without a label has none.
    """
    real = mask[..., None]
    p, y = logits.sigmoid() * real, torch.where(real, labels, 0)
    shared, total = (p * y).sum(1), p.square().sum(1) + y.square().sum(1)  # (B, C)
    present = y.sum(1) > 0
    loss = torch.where(present, 1 - 2 * shared / (total + 1e-6), 0).sum(1)
    return (loss / present.sum(1).clamp_min(1)).mean()


def peaks(p: Float[Tensor, "B N"], threshold: float) -> Bool[Tensor, "B N"]:
    """Steps above the threshold and above the step before, and not below the step after."""
    before, after = F.pad(p, (1, 0), value=-1)[:, :-1], F.pad(p, (0, 1), value=-1)[:, 1:]
    return (p > threshold) & (p > before) & (p >= after)


def evened(
    scores: Float[Tensor, "B N C"], edges: Float[Tensor, "B N"], mask: Bool[Tensor, "B N"],
    threshold: float,
) -> Float[Tensor, "B N C"]:  # fmt: skip
    """Scores averaged within the segments that begin at the peaks of ``edges``."""
    of = peaks(torch.where(mask, edges, -1), threshold).cumsum(1)
    return spread(pooled(scores, of, mask, int(of.max()) + 1), of)
