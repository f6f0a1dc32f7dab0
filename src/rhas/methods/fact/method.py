"""FACT as a whole: blocks, matching, losses, scores.

B rows, N pooled frames, M tokens, C classes, W channels between blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from rhas.base.batch import Batch
from rhas.base.errors import RhasError
from rhas.methods.base import Dims
from rhas.methods.fact.blocks import BlockOutput, InputBlock, SegmentBlock, UpdateBlock
from rhas.methods.fact.config import FactConfig
from rhas.methods.fact.losses import class_loss, to_frames_loss, to_tokens_loss, token_loss
from rhas.methods.fact.matching import TokenMatch, find_instances, match_tokens
from rhas.methods.fact.scores import any_token, one_token_each
from rhas.methods.layers.features import FeatureStream, PooledFeatures
from rhas.methods.layers.losses import class_probabilities, smoothing_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.segments import expand_segments, pool_segments


class FACT(Segmenter[PooledFeatures]):
    """An input block and update blocks; the last one's attention assigns frames to tokens."""

    config: FactConfig
    null_weight: Tensor

    def __init__(self, config: FactConfig, dims: Dims) -> None:
        stream = FeatureStream(config, dims)
        super().__init__(config, dims, stream)
        if config.width <= dims.C + 1:
            raise RhasError(
                "no room for the class logits",
                where="method fact, width",
                expected=f"more than {dims.C + 1}, the classes and one more",
                got=str(config.width),
            )
        kinds = {"u": UpdateBlock, "U": SegmentBlock}
        self.drop_channels = nn.Dropout1d(config.channel_dropout)
        self.positions = nn.Parameter(torch.randn(config.tokens, config.token_width))
        self.first = InputBlock(config, stream.width, dims.C)
        self.blocks = nn.ModuleList(kinds[kind](config, dims.C) for kind in config.blocks[1:])
        self.register_buffer("null_weight", torch.ones(()))
        self.counts: list[int] = []

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Also the weight of tokens without an instance: in total that of those with one."""
        self.counts.clear()
        super().fit_statistics(samples)
        tokens = self.config.tokens
        mean = sum(self.counts) / max(len(self.counts), 1)
        weight = min(mean / max(tokens - mean, 1), 1.0)
        self.null_weight.fill_(weight if weight > 0 else 1.0)
        over = [count for count in self.counts if count > tokens]
        if over:
            print(
                f"fact: {len(over)} of {len(self.counts)} training samples have more instances "
                f"than the {tokens} tokens, up to {max(over)}",
                file=sys.stderr,
            )

    def count_sample(self, sample: Batch) -> None:
        labels = self.reader.pool(sample["labels"][None], sample["mask"][None])[0]
        self.counts.append(len(find_instances(labels >= 0.5)[0]))

    def output_biases(self) -> Iterable[Tensor]:
        return [block.frames.out.bias for block in (self.first, *self.blocks)]

    def run_blocks(self, features: PooledFeatures) -> list[BlockOutput]:
        """The predictions of each block, first to last."""
        x = self.drop_channels(features.x.transpose(1, 2)).transpose(1, 2)
        positions = self.positions.expand(len(x), -1, -1)
        x, tokens, output = self.first(x, positions, features.mask)
        outputs = [output]
        for block in self.blocks:
            x, tokens, output = block(x, tokens, positions, features.mask)
            outputs.append(output)
        return outputs

    def network_losses(
        self, features: PooledFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        outputs = self.run_blocks(features)
        match = self.match_rows(outputs[-1], labels, features.mask)
        terms: dict[str, Tensor] = {}
        for output in outputs:
            for name, term in self._block_losses(output, match, labels, features.mask).items():
                terms[name] = terms.get(name, 0) + term / len(outputs)
        return terms

    def network_scores(self, features: PooledFeatures, generator: torch.Generator) -> Tensor:
        output = self.run_blocks(features)[-1]
        share = self.config.frame_share
        frames = class_probabilities(output.frames, self.config.activation)
        attention, tokens = self._token_weights(output), output.tokens
        if self.config.activation == "softmax":
            scores = one_token_each(attention, tokens, frames)
        else:
            scores = any_token(attention, tokens[..., :-1].sigmoid())
        return share * frames + (1 - share) * scores

    def match_rows(self, output: BlockOutput, labels: Tensor, mask: Tensor) -> TokenMatch:
        """Matches the tokens of each row with its instances.

        Args:
            output: of the last block.
            labels: (B, N, C).
            mask: (B, N) bool.
        """
        config, C = self.config, self.dims.C
        classes = labels.new_full((len(labels), config.tokens), C, dtype=torch.long)
        spans = labels.new_zeros(len(labels), config.tokens, labels.shape[1])
        tokens = class_probabilities(output.tokens.detach(), config.activation)
        attention = self._token_weights(output).detach() * mask[..., None]
        for row in range(len(labels)):
            true_classes, true_spans = find_instances((labels[row] >= 0.5) & mask[row, :, None])
            matched, instances = match_tokens(
                tokens[row], attention[row], true_classes, true_spans.to(spans.dtype),
                config.match_class, config.match_overlap,
            )  # fmt: skip
            classes[row, matched] = true_classes[instances]
            spans[row, matched] = true_spans[instances].to(spans.dtype)
        return TokenMatch(classes, spans)

    def _token_weights(self, output: BlockOutput) -> Tensor:
        """How much each pooled frame belongs to each token, (B, N, M)."""
        assert output.attention is not None
        weights = class_probabilities(output.attention.to_tokens, self.config.activation)
        if output.segments is None:
            return weights
        return expand_segments(weights, output.segments.index)

    def _block_losses(
        self, output: BlockOutput, match: TokenMatch, labels: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        kind = self.config.activation
        smooth = smoothing_loss(output.frames, mask, kind)
        terms = {
            "frame": class_loss(output.frames, labels, mask, kind),
            "token": token_loss(output.tokens, match.classes, self.null_weight, kind, mask.any(1)),
        }
        attention, segments = output.attention, output.segments
        if attention is not None:
            spans, present = match.spans, mask
            if segments is not None:
                present = segments.present
                count = present.shape[1]
                units = pool_segments(labels, segments.index, mask, count)
                segment = class_loss(segments.logits, units, present, kind)
                terms["frame"] = (terms["frame"] + segment) / 2
                spans = pool_segments(spans.transpose(1, 2), segments.index, mask, count)
                spans = spans.transpose(1, 2)  # (B, M, S)
            else:
                smooth = smooth + smoothing_loss(attention.to_tokens, mask, kind)
                smooth = smooth + smoothing_loss(attention.to_frames.transpose(1, 2), mask, kind)
            assigned = match.classes < self.dims.C
            terms["token_to_frames"] = to_frames_loss(attention.to_frames, spans)
            terms["frame_to_tokens"] = to_tokens_loss(
                attention.to_tokens, spans, assigned, present, kind
            )
        terms["smoothing"] = self.config.smoothing_weight * smooth
        return terms
