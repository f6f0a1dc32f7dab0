"""Spectra along time as conditions (Eq. 6)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rhas.methods.hopadiff.layers import upcast


def dft(z: Float[Tensor, "B L W"]) -> Float[Tensor, "B L 2*W"]:
    """Discrete Fourier transform along time, orthonormal: real parts, then imaginary parts.

    The whole spectrum of L frequencies, redundant for real signals, so that it has one entry per
    frame as Eq. 7 needs: position l holds frequency l / L cycles a frame.

    Args:
        z: (B, L, W), 0 on padding.

    Returns:
        (B, L, 2 W)
    """
    spectrum = torch.fft.fft(z, dim=1, norm="ortho")
    return torch.cat([spectrum.real, spectrum.imag], -1)


def dct(z: Float[Tensor, "B L W"]) -> Float[Tensor, "B L W"]:
    """DCT-II along time, orthonormal; (B, L, W) to (B, L, W)."""
    length = z.shape[1]
    # The even frames, then the odd ones backwards: their DFT, turned by a quarter sample, is it.
    folded = torch.cat([z[:, ::2], z[:, 1::2].flip(1)], 1)
    spectrum = torch.fft.fft(folded, dim=1)
    angle = torch.arange(length, device=z.device, dtype=z.dtype) * (math.pi / (2 * length))
    turned = spectrum.real * angle.cos()[:, None] + spectrum.imag * angle.sin()[:, None]
    scale = torch.full((length, 1), math.sqrt(2 / length), device=z.device, dtype=z.dtype)
    scale[0] = math.sqrt(1 / length)
    return turned * scale


class SpectrumEmbedding(nn.Module):
    """A spectrum, projected. The bin of the mean is √L times larger: asinh compresses every entry
    and leaves frequencies their powers beside each other.

    Args:
        kind: ``dft`` or ``dct``.
        width: W.
        out: channels of the embedding.
    """

    def __init__(self, kind: str, width: int, out: int) -> None:
        super().__init__()
        self.transform = {"dft": dft, "dct": dct}[kind]
        self.project = nn.Linear(2 * width if kind == "dft" else width, out)

    def forward(self, z: Float[Tensor, "B L W"]) -> Float[Tensor, "B L out"]:
        """(B, L, W), 0 on padding, to (B, L, out)."""
        return self.project(self.transform(upcast(z)).asinh())
