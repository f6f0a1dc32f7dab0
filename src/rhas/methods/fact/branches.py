"""FACT's branches and the attention between them.

B rows, N pooled frames (or segments), M tokens, W channels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.methods.layers.attention import open_empty_rows
from rhas.methods.layers.losses import class_probabilities

_NEVER = -1e30


def split_classes(x: Tensor, classes: int, activation: str) -> tuple[Tensor, Tensor]:
    """Features whose last channels are class logits: with probabilities there, and the logits."""
    rest, logits = x.split([x.shape[-1] - classes, classes], -1)
    return torch.cat([rest, class_probabilities(logits, activation)], -1), logits


def start_classes(head: nn.Linear, classes: int, activation: str) -> None:
    """Sigmoids of a head's last channels start at 1 / classes, as a softmax over them does."""
    if activation == "sigmoid":
        nn.init.constant_(head.bias[-classes:], -math.log(classes))


class FrameBranch(nn.Module):
    """MS-TCN++: in each layer a long and a short dilation side by side, then a residual.

    Args:
        width_in: channels that it reads; where they are ``width`` there is no entry layer.
        width: inside.
        width_out: channels that it gives.
        layers: how many.
        dropout: behind all layers but the last.
    """

    def __init__(
        self, width_in: int, width: int, width_out: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(width_in, width) if width_in != width else None
        self.falling, self.rising = (
            nn.ModuleList(
                nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
                for dilation in dilations
            )
            for dilations in (
                [2**i for i in reversed(range(layers))],
                [2**i for i in range(layers)],
            )
        )
        self.fuse = nn.ModuleList(nn.Conv1d(2 * width, width, 1) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, width_out)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, N, width_in) to (B, N, width_out)."""
        real = mask[:, None]
        x = x if self.enter is None else self.enter(x)
        x = x.transpose(1, 2) * real  # (B, W, N)
        last = len(self.fuse) - 1
        for i, (far, near, fuse) in enumerate(
            zip(self.falling, self.rising, self.fuse, strict=True)
        ):
            h = F.relu(fuse(torch.cat([far(x), near(x)], 1)))
            x = (x + (h if i == last else self.dropout(h))) * real
        return self.out(x.transpose(1, 2))


class TokenLayer(nn.Module):
    """Self-attention of tokens, attention to frames where ``memory`` says how wide, feed-forward.

    Args:
        width: of tokens.
        heads: of both attentions.
        ffn: inner width of the feed-forward part.
        dropout: of attention weights and of what each part adds.
        memory: channels of the frames; None: no attention to frames.
    """

    def __init__(
        self, width: int, heads: int, ffn: int, dropout: float, memory: int | None
    ) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.self_norm = nn.LayerNorm(width)
        self.cross_attention = self.cross_norm = None
        if memory is not None:
            self.cross_attention = nn.MultiheadAttention(
                width, heads, dropout, kdim=memory, vdim=memory, batch_first=True
            )
            self.cross_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(
            nn.Linear(width, ffn), nn.ReLU(), nn.Dropout(dropout), nn.Linear(ffn, width)
        )
        self.ffn_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, position: Tensor, frames: Tensor | None, hidden: Tensor | None
    ) -> Tensor:
        """(B, M, W) to (B, M, W).

        Args:
            x: tokens.
            position: their learned positions, added to queries and keys among tokens.
            frames: (B, N, memory).
            hidden: (B, N) bool, the steps that are not to be seen.
        """
        at = x + position
        x = self.self_norm(x + self.dropout(self.self_attention(at, at, x, need_weights=False)[0]))
        if self.cross_attention is not None and self.cross_norm is not None:
            seen, _ = self.cross_attention(
                x + position, frames, frames, key_padding_mask=hidden, need_weights=False
            )
            x = self.cross_norm(x + self.dropout(seen))
        return self.ffn_norm(x + self.dropout(self.ffn(x)))


class TokenBranch(nn.Module):
    """Token layers and a way out.

    Args:
        width: of tokens inside.
        width_out: channels that it gives.
        layers: how many.
        heads, ffn, dropout, memory: see :class:`TokenLayer`; with ``memory`` the branch ends in
            one more norm.
    """

    def __init__(
        self, width: int, width_out: int, layers: int, heads: int, ffn: int, dropout: float,
        memory: int | None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = nn.ModuleList(
            TokenLayer(width, heads, ffn, dropout, memory) for _ in range(layers)
        )
        self.norm = nn.Identity() if memory is None else nn.LayerNorm(width)
        self.out = nn.Linear(width, width_out)

    def forward(
        self, x: Tensor, position: Tensor, frames: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """(B, M, W) to (B, M, width_out); ``mask`` (B, N) says which steps are real."""
        hidden = None if mask is None else ~open_empty_rows(mask)
        for layer in self.layers:
            x = layer(x, position, frames, hidden)
        return self.out(self.norm(x))


class Exchange(nn.Module):
    """One head of attention from y to x; y goes on with what it saw of x at its side.

    Args:
        width: of x and y, and of the head.
        width_out: channels of the new y.
        dropout: on y and what it saw.
        free: each y takes of any number of x: weights are sigmoids, and their sum is brought down
            to 1 where it is more. Else they are a softmax over x.
        keys: how many x there are, about; with ``free`` the weights start at 1 / keys.
    """

    def __init__(self, width: int, width_out: int, dropout: float, free: bool, keys: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(2 * width, width_out)
        self.dropout = nn.Dropout(dropout)
        self.bias = nn.Parameter(torch.tensor(-math.log(keys))) if free else None

    def forward(
        self, x: Tensor, y: Tensor, x_position: Tensor | None, y_position: Tensor | None,
        mask: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """New y (B, Y, width_out) and the logits of the weights (B, Y, X).

        Args:
            x: (B, X, W).
            y: (B, Y, W).
            x_position: added to the first channels of x for keys.
            y_position: added to the first channels of y for queries.
            mask: (B, X) bool, the x that are real; None: all.
        """
        q, k = self.query(_add_position(y, y_position)), self.key(_add_position(x, x_position))
        logits = q @ k.transpose(1, 2) * q.shape[-1] ** -0.5  # (B, Y, X)
        if self.bias is not None:
            logits = logits + self.bias
        if mask is not None:
            logits = logits.masked_fill(~open_empty_rows(mask)[:, None], _NEVER)
        seen = attention_weights(logits, self.bias is not None) @ self.value(x)
        return self.out(self.dropout(torch.cat([y, seen], -1))), logits


def attention_weights(logits: Tensor, free: bool) -> Tensor:
    """Softmax, or sigmoids whose sum is at most 1."""
    if not free:
        return logits.softmax(-1)
    weights = logits.sigmoid()
    return weights / weights.sum(-1, keepdim=True).clamp_min(1)


def _add_position(x: Tensor, position: Tensor | None) -> Tensor:
    if position is None:
        return x
    return x + F.pad(position, (0, x.shape[-1] - position.shape[-1]))
