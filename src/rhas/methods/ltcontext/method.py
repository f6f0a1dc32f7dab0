"""LTContext: dilated convolution, attention in windows and along strides; stages that refine.

B rows, N pooled frames, W channels, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.methods.base import Dims
from rhas.methods.layers.attention import strided_attention, windowed_attention
from rhas.methods.layers.features import FeatureStream, PooledFeatures
from rhas.methods.layers.losses import class_probabilities, frame_loss, smoothing_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.ltcontext.config import LTContextConfig


class LTContext(Segmenter[PooledFeatures]):
    """Stages of blocks; later stages take values from the features of the stage before."""

    config: LTContextConfig

    def __init__(self, config: LTContextConfig, dims: Dims) -> None:
        stream = FeatureStream(config, dims)
        super().__init__(config, dims, stream)
        half = config.width // 2
        self.first = LTContextStage(config, stream.width, config.width, dims.C)
        self.narrow = nn.Linear(config.width, half) if config.stages > 1 else None
        self.rest = nn.ModuleList(
            LTContextStage(config, dims.C, half, dims.C) for _ in range(config.stages - 1)
        )

    def output_biases(self) -> Iterable[Tensor]:
        return [stage.head.bias for stage in (self.first, *self.rest)]

    def stage_logits(self, features: PooledFeatures) -> list[Tensor]:
        """Logits of every stage, each (B, N, C)."""
        mask = features.mask
        logits, x = self.first(features.x, mask, None)
        found = [logits]
        if self.narrow is not None:
            x = self.narrow(x) * mask[..., None]
        for stage in self.rest:
            previous = class_probabilities(logits, self.config.activation) * mask[..., None]
            logits, x = stage(previous, mask, x)
            found.append(logits)
        return found

    def network_losses(
        self, features: PooledFeatures, labels: Tensor, boundary: Tensor
    ) -> dict[str, Tensor]:
        config, mask = self.config, features.mask
        terms = {}
        for number, logits in enumerate(self.stage_logits(features), 1):
            frames = frame_loss(logits, labels, mask, config.activation)
            smooth = smoothing_loss(logits, mask, config.activation)
            terms[f"stage{number}_frame"] = frames
            terms[f"stage{number}_smoothing"] = config.smoothing_weight * smooth
        return terms

    def network_scores(self, features: PooledFeatures, generator: torch.Generator) -> Tensor:
        return class_probabilities(self.stage_logits(features)[-1], self.config.activation)


class LTContextStage(nn.Module):
    """Blocks with dilations 1, 2, 4, ... and a head.

    Args:
        config: the method's.
        inputs: channels that it reads.
        width: W.
        C: action classes.
    """

    def __init__(self, config: LTContextConfig, inputs: int, width: int, C: int) -> None:
        super().__init__()
        self.channel_dropout = nn.Dropout1d(config.channel_dropout)
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            LTContextBlock(config, width, 2**i) for i in range(config.layers)
        )
        self.head = nn.Linear(width, C)

    def forward(self, x: Tensor, mask: Tensor, values: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits and features.

        Args:
            x: (B, N, inputs).
            mask: (B, N) bool.
            values: features of the stage before, (B, N, W); None in the first stage, whose
                values are its own features.

        Returns:
            (B, N, C) and (B, N, W), the latter 0 on padding.
        """
        x = self.channel_dropout(x.transpose(1, 2)).transpose(1, 2)
        x = self.enter(x) * mask[..., None]
        for block in self.blocks:
            x = block(x, mask, values)
        return self.head(x), x


class LTContextBlock(nn.Module):
    """``x + dropout(linear(h))``, h a dilated convolution that both attentions add to.

    Args:
        config: the method's.
        width: W.
        dilation: steps between the convolution's three taps.
    """

    def __init__(self, config: LTContextConfig, width: int, dilation: int) -> None:
        super().__init__()
        self.window, self.stride = config.window, config.long_stride
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
        self.windowed = LTContextAttention(config, width)
        self.strided = LTContextAttention(config, width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor, values: Tensor | None) -> Tensor:
        """(B, N, W) to (B, N, W), 0 on padding; see :meth:`LTContextStage.forward`."""
        real = mask[..., None]
        h = F.gelu(self.conv(x.transpose(1, 2)).transpose(1, 2)) * real
        h = h + self.windowed(h, values, mask, windowed_attention, self.window) * real
        h = h + self.strided(h, values, mask, strided_attention, self.stride) * real
        return (x + self.dropout(self.out(h))) * real


class LTContextAttention(nn.Module):
    """One head of half the width: ``linear(gelu(attention))``."""

    def __init__(self, config: LTContextConfig, width: int) -> None:
        super().__init__()
        self.weight_dropout = config.attention_dropout
        self.query, self.key, self.value = (nn.Linear(width, width // 2) for _ in range(3))
        self.out = nn.Linear(width // 2, width)
        self.dropout = nn.Dropout(config.projection_dropout)

    def forward(
        self, x: Tensor, values: Tensor | None, mask: Tensor, attend: Callable[..., Tensor], n: int
    ) -> Tensor:
        """(B, N, W) to (B, N, W).

        Args:
            x: gives queries and keys.
            values: gives values; None means x.
            mask: (B, N) bool.
            attend: windowed or strided attention.
            n: its window or stride.
        """
        rate = self.weight_dropout if self.training else 0.0
        source = x if values is None else values
        seen = attend(self.query(x), self.key(x), self.value(source), mask, n, rate)
        return self.dropout(self.out(F.gelu(seen)))
