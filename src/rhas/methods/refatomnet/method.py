"""RefAtomNet as a whole: every pooled frame on its own.

B rows, N pooled frames, n real ones of all rows, Q tokens of a stream, A agents, W channels,
C classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rhas.methods.base import Dims
from rhas.methods.layers.config import STREAMS
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.refatomnet.config import RefAtomNetConfig
from rhas.methods.refatomnet.tokens import PooledTokens, TokenReader


class RefAtomNet(Segmenter[PooledTokens]):
    """Tokens of the frame, of the crop and of the reference, exchanged through their agents."""

    config: RefAtomNetConfig

    def __init__(self, config: RefAtomNetConfig, dims: Dims) -> None:
        names = STREAMS[config.inputs]
        super().__init__(config, dims, TokenReader(config, dims.D, names))
        width = config.width
        self.entries = nn.ModuleList(nn.Linear(dims.D, width) for _ in names)
        self.text = nn.Linear(dims.D_text, width)
        self.places = nn.Parameter(torch.randn(config.text_tokens, width) * 0.02)
        self.blocks = nn.ModuleList(AgentBlock(config) for _ in range(len(self.entries) + 1))
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Sequential(
            nn.Linear(width, config.feedforward * width), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.head = nn.Linear(config.feedforward * width, dims.C)

    def output_biases(self) -> Iterable[Tensor]:
        return [self.head.bias]

    def network_losses(
        self, features: PooledTokens, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        return {"frame": frame_loss(self._frame_logits(features), labels, features.mask)}

    def network_scores(self, features: PooledTokens, generator: torch.Generator) -> Tensor:
        return self._frame_logits(features).sigmoid()

    def _frame_logits(self, features: PooledTokens) -> Float[Tensor, "B N C"]:
        """Real pooled frames alone go through the network, ``at_once`` of them at a time."""
        real = features.mask
        out = features.streams[0].new_zeros(*real.shape, self.dims.C)
        if not real.any():
            return out + 0 * sum(p.sum() for p in self.parameters())
        row = real.nonzero()[:, 0]  # (n,)
        text = self.text(features.text)[:, None] + self.places  # (B, Q, W)
        size = self.config.at_once
        parts = [
            self._group_logits(text, *part)
            for part in zip(
                row.split(size),
                zip(*(x[real].split(size) for x in features.streams), strict=True),
                zip(*(x[real].split(size) for x in features.exists), strict=True),
                strict=True,
            )
        ]
        return out.masked_scatter(real[..., None], torch.cat(parts).to(out.dtype))

    def _group_logits(
        self, text: Tensor, row: Tensor, streams: tuple[Tensor, ...], exists: tuple[Tensor, ...]
    ) -> Tensor:
        if not torch.is_grad_enabled() or len(row) < self.config.at_once:
            return self.fuse_streams(text[row], streams, exists)
        return checkpoint(self.fuse_streams, text[row], streams, exists, use_reentrant=False)

    def fuse_streams(
        self,
        text: Float[Tensor, "n K W"],
        streams: tuple[Float[Tensor, "n Q D"], ...],
        exists: tuple[Bool[Tensor, " n"], ...],
    ) -> Float[Tensor, "n C"]:
        """Logits of pooled frames.

        What the agents of all streams have gathered is summed, and every stream's tokens read the
        sum through their own agents. A stream that does not exist in a frame adds nothing.

        Args:
            text: tokens of each frame's reference.
            streams: query tokens of each stream.
            exists: whether the stream exists.
        """
        tokens = [entry(x) for entry, x in zip(self.entries, streams, strict=True)] + [text]
        weights = [x[:, None, None].to(text.dtype) for x in exists] + [text.new_ones(1, 1, 1)]
        blocks = cast(Iterable[AgentBlock], self.blocks)
        agents = [block.gather_values(x) for block, x in zip(blocks, tokens, strict=True)]
        shares = [w * a.gathered for w, a in zip(weights, agents, strict=True)]
        gathered = torch.stack(shares).sum(0)  # (n, A, W)
        updated = [
            block.read_agents(x, a.queries, a.agents, gathered)
            for block, x, a in zip(blocks, tokens, agents, strict=True)
        ]
        means = [(w * x).mean(1) for w, x in zip(weights, updated, strict=True)]
        return self.head(self.hidden(self.norm(torch.stack(means).sum(0))))


@dataclass(frozen=True)
class AgentValues:
    """The first half of a stream's agent attention.

    Args:
        queries: (n, Q, W).
        agents: (n, A, W), the queries averaged in groups.
        gathered: (n, A, W), what the agents gather from the stream's values.
    """

    queries: Tensor
    agents: Tensor
    gathered: Tensor


class AgentBlock(nn.Module):
    """Agent attention with one head, and a feed-forward part."""

    def __init__(self, config: RefAtomNetConfig) -> None:
        super().__init__()
        width = config.width
        self.agents = config.agents
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.ffn = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, config.feedforward * width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feedforward * width, width),
            nn.Dropout(config.dropout),
        )

    def gather_values(self, x: Float[Tensor, "n Q W"]) -> AgentValues:
        """Agents attend to their stream's tokens."""
        queries, keys, values = self.qkv(self.norm(x)).chunk(3, -1)
        agents = F.adaptive_avg_pool1d(queries.transpose(1, 2), self.agents).transpose(1, 2)
        return AgentValues(queries, agents, token_attention(agents, keys, values))

    def read_agents(
        self, x: Float[Tensor, "n Q W"], queries: Float[Tensor, "n Q W"],
        agents: Float[Tensor, "n A W"], gathered: Float[Tensor, "n A W"],
    ) -> Float[Tensor, "n Q W"]:  # fmt: skip
        """The stream's tokens attend to their agents, which hold what all streams have gathered."""
        x = x + self.dropout(self.out(token_attention(queries, agents, gathered)))
        return x + self.ffn(x)


def token_attention(
    queries: Float[Tensor, "n q W"], keys: Float[Tensor, "n k W"], values: Float[Tensor, "n k W"]
) -> Float[Tensor, "n q W"]:
    """Scaled dot-product attention of every pooled frame on its own, one head."""
    scores = queries @ keys.transpose(1, 2) / math.sqrt(queries.shape[2])  # (n, q, k)
    return scores.softmax(-1) @ values
