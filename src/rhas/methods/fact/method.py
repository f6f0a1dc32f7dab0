"""FACT: blocks of a frame branch and a token branch; matching, losses, read-out.

B rows, N steps, M tokens, S instances or segments, C classes, W channels between blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rhas.base.errors import RhasError
from rhas.methods import Batch, Dims
from rhas.methods.fact.config import Config
from rhas.methods.fact.matching import instances, matched
from rhas.methods.fact.parts import Exchange, FrameBranch, TokenBranch, split_classes, start_classes
from rhas.methods.fact.segments import predicted, runs
from rhas.methods.layers.inputs import Steps
from rhas.methods.layers.losses import frame_loss, masked_mean, probabilities, smoothing_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.layers.segments import pooled, spread

_NEVER = -1e30
_AT_ONCE = 128  # steps whose N×M×C products the read-out holds


@dataclass(frozen=True)
class Said:
    """What a block says beside the features that it hands on.

    Args:
        frames: logits (B, N, C).
        tokens: logits (B, M, C + 1), the last one: no instance.
        of: the segment of each step (B, N) in a ``U`` block, which has
        present: (B, S) bool, the units that tokens and frames exchange at: steps or
        units: logits (B, S, C) of
        to_frames: logits of tokens' attention to units (B, M, S).
        to_tokens: logits of units' attention to tokens (B, S, M).
    """

    frames: Tensor
    tokens: Tensor
    of: Tensor | None = None
    present: Tensor | None = None
    units: Tensor | None = None
    to_frames: Tensor | None = None
    to_tokens: Tensor | None = None


@dataclass(frozen=True)
class Matched:
    """Tokens and the instances that they stand for.

    Args:
        classes: (B, M) int, C where a token stands for none.
        spans: (B, M, N), 1 where a token's instance is; 0 for tokens that stand for none.
    """

    classes: Tensor
    spans: Tensor


class FACT(Segmenter):
    """An input block and update blocks; the last one's attention says which frames are whose."""

    null_weight: Tensor

    def __init__(self, config: Config, dims: Dims) -> None:
        super().__init__(config, dims)
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
        self.first = InputBlock(config, self.stream.width, dims.C)
        self.blocks = nn.ModuleList(kinds[kind](config, dims.C) for kind in config.blocks[1:])
        self.register_buffer("null_weight", torch.ones(()))
        self.counts: list[int] = []

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Also how much a token without an instance weighs: as much in all as those with one."""
        self.counts.clear()
        super().adapt(samples)
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

    def note(self, sample: Batch) -> None:
        labels = self.stream.pooled(sample["labels"][None], sample["mask"][None])[0]
        self.counts.append(len(instances(labels >= 0.5)[0]))

    def biases(self) -> Iterable[Tensor]:
        return [block.frames.out.bias for block in (self.first, *self.blocks)]

    def blocks_say(self, steps: Steps) -> list[Said]:
        """What each block says, first to last."""
        x = self.drop_channels(steps.x.transpose(1, 2)).transpose(1, 2)
        positions = self.positions.expand(len(x), -1, -1)
        x, tokens, said = self.first(x, positions, steps.mask)
        found = [said]
        for block in self.blocks:
            x, tokens, said = block(x, tokens, positions, steps.mask)
            found.append(said)
        return found

    def step_losses(self, steps: Steps, labels: Tensor, boundary: Tensor) -> dict[str, Tensor]:
        said = self.blocks_say(steps)
        match = self.match(said[-1], labels, steps.mask)
        terms: dict[str, Tensor] = {}
        for block in said:
            for name, term in self._block_losses(block, match, labels, steps.mask).items():
                terms[name] = terms.get(name, 0) + term / len(said)
        return terms

    def step_scores(self, steps: Steps) -> Tensor:
        said = self.blocks_say(steps)[-1]
        share = self.config.frame_share
        frames = probabilities(said.frames, self.config.activation)
        attention, tokens = self._attention(said), said.tokens
        if self.config.activation == "softmax":
            found = one_token_each(attention, tokens, frames)
        else:
            found = any_token(attention, tokens[..., :-1].sigmoid())
        return share * frames + (1 - share) * found

    def match(self, said: Said, labels: Tensor, mask: Tensor) -> Matched:
        """Tokens of each row to its instances, by what the last block says.

        Args:
            said: the last block's.
            labels: (B, N, C).
            mask: (B, N) bool.
        """
        config, C = self.config, self.dims.C
        classes = labels.new_full((len(labels), config.tokens), C, dtype=torch.long)
        spans = labels.new_zeros(len(labels), config.tokens, labels.shape[1])
        tokens = probabilities(said.tokens.detach(), config.activation)
        attention = self._attention(said).detach() * mask[..., None]
        for row in range(len(labels)):
            wanted, where = instances((labels[row] >= 0.5) & mask[row, :, None])
            theirs, chosen = matched(
                tokens[row], attention[row], wanted, where.to(spans.dtype),
                config.match_class, config.match_overlap,
            )  # fmt: skip
            classes[row, theirs] = wanted[chosen]
            spans[row, theirs] = where[chosen].to(spans.dtype)
        return Matched(classes, spans)

    def _attention(self, said: Said) -> Tensor:
        """How much each step belongs to each token, (B, N, M)."""
        assert said.to_tokens is not None
        found = probabilities(said.to_tokens, self.config.activation)
        return found if said.of is None else spread(found, said.of)

    def _block_losses(
        self, said: Said, match: Matched, labels: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        kind = self.config.activation
        smooth = smoothing_loss(said.frames, mask, kind)
        terms = {
            "frame": class_loss(said.frames, labels, mask, kind),
            "token": token_loss(said.tokens, match.classes, self.null_weight, kind, mask.any(1)),
        }
        if said.to_frames is not None and said.to_tokens is not None:
            spans, present = match.spans, mask
            if said.of is not None and said.units is not None and said.present is not None:
                present = said.present
                count = present.shape[1]
                units = pooled(labels, said.of, mask, count)
                segment = class_loss(said.units, units, present, kind)
                terms["frame"] = (terms["frame"] + segment) / 2
                spans = pooled(spans.transpose(1, 2), said.of, mask, count)
                spans = spans.transpose(1, 2)  # (B, M, S)
            else:
                smooth = smooth + smoothing_loss(said.to_tokens, mask, kind)
                smooth = smooth + smoothing_loss(said.to_frames.transpose(1, 2), mask, kind)
            stands = match.classes < self.dims.C
            terms["token_to_frames"] = to_frames_loss(said.to_frames, spans)
            terms["frame_to_tokens"] = to_tokens_loss(said.to_tokens, spans, stands, present, kind)
        terms["smoothing"] = self.config.smoothing_weight * smooth
        return terms


class InputBlock(nn.Module):
    """Frames by convolutions, tokens by attention to one another and to the frames."""

    def __init__(self, config: Config, width_in: int, C: int) -> None:
        super().__init__()
        self.classes, self.activation = C, config.activation
        self.frames = FrameBranch(
            width_in, config.frame_width, config.width, config.layers, config.dropout
        )
        self.tokens = TokenBranch(
            config.token_width, config.width, config.token_layers, config.heads, config.token_ffn,
            config.dropout, config.width,
        )  # fmt: skip
        start_classes(self.frames.out, C, config.activation)
        start_classes(self.tokens.out, C + 1, config.activation)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Said]:
        """Frames (B, N, W), tokens (B, M, W), and what is said."""
        x, frames = split_classes(self.frames(x, mask), self.classes, self.activation)
        tokens = self.tokens(torch.zeros_like(positions), positions, x, mask)
        tokens, said = split_classes(tokens, self.classes + 1, self.activation)
        return x, tokens, Said(frames, said)


class UpdateBlock(nn.Module):
    """Tokens look at frames and are refined; frames look at tokens and are refined."""

    def __init__(self, config: Config, C: int) -> None:
        super().__init__()
        self.classes, self.activation = C, config.activation
        width, free = config.width, config.activation == "sigmoid"
        self.to_frames = Exchange(width, config.token_width, config.dropout, False, 1)
        self.tokens = TokenBranch(
            config.token_width, width, 1, config.heads, config.token_ffn, config.dropout, None
        )
        self.to_tokens = Exchange(width, config.frame_width, config.dropout, free, config.tokens)
        self.frames = FrameBranch(
            config.frame_width, config.frame_width, width, config.layers, config.dropout
        )
        start_classes(self.frames.out, C, config.activation)
        start_classes(self.tokens.out, C + 1, config.activation)

    def forward(
        self, x: Tensor, tokens: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Said]:
        """Frames (B, N, W), tokens (B, M, W), and what is said."""
        y, tokens, said, to_frames, to_tokens = self.exchanged(x, tokens, positions, mask)
        x, frames = split_classes(self.frames(y, mask), self.classes, self.activation)
        return x, tokens, Said(frames, said, None, mask, None, to_frames, to_tokens)

    def exchanged(
        self, x: Tensor, tokens: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """New units and tokens, the tokens' class logits, and both attentions' logits."""
        tokens, to_frames = self.to_frames(x, tokens, None, positions, mask)
        tokens = self.tokens(tokens, positions)
        tokens, said = split_classes(tokens, self.classes + 1, self.activation)
        y, to_tokens = self.to_tokens(tokens, x, positions, None, None)
        return y, tokens, said, to_frames, to_tokens


class SegmentBlock(UpdateBlock):
    """An update block whose exchange is with predicted segments, refined by a GRU both ways."""

    def __init__(self, config: Config, C: int) -> None:
        super().__init__(config, C)
        width = config.width
        self.gru = nn.GRU(width, width // 2, bidirectional=True, batch_first=True)
        self.combine = nn.Linear(width, width)
        self.merge = nn.Linear(width + config.frame_width, config.frame_width)

    def forward(
        self, x: Tensor, tokens: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Said]:
        """Frames (B, N, W), tokens (B, M, W), and what is said."""
        labels = predicted(x[..., -self.classes :].detach(), self.activation)
        of, present = runs(labels, mask)
        units = pooled(x, of, mask, present.shape[1])
        units = self.combine(torch.relu(self.along(units, present)))
        units, classes = split_classes(units, self.classes, self.activation)
        y, tokens, said, to_frames, to_tokens = self.exchanged(units, tokens, positions, present)
        y = torch.relu(self.merge(torch.cat([spread(y, of), x], -1)))
        x, frames = split_classes(self.frames(y, mask), self.classes, self.activation)
        return x, tokens, Said(frames, said, of, present, classes, to_frames, to_tokens)

    def along(self, units: Tensor, present: Tensor) -> Tensor:
        """The GRU over each row's own segments, (B, S, W) to (B, S, W)."""
        lengths = present.sum(1).clamp_min(1).cpu()
        packed = pack_padded_sequence(units, lengths, batch_first=True, enforce_sorted=False)
        out, _ = self.gru(packed)
        return pad_packed_sequence(out, batch_first=True, total_length=units.shape[1])[0]


