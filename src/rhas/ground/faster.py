"""Layers of GroundingDINO's encoder in forms that compute the same for less, for both libraries.

B batch, N places of the picture (all levels), C width, H heads, T tokens, L levels, K points.
Measured on one core for an encoder layer at 800 × 1333 pixels: deformable attention 1.7 s -> 0.2 s,
fusion 0.7 s -> 0.04 s, feed-forward 0.6 s -> 0.5 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def deformable_attention(
    value: Tensor, shapes: Sequence[Sequence[int]], locations: Tensor, weights: Tensor
) -> Tensor:
    """Weighted sums of bilinear samples: one gather of whole rows instead of ``grid_sample``, which
    visits the channels one by one.

    Args:
        value: (B, N, H, C/H), level after level, rows of each picture one after another.
        shapes: height and width of each level.
        locations: (B, Q, H, L, K, 2) x and y in [0, 1] of the level; zeros outside.
        weights: (B, Q, H, L, K).

    Returns:
        (B, Q, C).
    """
    batch, _, heads, channels = value.shape
    queries = locations.shape[1]
    sides = torch.as_tensor([[int(w), int(h)] for h, w in shapes], device=value.device)  # (L, 2)
    maps = value.float().split([int(h) * int(w) for h, w in shapes], 1)
    # A border of zeros, before one place wide and after two, takes in what lies outside.
    table = torch.cat(
        [
            F.pad(level.view(batch, int(h), int(w), -1), (0, 0, 1, 2, 1, 2)).flatten(1, 2)
            for level, (h, w) in zip(maps, shapes, strict=True)
        ],
        1,
    )  # (B, N', H·C/H)
    padded = sides + 3
    first = torch.cat([padded.new_zeros(1), padded.prod(1).cumsum(0)[:-1]])  # (L,)
    at = locations.float() * sides[:, None] - 0.5
    at = torch.minimum(at.clamp(min=-1), sides[:, None].float())
    low = at.floor()
    right, down = (at - low).unbind(-1)  # (B, Q, H, L, K): the parts that go to the next place
    x, y = (low.int() + 1).unbind(-1)
    width = padded[:, :1].int()  # (L, 1)
    rows = torch.arange(batch, device=value.device).view(-1, 1, 1, 1, 1) * table.shape[1]
    head = torch.arange(heads, device=value.device).view(-1, 1, 1)
    start = ((rows + first[:, None]) * heads + head).int()  # (B, 1, H, L, 1)
    corner = start + (y * width + x) * heads
    below = width * heads
    places = torch.stack([corner, corner + heads, corner + below, corner + below + heads], -1)
    on_right = weights * right
    on_left = weights - on_right
    below_right, below_left = on_right * down, on_left * down
    shares = torch.stack(
        [on_left - below_left, on_right - below_right, below_left, below_right], -1
    )
    count = places.shape[3] * places.shape[4] * 4
    out = F.embedding_bag(
        places.view(-1, count),
        table.view(-1, channels),
        mode="sum",
        per_sample_weights=shares.view(-1, count).float(),
    )
    return out.view(batch, queries, heads * channels)


class DeformableAttention(nn.Module):
    """`deformable_attention` in the place of transformers' ``MultiScaleDeformableAttention``."""

    def forward(
        self,
        value: Tensor,
        value_spatial_shapes: Tensor,
        value_spatial_shapes_list: list[tuple[int, int]],
        level_start_index: Tensor,
        sampling_locations: Tensor,
        attention_weights: Tensor,
        im2col_step: int,
    ) -> Tensor:
        """See `deformable_attention`."""
        return deformable_attention(
            value, value_spatial_shapes_list, sampling_locations, attention_weights
        )


def fuse(
    vision: Tensor,
    text: Tensor,
    hidden_vision: Tensor | None,
    hidden_text: Tensor | None,
    parts: Sequence[nn.Linear],
    heads: int,
) -> tuple[Tensor, Tensor]:
    """Attention of picture to text and back, with every projection of the picture's many places
    moved to the text's few tokens: (V·W)·Kᵀ = V·(W·Kᵀ), P·(V·W) = (P·V)·W, P·U·W = P·(U·W).

    Args:
        vision: (B, N, C).
        text: (B, T, C).
        hidden_vision: bool (B, N), True on padding.
        hidden_text: bool (B, T), True on padding.
        parts: projections of the picture's queries, the text's keys, the picture's values, the
            text's values, the picture's output, the text's output.
        heads: H.

    Returns:
        What is added to the picture (B, N, C) and to the text (B, T, C).
    """
    query, key, vision_value, text_value, vision_out, text_out = parts
    batch, tokens, _ = text.shape
    width = query.out_features // heads

    def split(states: Tensor) -> Tensor:
        return states.view(batch, tokens, heads, width).transpose(1, 2)  # (B, H, T, C')

    keys = split(key(text)) * width**-0.5
    folded = keys @ query.weight.view(heads, width, -1)  # (B, H, T, C)
    bias = keys @ query.bias.view(heads, width, 1)  # (B, H, T, 1)
    logits = (folded.flatten(1, 2) @ vision.transpose(1, 2)).view(batch, heads, tokens, -1) + bias
    logits = (logits - logits.max()).clamp(min=-50000)  # as both libraries, against overflow
    to_vision = (logits - logits.amax(-1, keepdim=True)).clamp(min=-50000)
    if hidden_vision is not None:
        to_vision = to_vision.masked_fill(hidden_vision[:, None, None], float("-inf"))
    if hidden_text is not None:
        logits = logits.masked_fill(hidden_text[:, None, :, None], float("-inf"))
    seen = (to_vision.softmax(-1).flatten(1, 2) @ vision).view(batch, heads, tokens, -1)
    seen = seen @ vision_value.weight.view(heads, width, -1).transpose(1, 2)  # (B, H, T, C')
    seen = seen.transpose(1, 2).reshape(batch, tokens, -1) + vision_value.bias
    told = split(text_value(text)) @ vision_out.weight.view(-1, heads, width).permute(1, 2, 0)
    shares = logits.softmax(2).flatten(1, 2).transpose(1, 2)  # (B, N, H·T)
    return shares @ told.flatten(1, 2) + vision_out.bias, text_out(seen)


