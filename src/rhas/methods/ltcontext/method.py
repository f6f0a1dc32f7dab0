"""LTContext: dilated convolution, attention in windows and along strides; stages that refine.

B rows, N steps, W channels, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch.nn.functional as F
from torch import Tensor, nn

from rhas.methods import Dims
from rhas.methods.layers.attention import strided_attention, windowed_attention
from rhas.methods.layers.inputs import Steps
from rhas.methods.layers.losses import frame_loss, probabilities, smoothing_loss
from rhas.methods.layers.segmenter import Segmenter
from rhas.methods.ltcontext.config import Config


class LTContext(Segmenter):
    """Stages of blocks; later stages take values from the features of the stage before."""

    def __init__(self, config: Config, dims: Dims) -> None:
        super().__init__(config, dims)
        half = config.width // 2
        self.first = Stage(config, self.stream.width, config.width, dims.C)
        self.narrow = nn.Linear(config.width, half) if config.stages > 1 else None
        self.rest = nn.ModuleList(
            Stage(config, dims.C, half, dims.C) for _ in range(config.stages - 1)
        )

    def biases(self) -> Iterable[Tensor]:
        return [stage.head.bias for stage in (self.first, *self.rest)]

    def logits(self, steps: Steps) -> list[Tensor]:
        """Of every stage, each (B, N, C)."""
        mask = steps.mask
        logits, x = self.first(steps.x, mask, None)
        found = [logits]
        if self.narrow is not None:
            x = self.narrow(x) * mask[..., None]
        for stage in self.rest:
            said = probabilities(logits, self.config.activation) * mask[..., None]
            logits, x = stage(said, mask, x)
            found.append(logits)
        return found

    def step_losses(self, steps: Steps, labels: Tensor, boundary: Tensor) -> dict[str, Tensor]:
        config = self.config
        terms = {}
        for number, logits in enumerate(self.logits(steps), 1):
            frames = frame_loss(logits, labels, steps.mask, config.activation)
            smooth = smoothing_loss(logits, steps.mask, config.activation)
            terms[f"stage{number}_frame"] = frames
            terms[f"stage{number}_smoothing"] = config.smoothing_weight * smooth
        return terms

    def step_scores(self, steps: Steps) -> Tensor:
        return probabilities(self.logits(steps)[-1], self.config.activation)


class Stage(nn.Module):
    """Blocks with dilations 1, 2, 4, ... and a head.

    Args:
        config: the method's.
        inputs: channels that it reads.
        width: W.
        C: action classes.
    """

    def __init__(self, config: Config, inputs: int, width: int, C: int) -> None:
        super().__init__()
        self.channel_dropout = nn.Dropout1d(config.channel_dropout)
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(config, width, 2**i) for i in range(config.layers))
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


class Block(nn.Module):
    """``x + dropout(linear(h))``, h a dilated convolution that both attentions add to.

    Args:
        config: the method's.
        width: W.
        dilation: steps between the convolution's three taps.
    """

    def __init__(self, config: Config, width: int, dilation: int) -> None:
        super().__init__()
        self.window, self.stride = config.window, config.long_stride
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
        self.near = Attention(config, width)
        self.far = Attention(config, width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor, values: Tensor | None) -> Tensor:
        """(B, N, W) to (B, N, W), 0 on padding; see :meth:`Stage.forward`."""
        real = mask[..., None]
        h = F.gelu(self.conv(x.transpose(1, 2)).transpose(1, 2)) * real
        h = h + self.near(h, values, mask, windowed_attention, self.window) * real
        h = h + self.far(h, values, mask, strided_attention, self.stride) * real
        return (x + self.dropout(self.out(h))) * real


class Attention(nn.Module):
    """One head of half the width: ``linear(gelu(attention))``."""

    def __init__(self, config: Config, width: int) -> None:
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
