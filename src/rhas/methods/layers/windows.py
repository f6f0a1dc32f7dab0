"""Statistics of features in a window around each pooled frame: level and motion over seconds.

They are made at the frame rate, before frames are averaged: a motion that repeats twice a second is
gone from means over a third of a second. B rows, L frames, N pooled frames, W channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from rhas.methods.layers.config import InputConfig, check_at_least, check_field

_QUIET = 1e-4
"""Power, of a channel with variance 1, below which motion is noise."""


@dataclass(frozen=True)
class WindowConfig(InputConfig):
    """What is measured around each pooled frame.

    Args:
        window: frames of the window, centred on the pooled frame.
        means: equal parts of the window whose means are channels.
        bands: frequencies in cycles per frame whose log power in the window is a channel; at most
            0.5. At 15 frames per second 0.2 is 3 Hz.
    """

    window: int = 30
    means: int = 3
    bands: tuple[float, ...] = (1 / 15, 2 / 15, 1 / 5, 3 / 10)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "means")
        check_field(self, "window", self.window >= self.means, f"at least {self.means} (means)")
        fits = all(0 < band <= 0.5 for band in self.bands)
        check_field(self, "bands", fits, "frequencies above 0, at most 0.5 cycles per frame")

    @property
    def window_channels(self) -> int:
        """Statistics of each channel."""
        return self.means + len(self.bands)


def window_statistics(
    x: Float[Tensor, "B L W"], exists: Bool[Tensor, "B L"], config: WindowConfig
) -> Float[Tensor, "B N K"]:
    """Means and log band powers around each pooled frame, K = (means + bands) W.

    Args:
        x: features, standardised; the values where they do not exist are ignored.
        exists: (B, L) bool.
        config: the window; ``stride`` frames are one pooled frame.

    Returns:
        (B, ⌈L / stride⌉, K), 0 where the window has no existing frame.
    """
    x = torch.where(exists[..., None], x, 0)
    size, first = config.window // config.means, -(config.window // 2)
    parts = [
        mean_over_windows(x, exists, first + part * size, size, config.stride)
        for part in range(config.means)
    ]
    parts += _band_powers(x, exists, config.bands, config.window, config.stride)
    return torch.cat(parts, -1)


def mean_over_windows(
    x: Float[Tensor, "B L W"], exists: Bool[Tensor, "B L"], first: int, size: int, stride: int
) -> Float[Tensor, "B N W"]:
    """Means over the existing frames of centre + first ... centre + first + size - 1.

    Args:
        x: features, 0 where they do not exist.
        exists: bool.
        first: the window's first frame, relative to its centre.
        size: frames of the window.
        stride: frames between the centres; the first is at stride // 2.
    """
    sums, count = (_window_sums(y, first, size, stride) for y in (x, exists[..., None].to(x.dtype)))
    return sums / count.clamp_min(1)


def _window_sums(x: Tensor, first: int, size: int, stride: int) -> Tensor:
    """Sums over a window at every pooled frame; (B, L, W) to (B, N, W)."""
    length = x.shape[1]
    total = F.pad(x.double().cumsum(1), (0, 0, 1, 0))
    centres = torch.arange(stride // 2, length + stride // 2, stride, device=x.device)
    begin, end = ((centres + place).clamp(0, length) for place in (first, first + size))
    return (total[:, end] - total[:, begin]).to(x.dtype)


def _band_powers(
    x: Tensor, exists: Tensor, bands: Sequence[float], window: int, stride: int
) -> list[Tensor]:
    """Half the logarithm of the power at each frequency, in a Hann window; 0 without frames."""
    if not bands:
        return []
    rows, length, width = x.shape
    half = window // 2
    frames = torch.arange(-half, half + 1, device=x.device, dtype=x.dtype)
    hann = torch.hann_window(2 * half + 3, periodic=False, device=x.device, dtype=x.dtype)[1:-1]
    angle = 2 * math.pi * torch.tensor(bands, device=x.device, dtype=x.dtype)[:, None] * frames
    waves = hann * torch.cat([angle.cos(), angle.sin()])
    waves = (waves - hann * waves.sum(1, keepdim=True) / hann.sum()) / hann.sum()  # no mean
    pooled = -(-length // stride)
    right = (pooled - 1) * stride + stride // 2 + half + 1 - length
    signal = F.pad(x.transpose(1, 2).reshape(rows * width, 1, length), (half, max(right, 0)))
    found = F.conv1d(signal[..., stride // 2 :], waves[:, None], stride=stride)[..., :pooled]
    power = found.unflatten(1, (2, len(bands))).square().sum(1)  # (B W, bands, N)
    log_power = 0.5 * torch.log(power + _QUIET)
    seen = _window_sums(exists[..., None].to(x.dtype), -half, 2 * half + 1, stride) > 0
    log_power = log_power.unflatten(0, (rows, width)).permute(2, 0, 3, 1)  # (bands, B, N, W)
    return list(torch.where(seen, log_power, 0))
