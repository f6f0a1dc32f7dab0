"""RefAtomNet as a whole: every step on its own.

B rows, N steps, n real steps of all rows, Q tokens of a stream, A agents, W channels, C classes.
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

from rhas.methods import Dims
from rhas.methods.layers.inputs import Steps
from rhas.methods.layers.losses import frame_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.refatomnet.config import Config
from rhas.methods.refatomnet.tokens import TokenSteps, TokenStream


class RefAtomNet(Segmenter):
    """Tokens of the picture, of the crop and of the reference; their agents speak for them."""

    config: Config

    def __init__(self, config: Config, dims: Dims) -> None:
        super().__init__(config, dims)
        self.stream = TokenStream(config, dims)
        width = config.width
        self.entries = nn.ModuleList(nn.Linear(dims.D, width) for _ in self.stream.names)
        self.text = nn.Linear(dims.D_text, width)
        self.places = nn.Parameter(torch.randn(config.text_tokens, width) * 0.02)
        self.blocks = nn.ModuleList(AgentBlock(config) for _ in range(len(self.entries) + 1))
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Sequential(
            nn.Linear(width, config.feedforward * width), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.head = nn.Linear(config.feedforward * width, dims.C)

    def biases(self) -> Iterable[Tensor]:
        return [self.head.bias]

    def step_losses(self, steps: Steps, labels: Tensor, boundary: Tensor) -> dict[str, Tensor]:
        return {"frame": frame_loss(self._logits(steps), labels, steps.mask)}

    def step_scores(self, steps: Steps) -> Tensor:
        return self._logits(steps).sigmoid()

    def _logits(self, steps: Steps) -> Float[Tensor, "B N C"]:
        """Real steps alone go through the network, some at a time."""
        assert isinstance(steps, TokenSteps)
        real = steps.mask
        out = steps.x.new_zeros(*real.shape, self.dims.C)
        if not real.any():
            return out + 0 * sum(p.sum() for p in self.parameters())
        row = real.nonzero()[:, 0]  # (n,)
        text = self.text(steps.text)[:, None] + self.places  # (B, Q, W)
        parts = [
            self._part(text, *part)
            for part in zip(
                row.split(self.config.at_once),
                zip(*(x[real].split(self.config.at_once) for x in steps.streams), strict=True),
                zip(*(x[real].split(self.config.at_once) for x in steps.there), strict=True),
                strict=True,
            )
        ]
        return out.masked_scatter(real[..., None], torch.cat(parts).to(out.dtype))

    def _part(
        self, text: Tensor, row: Tensor, streams: tuple[Tensor, ...], there: tuple[Tensor, ...]
    ) -> Tensor:
        again = torch.is_grad_enabled() and len(row) == self.config.at_once
        if not again:
            return self.fused(text[row], streams, there)
        return checkpoint(self.fused, text[row], streams, there, use_reentrant=False)

    def fused(
        self,
        text: Float[Tensor, "n K W"],
        streams: tuple[Float[Tensor, "n Q D"], ...],
        there: tuple[Bool[Tensor, " n"], ...],
    ) -> Float[Tensor, "n C"]:
        """Logits of steps.

        What the agents of all streams have gathered is added up, and every stream's tokens read
        their own agents' share of it. A stream that does not exist in a step adds nothing.

        Args:
            text: tokens of each step's reference.
            streams: query tokens of each stream.
            there: whether the stream exists.
        """
        tokens = [entry(x) for entry, x in zip(self.entries, streams, strict=True)] + [text]
        weights = [x[:, None, None].to(text.dtype) for x in there] + [text.new_ones(1, 1, 1)]
        blocks = cast(Iterable[AgentBlock], self.blocks)
        asked = [block.ask(x) for block, x in zip(blocks, tokens, strict=True)]
        shares = [w * a.gathered for w, a in zip(weights, asked, strict=True)]
        gathered = torch.stack(shares).sum(0)  # (n, A, W)
        told = [
            block.tell(x, a.queries, a.agents, gathered)
            for block, x, a in zip(blocks, tokens, asked, strict=True)
        ]
        means = [(w * x).mean(1) for w, x in zip(weights, told, strict=True)]
        return self.head(self.hidden(self.norm(torch.stack(means).sum(0))))


@dataclass(frozen=True)
class Asked:
    """The first half of a stream's agent attention.

    Args:
        queries: (n, Q, W).
        agents: (n, A, W), the queries averaged in groups.
        gathered: (n, A, W), what the agents take from the stream's values.
    """

    queries: Tensor
    agents: Tensor
    gathered: Tensor


class AgentBlock(nn.Module):
    """Agent attention with one head, and a feed-forward part."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.agents = config.agents
        self.norm = nn.LayerNorm(width)
        self.triple = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.forth = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, config.feedforward * width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feedforward * width, width),
            nn.Dropout(config.dropout),
        )

    def ask(self, x: Float[Tensor, "n Q W"]) -> Asked:
        """Agents attend to their stream's tokens."""
        queries, keys, values = self.triple(self.norm(x)).chunk(3, -1)
        agents = F.adaptive_avg_pool1d(queries.transpose(1, 2), self.agents).transpose(1, 2)
        return Asked(queries, agents, attention(agents, keys, values))

    def tell(
        self, x: Float[Tensor, "n Q W"], queries: Float[Tensor, "n Q W"],
        agents: Float[Tensor, "n A W"], gathered: Float[Tensor, "n A W"],
    ) -> Float[Tensor, "n Q W"]:  # fmt: skip
        """The stream's tokens attend to their agents, who hold what all streams have gathered."""
        x = x + self.dropout(self.out(attention(queries, agents, gathered)))
        return x + self.forth(x)


def attention(
    queries: Float[Tensor, "n q W"], keys: Float[Tensor, "n k W"], values: Float[Tensor, "n k W"]
) -> Float[Tensor, "n q W"]:
    """Scaled dot-product attention of every step on its own, one head."""
    scores = queries @ keys.transpose(1, 2) / math.sqrt(queries.shape[2])  # (n, q, k)
    return scores.softmax(-1) @ values
