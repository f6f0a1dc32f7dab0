"""FACT's blocks: a frame branch and a token branch, and what passes between them.

B rows, N pooled frames, M tokens, S segments, C classes, W channels between blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rhas.methods.fact.branches import (
    Exchange,
    FrameBranch,
    TokenBranch,
    split_classes,
    start_classes,
)
from rhas.methods.fact.config import FactConfig
from rhas.methods.fact.segments import find_runs, predict_labels
from rhas.methods.layers.segments import expand_segments, pool_segments


@dataclass(frozen=True)
class AttentionLogits:
    """Attention between tokens and units: pooled frames (``u``) or predicted segments (``U``).

    Args:
        to_frames: of tokens to units, (B, M, S).
        to_tokens: of units to tokens, (B, S, M).
    """

    to_frames: Tensor
    to_tokens: Tensor


@dataclass(frozen=True)
class PredictedSegments:
    """The segments of a ``U`` block.

    Args:
        index: the segment of each pooled frame, int (B, N).
        present: (B, S) bool, segments that a row has.
        logits: of their classes, (B, S, C).
    """

    index: Tensor
    present: Tensor
    logits: Tensor


@dataclass(frozen=True)
class BlockOutput:
    """What a block predicts, besides the features that it passes on.

    Args:
        frames: class logits (B, N, C).
        tokens: class logits (B, M, C + 1), the last one: no instance.
        attention: None in the input block.
        segments: in a ``U`` block.
    """

    frames: Tensor
    tokens: Tensor
    attention: AttentionLogits | None = None
    segments: PredictedSegments | None = None


class InputBlock(nn.Module):
    """Frames by convolutions, tokens by attention to one another and to the frames."""

    def __init__(self, config: FactConfig, width_in: int, C: int) -> None:
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

    def forward(
        self, x: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, BlockOutput]:
        """Frames (B, N, W), tokens (B, M, W), and the predictions."""
        x, frames = split_classes(self.frames(x, mask), self.classes, self.activation)
        tokens = self.tokens(torch.zeros_like(positions), positions, x, mask)
        tokens, logits = split_classes(tokens, self.classes + 1, self.activation)
        return x, tokens, BlockOutput(frames, logits)


class UpdateBlock(nn.Module):
    """Tokens attend to frames and are refined; then frames attend to tokens and are refined."""

    def __init__(self, config: FactConfig, C: int) -> None:
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
    ) -> tuple[Tensor, Tensor, BlockOutput]:
        """Frames (B, N, W), tokens (B, M, W), and the predictions."""
        y, tokens, logits, attention = self.exchange(x, tokens, positions, mask)
        x, frames = split_classes(self.frames(y, mask), self.classes, self.activation)
        return x, tokens, BlockOutput(frames, logits, attention)

    def exchange(
        self, x: Tensor, tokens: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, AttentionLogits]:
        """New units and tokens, the tokens' class logits, and the attention's logits."""
        tokens, to_frames = self.to_frames(x, tokens, None, positions, mask)
        tokens = self.tokens(tokens, positions)
        tokens, logits = split_classes(tokens, self.classes + 1, self.activation)
        y, to_tokens = self.to_tokens(tokens, x, positions, None, None)
        return y, tokens, logits, AttentionLogits(to_frames, to_tokens)


class SegmentBlock(UpdateBlock):
    """An update block whose exchange is with predicted segments, refined by a bidirectional GRU."""

    def __init__(self, config: FactConfig, C: int) -> None:
        super().__init__(config, C)
        width = config.width
        self.gru = nn.GRU(width, width // 2, bidirectional=True, batch_first=True)
        self.combine = nn.Linear(width, width)
        self.merge = nn.Linear(width + config.frame_width, config.frame_width)

    def forward(
        self, x: Tensor, tokens: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, BlockOutput]:
        """Frames (B, N, W), tokens (B, M, W), and the predictions."""
        labels = predict_labels(x[..., -self.classes :].detach(), self.activation)
        index, present = find_runs(labels, mask)
        units = pool_segments(x, index, mask, present.shape[1])
        units = self.combine(torch.relu(self.run_gru(units, present)))
        units, classes = split_classes(units, self.classes, self.activation)
        y, tokens, logits, attention = self.exchange(units, tokens, positions, present)
        y = torch.relu(self.merge(torch.cat([expand_segments(y, index), x], -1)))
        x, frames = split_classes(self.frames(y, mask), self.classes, self.activation)
        segments = PredictedSegments(index, present, classes)
        return x, tokens, BlockOutput(frames, logits, attention, segments)

    def run_gru(self, units: Tensor, present: Tensor) -> Tensor:
        """The GRU over each row's own segments, (B, S, W) to (B, S, W)."""
        lengths = present.sum(1).clamp_min(1).cpu()
        packed = pack_padded_sequence(units, lengths, batch_first=True, enforce_sorted=False)
        out, _ = self.gru(packed)
        return pad_packed_sequence(out, batch_first=True, total_length=units.shape[1])[0]
