"""The faster forms against the libraries' own."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor
from transformers import GroundingDinoConfig
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoBiMultiHeadAttention,
    MultiScaleDeformableAttention,
)

from rhas.ground.faster import (
    DeformableAttention,
    FeedForward,
    OfficialFusion,
    TransformersFusion,
    deformable_attention,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # groundingdino imports what timm has renamed
    from groundingdino.models.GroundingDINO.fuse_modules import BiMultiHeadAttention
    from groundingdino.models.GroundingDINO.ms_deform_attn import (
        multi_scale_deformable_attn_pytorch,
    )

SHAPES = [(5, 7), (3, 4), (1, 2)]
PLACES = sum(h * w for h, w in SHAPES)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Values of two pictures and 4 heads; locations inside, on the rim, and far outside."""
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, PLACES, 4, 8, generator=generator)
    locations = torch.rand(2, 30, 4, 3, 2, 2, generator=generator) * 1.6 - 0.3
    locations[0, 0] = 0.0
    locations[0, 1] = 1.0
    locations[0, 2] = -50.0
    locations[0, 3] = 1e6
    weights = torch.rand(2, 30, 4, 3, 2, generator=generator)
    return value, locations, weights


def test_deformable_attention() -> None:
    value, locations, weights = inputs()
    shapes = torch.tensor(SHAPES)
    found = deformable_attention(value, SHAPES, locations, weights)
    plain = multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=0)
    assert (found[0, 2:4] == 0).all()
    arguments = (value, shapes, SHAPES, shapes[:, 0], locations, weights, 64)
    plain = MultiScaleDeformableAttention()(*arguments)
    torch.testing.assert_close(DeformableAttention()(*arguments), plain, atol=1e-5, rtol=0)


@pytest.mark.parametrize("masked", [False, True])
def test_fusion(masked: bool) -> None:
    torch.manual_seed(0)
    vision, text = torch.randn(2, PLACES, 32), torch.randn(2, 6, 32)
    hidden_vision, hidden_text = None, None
    if masked:
        hidden_vision = torch.zeros(2, PLACES, dtype=torch.bool)
        hidden_vision[1, 20:] = True
        hidden_text = torch.zeros(2, 6, dtype=torch.bool)
        hidden_text[0, 4:] = True
    official = BiMultiHeadAttention(32, 32, 48, 2).eval()
    config = GroundingDinoConfig(d_model=32, encoder_ffn_dim=96, encoder_attention_heads=4)
    ours = GroundingDinoBiMultiHeadAttention(config).eval()
    for module in (official, ours):
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    with torch.inference_mode():
        plain = official(vision, text, hidden_vision, hidden_text)
        found = OfficialFusion(official)(vision, text, hidden_vision, hidden_text)
        torch.testing.assert_close(found, plain, atol=1e-5, rtol=0)
        (seen, _), (told, _) = ours(vision, text, hidden_vision, hidden_text)
        (vision_, _), (text_, _) = TransformersFusion(ours)(
            vision, text, hidden_vision, hidden_text
        )
        torch.testing.assert_close((vision_, text_), (seen, told), atol=1e-5, rtol=0)


def test_feed_forward() -> None:
    first, second = torch.nn.Linear(8, 16), torch.nn.Linear(16, 8)
    states = torch.randn(2, 2500, 8)
    with torch.inference_mode():
        plain = second(torch.relu(first(states)))
        found = FeedForward(first, torch.relu, second)(states)
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=0)