class TransformersFusion(nn.Module):
    """`fuse` in the place of transformers' ``GroundingDinoBiMultiHeadAttention``."""

    def __init__(self, library: Any) -> None:
        super().__init__()
        self.heads = library.num_heads
        self.parts = nn.ModuleList(
            [
                library.vision_proj, library.text_proj,
                library.values_vision_proj, library.values_text_proj,
                library.out_vision_proj, library.out_text_proj,
            ]
        )  # fmt: skip

    def forward(
        self,
        vision_features: Tensor,
        text_features: Tensor,
        vision_attention_mask: Tensor | None = None,
        text_attention_mask: Tensor | None = None,
    ) -> tuple[tuple[Tensor, None], tuple[Tensor, None]]:
        """See `fuse`; no attention weights come with it."""
        vision, text = fuse(
            vision_features, text_features, vision_attention_mask, text_attention_mask,
            list(self.parts), self.heads,  # type: ignore[arg-type]
        )  # fmt: skip
        return (vision, None), (text, None)


class OfficialFusion(nn.Module):
    """`fuse` in the place of groundingdino's ``BiMultiHeadAttention``."""

    def __init__(self, library: Any) -> None:
        super().__init__()
        self.heads = library.num_heads
        self.parts = nn.ModuleList(
            [
                library.v_proj, library.l_proj, library.values_v_proj, library.values_l_proj,
                library.out_v_proj, library.out_l_proj,
            ]
        )  # fmt: skip

    def forward(
        self,
        v: Tensor,
        l: Tensor,  # noqa: E741  the library's name
        attention_mask_v: Tensor | None = None,
        attention_mask_l: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """See `fuse`."""
        return fuse(v, l, attention_mask_v, attention_mask_l, list(self.parts), self.heads)  # type: ignore[arg-type]


class FeedForward(nn.Module):
    """Two linear layers over (B, N, C), a block of places at a time: the wide states between them
    stay in the processor's cache, or do not fill the GPU's memory."""

    def __init__(self, first: nn.Module, activation: Any, second: nn.Module) -> None:
        super().__init__()
        self.first, self.activation, self.second = first, activation, second

    def forward(self, states: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        rows = 2048 if states.device.type == "cpu" else 1 << 16
        blocks = states.flatten(0, 1).split(rows)
        done = [self.second(self.activation(self.first(block))) for block in blocks]
        return torch.cat(done).view(states.shape)


def quicken_transformers(model: Any) -> None:
    """Puts these forms into a model of transformers (GroundingDINO or MM-GroundingDINO)."""
    for layer in model.model.encoder.layers:
        wide = layer.deformable_layer
        wide.fc2 = FeedForward(wide.fc1, wide.activation_fn, wide.fc2)
        wide.fc1 = wide.activation_fn = nn.Identity()
    for module in list(model.modules()):
        inner = type(getattr(module, "attn", None)).__name__
        if inner == "MultiScaleDeformableAttention":
            module.attn = DeformableAttention()
        elif inner.endswith("BiMultiHeadAttention"):
            module.attn = TransformersFusion(module.attn)


def quicken_official(model: Any) -> None:
    """Puts these forms into a model of groundingdino, see also `quick_deformable_attention`."""
    for wide in model.transformer.encoder.layers:
        wide.linear2 = FeedForward(wide.linear1, wide.activation, wide.linear2)
        wide.linear1 = wide.activation = nn.Identity()
    for module in list(model.modules()):
        if type(getattr(module, "attn", None)).__name__ == "BiMultiHeadAttention":
            module.attn = OfficialFusion(module.attn)


@contextmanager
def quick_deformable_attention() -> Iterator[None]:
    """groundingdino's deformable attention, a function of its module, is `deformable_attention`."""
    from groundingdino.models.GroundingDINO import ms_deform_attn as module

    name = "multi_scale_deformable_attn_pytorch"
    before = getattr(module, name)
    setattr(module, name, deformable_attention)
    try:
        yield
    finally:
        setattr(module, name, before)
