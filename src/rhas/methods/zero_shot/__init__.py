"""No training: a person's crop is compared with sentences about each class, then read over time.

For encoders whose pictures and sentences share a space (CLIP, SigLIP 2). The evidence for a class
is its log-odds against all other sentences, among them some that name no action, less those of
chance; a two-state chain per class makes probabilities of it (`rhas.methods.layers.chain`). They
are not calibrated, unless a few labelled intervals were given (`rhas.methods.zero_shot.fitting`).

B rows, L frames, N pooled frames, D features, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.base.batch import Batch
from rhas.base.errors import RhasError
from rhas.methods.base import ClassText, Dims, MethodSpec
from rhas.methods.layers.chain import smooth_evidence
from rhas.methods.layers.config import STREAMS, InputConfig, Inputs, check_at_least, check_field
from rhas.methods.layers.features import PooledFeatures, StreamReader, count_used
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.windows import mean_over_windows

__all__ = ["METHOD"]


@dataclass(frozen=True)
class ZeroShotConfig(InputConfig):
    """How similarity becomes a probability. Durations are in frames, of which 15 are a second.

    Args:
        templates: sentences about a class, with ``{}`` for its words; embeddings are averaged.
        rivals: sentences about a person that name no action.
        window: frames around a frame whose features are averaged.
        inputs: ``partial`` (the crop), ``holistic`` (the whole frame), or the mean of ``both``.
        sharpness: factor of the encoder's own scale of similarities.
        margin: nats by which a class must exceed chance among all sentences.
        weight: of a frame's evidence; below 1, since neighbouring frames say the same.
        duration: mean length of an action, frames.
        share: of the frames in which a class is expected before anything is seen.
    """

    templates: tuple[str, ...] = ("the person is {}", "the man is {}", "the woman is {}")
    rivals: tuple[str, ...] = ("the person", "the man", "the woman")
    window: int = 9
    inputs: Inputs = "partial"
    sharpness: float = 1.0
    margin: float = 2.0
    weight: float = 0.1
    duration: float = 45.0
    share: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "window")
        filled = bool(self.templates) and all("{}" in text for text in self.templates)
        check_field(self, "templates", filled, "sentences with {}")
        check_field(self, "rivals", bool(self.rivals), "at least one sentence")
        check_field(self, "sharpness", self.sharpness > 0, "above 0")
        check_field(self, "weight", self.weight > 0, "above 0")
        check_field(self, "share", 0 < self.share <= 0.5, "above 0, at most 0.5")
        check_field(self, "duration", self.duration > self.stride, f"above {self.stride} (stride)")
        check_field(self, "standardise", not self.standardise, "false: nothing is trained")


class SimilarityReader(StreamReader):
    """Logits of every class and rival, means over the streams.

    ``x`` has a channel per sentence, one per class for what labels have added, and one for whether
    there is anything to compare.
    """

    scale: Tensor
    directions: Tensor

    def __init__(self, config: ZeroShotConfig, dims: Dims) -> None:
        super().__init__(config, dims.D, STREAMS[config.inputs])
        self.window = config.window
        sentences = torch.zeros(dims.C + len(config.rivals), dims.D)
        self.sentences = nn.Parameter(sentences, requires_grad=False)
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("directions", torch.zeros(dims.C, dims.D))

    def forward(self, batch: Batch) -> PooledFeatures:
        x, seen, mask = self.read_views(batch)
        logits = self.scale * (x @ self.sentences.T), self.scale * (x @ self.directions.T)
        return PooledFeatures(torch.cat([*logits, seen[..., None]], -1), mask)

    def read_views(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What is compared with sentences, (B, N, D); and where there is any, and where a frame is
        real, bool (B, N)."""
        mask = self.pool_mask(batch["mask"])
        length = count_used(mask)
        seen, total = torch.zeros_like(mask), torch.zeros(())
        for row in range(len(self.names)):
            x, exists = self.read_frames(batch, row)
            seen = seen | self.pool_mask(exists)
            x = F.normalize(torch.where(exists[..., None], x, 0), dim=-1)
            x = mean_over_windows(x, exists, -(self.window // 2), self.window, self.stride)
            total = total + F.normalize(x, dim=-1) / len(self.names)
        return total[:, :length], seen[:, :length], mask[:, :length]


class ZeroShot(Segmenter[PooledFeatures]):
    """Nothing is trained; `fit_text` sets the embeddings of the sentences."""

    config: ZeroShotConfig
    reader: SimilarityReader
    slope: Tensor
    offset: Tensor

    def __init__(self, config: ZeroShotConfig, dims: Dims) -> None:
        super().__init__(config, dims, SimilarityReader(config, dims))
        self.register_buffer("slope", torch.ones(dims.C))
        self.register_buffer("offset", torch.zeros(dims.C))

    def fit_text(self, text: ClassText) -> None:
        if len(text.phrasings) != self.dims.C:
            raise RhasError(
                "sentences of another number of classes than the labels",
                expected=f"{self.dims.C} classes",
                got=f"{len(text.phrasings)}",
            )
        rows = []
        for phrasings in text.phrasings:
            filled = [t.format(words) for words in phrasings for t in self.config.templates]
            rows.append(_embed(text, filled).mean(0))
        rows.append(_embed(text, self.config.rivals))
        sentences = torch.vstack(rows)
        if sentences.shape[1] != self.dims.D:
            raise RhasError(
                "sentences and pictures do not share a space",
                expected=f"{self.dims.D} values",
                got=f"{sentences.shape[1]}",
            )
        self.reader.sentences.copy_(F.normalize(sentences, dim=1))
        self.reader.scale.fill_(text.scale)

    def network_losses(
        self, features: PooledFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        return {"frame": frame_loss(self._find_evidence(features), labels, features.mask)}

    def network_scores(self, features: PooledFeatures, generator: torch.Generator) -> Tensor:
        """Probabilities, 0 where the person is not seen."""
        evidence, seen = self._find_evidence(features), features.x[..., -1:]
        duration = self.config.duration / self.config.stride
        scores = smooth_evidence(evidence * seen, duration, self.config.share)
        return scores * seen

    def _find_evidence(self, features: PooledFeatures) -> Tensor:
        """Weighted log-odds of each class, (B, N, C), as labels have moved them."""
        added = features.x[..., -1 - self.dims.C : -1]
        odds = self.slope * self.find_odds(features) + self.offset + added
        return self.config.weight * self.config.stride * odds

    def find_odds(self, features: PooledFeatures) -> Tensor:
        """Log-odds of each class against all other sentences, less those of chance and the margin,
        (B, N, C)."""
        logits = features.x[..., : -1 - self.dims.C]
        p = (self.config.sharpness * logits).softmax(-1)[..., : self.dims.C]
        chance = -math.log(logits.shape[-1] - 1)
        return torch.logit(p, eps=1e-6) - chance - self.config.margin


def _embed(text: ClassText, sentences: tuple[str, ...] | list[str]) -> Tensor:
    return F.normalize(torch.from_numpy(text.embed(sentences)).float(), dim=1)


METHOD = MethodSpec(
    config=ZeroShotConfig,
    presets={"paper": ZeroShotConfig(), "mini": ZeroShotConfig(stride=5, sharpness=2.0)},
    build=ZeroShot,
    reads_text=True,
)