def class_loss(logits: Tensor, labels: Tensor, mask: Tensor, activation: str) -> Tensor:
    """Per frame in nats, as the other terms: binary cross-entropy is summed over classes."""
    scale = logits.shape[-1] if activation == "sigmoid" else 1
    return scale * frame_loss(logits, labels, mask, activation)


def token_loss(
    logits: Float[Tensor, "B M K"], classes: Tensor, null_weight: Tensor, activation: str,
    real: Tensor,
) -> Float[Tensor, ""]:  # fmt: skip
    """Cross-entropy with the matched classes; tokens that stand for none weigh ``null_weight``.

    Args:
        logits: K = C + 1.
        classes: (B, M), C where a token stands for no instance.
        null_weight: scalar.
        activation: ``sigmoid``: a binary one per class, summed.
        real: (B,) bool, rows with a real step.
    """
    if activation == "sigmoid":
        target = F.one_hot(classes, logits.shape[-1]).to(logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)
    else:
        loss = F.cross_entropy(logits.transpose(1, 2), classes, reduction="none")
    weight = torch.where(classes == logits.shape[-1] - 1, null_weight, 1.0) * real[:, None]
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def to_frames_loss(
    logits: Float[Tensor, "B M S"], spans: Float[Tensor, "B M S"]
) -> Float[Tensor, ""]:
    """Cross-entropy of each matched token's attention with the units of its instance."""
    return -(logits.log_softmax(-1) * spans).sum() / spans.sum().clamp_min(1)


