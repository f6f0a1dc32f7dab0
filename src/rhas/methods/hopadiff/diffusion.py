"""Diffusion over any denoiser: schedule, noising (section 4.1) and DDIM sampling (Eq. 2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def cosine_schedule(timesteps: int) -> Float[Tensor, "timesteps"]:
    """ᾱ of steps 0 .. timesteps - 1, float64, falling from nearly 1 to nearly 0."""
    grid = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    level = torch.cos((grid + 0.008) / 1.008 * math.pi / 2) ** 2
    keep = (level[1:] / level[:-1]).clamp(min=1e-3)  # beta is at most 0.999
    return keep.cumprod(0)


def add_noise(
    clean: Float[Tensor, "*shape"], noise: Float[Tensor, "*shape"], alpha_bar: Float[Tensor, "..."]
) -> Float[Tensor, "*shape"]:
    """``√ᾱ clean + √(1 - ᾱ) noise``; ᾱ broadcasts against them."""
    return alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise


def sampling_times(timesteps: int, steps: int) -> list[int]:
    """The ``steps`` diffusion steps that DDIM visits, from timesteps - 1 down, evenly spaced."""
    grid = torch.linspace(-1, timesteps - 1, steps + 1, dtype=torch.float64)
    return [int(t) for t in grid[1:].round().flip(0)]


def ddim(
    denoise: Callable[[Tensor, int], Tensor],
    noise: Callable[[], Tensor],
    alpha_bar: Float[Tensor, "timesteps"],
    steps: int,
    eta: float,
) -> Tensor:
    """A sample by DDIM.

    Args:
        denoise: ``(x_t, t) -> x_0``, the denoiser's estimate of the clean signal.
        noise: draws standard normal noise of the sample's shape.
        alpha_bar: the schedule, (timesteps,).
        steps: how many diffusion steps are visited.
        eta: 0 is deterministic after the first draw, 1 adds as much noise as DDPM.

    Returns:
        The denoiser's estimate at the last step.
    """
    x = noise()
    times = sampling_times(len(alpha_bar), steps)
    for t, following in itertools.pairwise(times):
        clean = denoise(x, t)
        here, there = float(alpha_bar[t]), float(alpha_bar[following])
        sigma = eta * math.sqrt((1 - there) / (1 - here) * (1 - here / there))
        direction = (x - math.sqrt(here) * clean) / math.sqrt(1 - here)
        x = math.sqrt(there) * clean + math.sqrt(max(1 - there - sigma**2, 0)) * direction
        if sigma > 0:
            x = x + sigma * noise()
    return denoise(x, times[-1])
