"""ASQuery as a whole: losses at every layer of the decoder, scores averaged within segments.

B rows, N pooled frames, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rhas.methods.asquery.backbone import Backbone
from rhas.methods.asquery.config import ASQueryConfig
from rhas.methods.asquery.decoder import QueryDecoder
from rhas.methods.base import Dims
from rhas.methods.layers.features import FeatureStream, PooledFeatures
from rhas.methods.layers.losses import masked_mean
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.segments import expand_segments, pool_segments


class ASQuery(Segmenter[PooledFeatures]):
    """Backbone, pyramid, queries."""

    config: ASQueryConfig

    def __init__(self, config: ASQueryConfig, dims: Dims) -> None:
        stream = FeatureStream(config, dims)
        super().__init__(config, dims, stream)
        self.backbone = Backbone(config, stream.width)
        self.decoder = QueryDecoder(config, dims.C)

    def output_biases(self) -> Iterable[Tensor]:
        return [] if self.decoder.bias is None else [self.decoder.bias]

    def layer_logits(self, features: PooledFeatures) -> list[tuple[Tensor, Tensor]]:
        """Class and boundary logits, (B, N, C) and (B, N), of every layer of the decoder."""
        length = features.mask.shape[1]
        found = self.decoder(self.backbone(features.x, features.mask))
        return [(classes[:, :length], boundary[:, :length]) for classes, boundary in found]

    def network_losses(
        self, features: PooledFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        config, mask = self.config, features.mask
        layers = self.layer_logits(features)
        terms: dict[str, Tensor] = dict.fromkeys(("focal", "dice", "boundary"), mask.new_zeros(()))
        for logits, edges in layers:
            change = F.binary_cross_entropy_with_logits(edges, boundary, reduction="none")
            for name, weight, loss in (
                ("focal", config.focal_weight,
                 focal_loss(logits, labels, mask, config.focal_gamma, config.focal_alpha)),
                ("dice", config.dice_weight, dice_loss(logits, labels, mask)),
                ("boundary", config.boundary_weight, masked_mean(change, mask)),
            ):  # fmt: skip
                terms[name] = terms[name] + weight * loss / len(layers)
        return terms

    def network_scores(self, features: PooledFeatures, generator: torch.Generator) -> Tensor:
        logits, edges = self.layer_logits(features)[-1]
        threshold = self.config.boundary_threshold
        return average_segments(logits.sigmoid(), edges.sigmoid(), features.mask, threshold)


def focal_loss(
    logits: Float[Tensor, "B N C"], labels: Float[Tensor, "B N C"], mask: Bool[Tensor, "B N"],
    gamma: float, alpha: float,
) -> Float[Tensor, ""]:  # fmt: skip
    """``α_y (1 - p_y)^γ`` times binary cross-entropy, summed over classes, per real frame.

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
    """``1 - 2 Σ p y / (Σ p² + Σ y²)`` over a row's frames, the mean over its present classes.

    The mean over rows; a row without a label counts 0.
    """
    real = mask[..., None]
    p, y = logits.sigmoid() * real, torch.where(real, labels, 0)
    shared, total = (p * y).sum(1), p.square().sum(1) + y.square().sum(1)  # (B, C)
    present = y.sum(1) > 0
    loss = torch.where(present, 1 - 2 * shared / (total + 1e-6), 0).sum(1)
    return (loss / present.sum(1).clamp_min(1)).mean()


def find_peaks(p: Float[Tensor, "B N"], threshold: float) -> Bool[Tensor, "B N"]:
    """Frames above the threshold and the frame before, and not below the frame after."""
    before, after = F.pad(p, (1, 0), value=-1)[:, :-1], F.pad(p, (0, 1), value=-1)[:, 1:]
    return (p > threshold) & (p > before) & (p >= after)


def average_segments(
    scores: Float[Tensor, "B N C"], edges: Float[Tensor, "B N"], mask: Bool[Tensor, "B N"],
    threshold: float,
) -> Float[Tensor, "B N C"]:  # fmt: skip
    """Scores averaged within the segments that begin at the peaks of ``edges``."""
    index = find_peaks(torch.where(mask, edges, -1), threshold).cumsum(1)
    means = pool_segments(scores, index, mask, int(index.max()) + 1)
    return expand_segments(means, index)
