"""DiffAct's published encoder, decoder and sampling as slow plain functions of a state dict.

Written from the description of the model (ICCV 2023) with the published names of the weights.
Channels come before frames, (B, W, L), as there. C classes, n taps of the attention.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
LEAK = 1e-6  # what a tap outside the sample adds to the softmax's sum in the published code


def random_state(
    *, D: int, C: int, layers: int, maps: int, decoder_layers: int, decoder_maps: int,
    kernels: tuple[int, int], kept: Sequence[int], time_width: int,
) -> State:  # fmt: skip
    """Weights under the published names, drawn from torch's generator, float64."""
    state: State = {}

    def matrix(name: str, out: int, *size: int) -> None:
        state[f"{name}.weight"] = torch.randn(out, *size).double() / math.sqrt(math.prod(size))
        state[f"{name}.bias"] = 0.3 * torch.randn(out).double()

    def layer(name: str, width: int, cross: int, kernel: int) -> None:
        matrix(f"{name}.conv_block.0", width, width, kernel)
        matrix(f"{name}.att_linear_q", width, width + cross, 1)
        matrix(f"{name}.att_linear_k", width, width + cross, 1)
        matrix(f"{name}.att_linear_v", width, width, 1)
        matrix(f"{name}.ffn_block.0", width, width, 1)
        matrix(f"{name}.ffn_block.2", width, width, 1)

    matrix("encoder.conv_in", maps, D, 1)
    for number in range(layers):
        layer(f"encoder.encoder.layers.{number}", maps, 0, kernels[0])
    matrix("encoder.conv_out", C, maps, 1)
    matrix("decoder.time_in.0", time_width, time_width)
    matrix("decoder.time_in.1", time_width, time_width)
    matrix("decoder.conv_in", decoder_maps, C, 1)
    matrix("decoder.module.time_proj", decoder_maps, time_width)
    for number in range(decoder_layers):
        name = f"decoder.module.layers.{number}"
        layer(name, decoder_maps, maps * len(kept), kernels[1])
    matrix("decoder.conv_out", C, decoder_maps, 1)
    return state


def encode(state: State, x: Tensor, layers: int, kept: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(B, D, L) to the condition (B, maps · kept, L) and the logits (B, C, L)."""
    x = _conv(state, "encoder.conv_in", x)
    outputs = []
    for number in range(layers):
        x = _layer(state, f"encoder.encoder.layers.{number}", x, None, 2**number, LEAK)
        outputs.append(x)
    return torch.cat([outputs[k] for k in kept], 1), _conv(state, "encoder.conv_out", x)


def decode(
    state: State, condition: Tensor, t: int, event: Tensor, layers: int, leak: float = LEAK
) -> Tensor:
    """Logits of the clean labels, (B, C, L), from noisy ones in [0, 1]."""
    half = state["decoder.time_in.0.weight"].shape[1] // 2
    angles = [t * 10_000 ** (-k / (half - 1)) for k in range(half)]
    time = torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles]).double()
    for name in ("decoder.time_in.0", "decoder.time_in.1", "decoder.module.time_proj"):
        if name != "decoder.time_in.0":
            time = time * torch.sigmoid(time)
        time = state[f"{name}.weight"] @ time + state[f"{name}.bias"]
    x = _conv(state, "decoder.conv_in", event) + time[:, None]
    for number in range(layers):
        x = _layer(state, f"decoder.module.layers.{number}", x, condition, 2**number, leak)
    return _conv(state, "decoder.conv_out", x)


def sample(
    state: State, condition: Tensor, noises: list[Tensor], layers: int, timesteps: int, scale: float
) -> Tensor:
    """DDIM with η = 1 and one step per noise, softmax over classes; (B, C, L) in [0, 1]."""
    level = [math.cos((k / timesteps + 0.008) / 1.008 * math.pi / 2) ** 2
             for k in range(timesteps + 1)]  # fmt: skip
    alpha, alphas = 1.0, []
    for before, after in itertools.pairwise(level):
        alpha *= 1 - min(1 - after / before, 0.999)
        alphas.append(alpha)
    steps = len(noises)
    times = [int(-1 + timesteps * k / steps) for k in range(steps, -1, -1)]
    x = noises[0]
    for k in range(steps):
        here = alphas[times[k]]
        event = (x.clamp(-scale, scale) / scale + 1) / 2
        p = torch.softmax(decode(state, condition, times[k], event, layers), 1)
        clean = (2 * p - 1) * scale
        if times[k + 1] < 0:
            return p
        there = alphas[times[k + 1]]
        noise = (x / math.sqrt(here) - clean) / math.sqrt(1 / here - 1)
        sigma = math.sqrt((1 - here / there) * (1 - there) / (1 - here))
        x = math.sqrt(there) * clean + math.sqrt(1 - there - sigma**2) * noise
        x = x + sigma * noises[k + 1]
    raise AssertionError("the last step is at -1")


def _conv(state: State, name: str, x: Tensor, dilation: int = 1) -> Tensor:
    weight = state[f"{name}.weight"]
    padding = dilation * (weight.shape[2] // 2)
    return F.conv1d(x, weight, state[f"{name}.bias"], padding=padding, dilation=dilation)


def _layer(
    state: State, name: str, x: Tensor, cross: Tensor | None, dilation: int, leak: float
) -> Tensor:
    both = x if cross is None else torch.cat([x, cross], 1)
    q, k = (_conv(state, f"{name}.att_linear_{part}", both) for part in "qk")
    v = _conv(state, f"{name}.att_linear_v", x)
    radius = state[f"{name}.conv_block.0.weight"].shape[2] // 2
    length = x.shape[2]
    seen = torch.zeros_like(v)
    for t in range(length):
        taps = [t + dilation * tap for tap in range(-radius, radius + 1)]
        inside = [s for s in taps if 0 <= s < length]
        scores = (q[:, :, t, None] * k[:, :, inside]).sum(1) / math.sqrt(q.shape[1])
        weights = scores.exp()
        total = weights.sum(1) + leak * (len(taps) - len(inside))
        seen[:, :, t] = (v[:, :, inside] * weights[:, None]).sum(2) / total[:, None]
    mixed = _conv(state, f"{name}.conv_block.0", x, dilation) + seen
    mixed = F.relu(_conv(state, f"{name}.ffn_block.0", F.instance_norm(mixed)))
    return x + _conv(state, f"{name}.ffn_block.2", mixed)