def to_tokens_loss(
    logits: Float[Tensor, "B S M"], spans: Float[Tensor, "B M S"], stands: Tensor, mask: Tensor,
    activation: str,
) -> Float[Tensor, ""]:  # fmt: skip
    """Each unit's attention to the tokens that stand for an instance, against their spans.

    Args:
        logits: of attention.
        spans: how much of a unit a token's instance covers.
        stands: (B, M) bool.
        mask: (B, S) bool, real units.
        activation: ``sigmoid``: binary cross-entropy, summed over a unit's tokens; ``softmax``:
            cross-entropy over them.
    """
    target = spans.transpose(1, 2)
    if activation == "sigmoid":
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return masked_mean((loss * stands[:, None]).sum(-1), mask)
    log_p = logits.masked_fill(~stands[:, None], _NEVER).log_softmax(-1)
    return -(log_p * target).sum() / spans.sum().clamp_min(1)


def any_token(
    attention: Float[Tensor, "B N M"], tokens: Float[Tensor, "B M C"]
) -> Float[Tensor, "B N C"]:
    """``1 - Π_k (1 - a_tk p_kc)``: some token of class c covers step t."""
    parts = []
    for some in attention.split(_AT_ONCE, 1):
        none = torch.log1p(-(some[..., None] * tokens[:, None]).clamp(max=1 - 1e-6)).sum(2)
        parts.append(-torch.expm1(none))
    return torch.cat(parts, 1)


def one_token_each(
    attention: Float[Tensor, "B N M"], logits: Float[Tensor, "B M K"],
    frames: Float[Tensor, "B N C"],
) -> Float[Tensor, "B N C"]:  # fmt: skip
    """Each step has the classes of the token it attends to most, of those that stand for something.

    Rows whose tokens all stand for nothing keep what the frame branch says.
    """
    stands = logits.argmax(-1) < logits.shape[-1] - 1  # (B, M)
    chosen = attention.masked_fill(~stands[:, None], -1).argmax(-1)  # (B, N)
    found = spread(logits[..., :-1].softmax(-1), chosen)
    return torch.where(stands.any(1)[:, None, None], found, frames)
