"""Queries that read the pyramid; each becomes a mask of its class.

B rows, N pooled frames, C classes, W channels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from rhas.methods.asquery.backbone import Level, sinusoidal_embedding
from rhas.methods.asquery.config import ASQueryConfig
from rhas.methods.layers.attention import open_empty_rows


class QueryDecoder(nn.Module):
    """C class queries and a boundary query, through self-attention, a level, and a feed-forward.

    Args:
        config: the method's.
        C: action classes.
    """

    def __init__(self, config: ASQueryConfig, C: int) -> None:
        super().__init__()
        width = config.width
        self.queries = nn.Parameter(torch.randn(C + 1, width))
        self.positions = nn.Parameter(torch.randn(C + 1, width))
        rounds = config.decoder_layers * config.decoder_levels
        self.layers = nn.ModuleList(QueryLayer(config) for _ in range(rounds))
        self.levels = [*reversed(range(config.decoder_levels))] * config.decoder_layers
        self.features = nn.Linear(width, width, bias=False)
        self.masks, self.boundary = bottleneck_mlp(width), bottleneck_mlp(width)
        self.bias = nn.Parameter(torch.zeros(C)) if config.prior_bias else None

    def forward(self, levels: list[Level]) -> list[tuple[Tensor, Tensor]]:
        """Class logits (B, N, C) and boundary logits (B, N) before and after each layer."""
        features = self.features(levels[0][0])
        queries = self.queries.expand(len(features), -1, -1)
        found = [self.read_queries(queries, features)]
        for layer, number in zip(self.layers, self.levels, strict=True):
            queries = layer(queries, self.positions, *levels[number])
            found.append(self.read_queries(queries, features))
        return found

    def read_queries(self, queries: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Class and boundary logits: products of queries (B, C + 1, W) and features (B, N, W)."""
        logits = features @ self.masks(queries[:, :-1]).transpose(1, 2)
        if self.bias is not None:
            logits = logits + self.bias
        return logits, (features @ self.boundary(queries[:, -1])[..., None])[..., 0]


class QueryLayer(nn.Module):
    """Self-attention of queries, attention to one level, feed-forward; a norm before each."""

    def __init__(self, config: ASQueryConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attention, self.cross_attention = (
            nn.MultiheadAttention(width, config.heads, config.dropout, batch_first=True)
            for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.ffn = nn.Sequential(
            nn.Linear(width, 4 * width), nn.ReLU(), nn.Dropout(config.dropout),
            nn.Linear(4 * width, width),
        )  # fmt: skip
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, positions: Tensor, level: Tensor, mask: Tensor) -> Tensor:
        """(B, C + 1, W) to the same; ``level`` (B, N, W), ``mask`` (B, N) bool."""
        y = self.norms[0](x)
        at = y + positions
        x = x + self.dropout(self.self_attention(at, at, y, need_weights=False)[0])
        keys = level + sinusoidal_embedding(*level.shape[1:]).to(level.device)
        query = self.norms[1](x) + positions
        hidden = ~open_empty_rows(mask)
        seen, _ = self.cross_attention(
            query, keys, level, key_padding_mask=hidden, need_weights=False
        )
        x = x + self.dropout(seen)
        return x + self.dropout(self.ffn(self.norms[2](x)))


def bottleneck_mlp(width: int) -> nn.Sequential:
    """Three layers, the middle one a quarter as wide."""
    sizes = [width, width // 4, width, width]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
