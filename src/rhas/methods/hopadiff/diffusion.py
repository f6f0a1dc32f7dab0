"""Diffusion over any denoiser: schedule, noising (section 4.1) and DDIM sampling (Eq. 2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def cosine_schedule(timesteps: int) -> Float[Tensor, " timesteps"]:
    """ᾱ of the timesteps 0 .. timesteps - 1, float64, falling from nearly 1 to nearly 0."""
    grid = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    level = torch.cos((grid + 0.008) / 1.008 * math.pi / 2) ** 2
    keep = (level[1:] / level[:-1]).clamp(min=1e-3)  # beta is at most 0.999
    return keep.cumprod(0)


def add_noise(
    clean: Float[Tensor, "*shape"], noise: Float[Tensor, "*shape"], alpha_bar: Float[Tensor, "..."]
) -> Float[Tensor, "*shape"]:
    """``√ᾱ clean + √(1 - ᾱ) noise``; ᾱ broadcasts against them."""
    return alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise


def sampling_timesteps(timesteps: int, steps: int) -> list[int]:
    """The ``steps`` timesteps that DDIM visits, from timesteps - 1 down, evenly spaced."""
    grid = torch.linspace(-1, timesteps - 1, steps + 1, dtype=torch.float64)
    return [int(t) for t in grid[1:].round().flip(0)]


def ddim(
    denoise: Callable[[Tensor, int], Tensor],
    noise: Callable[[], Tensor],
    alpha_bar: Float[Tensor, " timesteps"],
    steps: int,
    eta: float,
) -> Tensor:
    """A sample by DDIM.

    Args:
        denoise: ``(x_t, t) -> x_0``, the denoiser's estimate of the clean signal.
        noise: draws standard normal noise of the sample's shape.
        alpha_bar: the schedule, (timesteps,).
        steps: how many timesteps are visited.
        eta: 0 is deterministic after the first draw, 1 adds as much noise as DDPM.

    Returns:
        The denoiser's estimate at the last timestep.
    """
    x = noise()
    times = sampling_timesteps(len(alpha_bar), steps)
    for t, following in itertools.pairwise(times):
        clean = denoise(x, t)
        level, next_level = float(alpha_bar[t]), float(alpha_bar[following])
        sigma = eta * math.sqrt((1 - next_level) / (1 - level) * (1 - level / next_level))
        direction = (x - math.sqrt(level) * clean) / math.sqrt(1 - level)
        remaining = math.sqrt(max(1 - next_level - sigma**2, 0))
        x = math.sqrt(next_level) * clean + remaining * direction
        if sigma > 0:
            x = x + sigma * noise()
    return denoise(x, times[-1])
