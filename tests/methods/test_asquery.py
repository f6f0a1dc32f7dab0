"""ASQuery's parts against slow plain forms; its read-out; its size."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.methods import Dims, build_method, make_config
from rhas.methods.asquery import method as asquery
from rhas.methods.asquery.backbone import PyramidBlock, halve_rate, sinusoidal_embedding
from rhas.methods.asquery.config import ASQueryConfig
from rhas.methods.layers.features import PooledFeatures

SIZES = {"width": 8, "heads": 2, "window": 5, "branch_dilations": [2, 2], "decoder_levels": 2}
DIMS = Dims(D=3, D_text=2, C=4, L=8)


def plain_norm(norm: torch.nn.Module, x: Tensor) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    spread = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(spread + 1e-5) * norm.weight + norm.bias


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_loops_over_steps_heads_and_taps(stride: int) -> None:
    torch.manual_seed(0)
    N, heads, radius, dilation = 12, 2, 2, 3
    block = PyramidBlock(ASQueryConfig(width=8, heads=heads, window=5), dilation, stride).double()
    block.requires_grad_(False)
    for norm in (block.norm, block.ffn_norm, *block.attention.norms):
        norm.weight.normal_()
        norm.bias.normal_()
    length = 9
    mask = (torch.arange(N) < length)[None]
    x = torch.randn(1, N, 8).double() * mask[..., None]
    found, kept = block(x, mask)

    h = plain_norm(block.norm, x[0])
    attention = block.attention
    real = [i for i in range(N // stride) if i * stride < length]
    projected = []
    for conv, norm, linear in zip(
        attention.convs, attention.norms, attention.projections, strict=True
    ):
        rows = {}
        for i in real:
            taps = [i * stride + dilation * tap for tap in (-1, 0, 1)]
            total = sum(conv.weight[:, 0, j] * h[t] for j, t in enumerate(taps) if 0 <= t < length)
            rows[i] = linear(plain_norm(norm, total)).view(heads, 4)
        projected.append(rows)
    q, k, v = projected
    assert kept[0].nonzero()[:, 0].tolist() == real
    assert (found[0, len(real) :] == 0).all()
    for i in real:
        parts = []
        for head in range(heads):
            near = [j for j in real if abs(j - i) <= radius]
            scores = torch.stack(
                [q[i][head] @ k[j][head] / 2 + attention.bias[head, j - i + radius] for j in near]
            )
            values = torch.stack([v[j][head] for j in near])
            parts.append(scores.softmax(0) @ values)
        steps = [t for t in range(stride * i - 1, stride * i + 2) if 0 <= t < length]
        skip = x[0, i] if stride == 1 else x[0, steps].amax(0)
        y = skip + attention.out(torch.cat(parts))
        y = y + block.ffn(plain_norm(block.ffn_norm, y))
        torch.testing.assert_close(found[0, i], y)


def test_halving_never_sees_padding() -> None:
    x = torch.tensor([[[-1.0], [-5.0], [-3.0], [0.0]]])
    mask = torch.tensor([[True, True, True, False]])
    assert halve_rate(x, mask)[0, :, 0].tolist() == [-1, -3]
    assert halve_rate(x, mask & False)[0, :, 0].tolist() == [0, 0]


def test_the_pyramid_adds_coarser_levels() -> None:
    torch.manual_seed(0)
    method = build_method("asquery", make_config("asquery", "paper", SIZES), DIMS)
    backbone = method.backbone
    masks = [torch.ones(1, n, dtype=torch.bool) for n in (8, 4, 2)]
    levels = [(torch.randn(1, len(m[0]), 8), m) for m in masks]
    found = backbone.build_pyramid(levels)
    assert len(found) == 2
    whole = [
        sum(backbone.lateral[k](levels[k][0])[:, t * 2**n // 2**k] for k in range(n, 3))
        for n in range(2)
        for t in range(8 // 2**n)
    ]
    fine, coarse = torch.stack(whole[:8], 1), torch.stack(whole[8:], 1)
    for n, x in enumerate((fine, coarse)):
        weight = backbone.smooth[n].weight
        y = F.conv1d(x.transpose(1, 2), weight, padding=1, groups=8).transpose(1, 2)
        expected = plain_norm(backbone.smooth_norms[n], y)
        torch.testing.assert_close(found[n][0], expected, rtol=1e-4, atol=1e-5)


def test_sinusoids_are_sines_and_cosines_side_by_side() -> None:
    found = sinusoidal_embedding(5, 6)
    for t, i in itertools.product(range(5), range(3)):
        angle = t / 10_000 ** (2 * i / 6)
        assert found[t, 2 * i].item() == pytest.approx(math.sin(angle) / 6**0.5, abs=1e-6)
        assert found[t, 2 * i + 1].item() == pytest.approx(math.cos(angle) / 6**0.5, abs=1e-6)


def test_a_class_mask_is_its_query_times_the_features() -> None:
    torch.manual_seed(0)
    method = build_method("asquery", make_config("asquery", "paper", SIZES), DIMS)
    decoder = method.decoder
    levels = method.backbone(torch.randn(1, 8, 6), torch.ones(1, 8, dtype=torch.bool))
    said = decoder(levels)
    assert len(said) == 3  # before the first layer and after each
    features = decoder.features(levels[0][0])[0]
    for c in range(4):
        expected = features @ decoder.masks(decoder.queries[c])
        torch.testing.assert_close(said[0][0][0, :, c], expected)
    torch.testing.assert_close(said[0][1][0], features @ decoder.boundary(decoder.queries[4]))


@pytest.fixture
def case() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    mask = torch.tensor([[True, True, True, False], [True, True, False, False]])
    labels = (torch.rand(2, 4, 3) > 0.5).float()
    labels[1] = 0
    labels[1, 3] = 1  # on padding
    return torch.randn(2, 4, 3), labels, mask


def test_focal_loss_is_a_loop(case: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, mask = case
    total = 0.0
    for b, n in mask.nonzero().tolist():
        for c in range(3):
            p, y = float(logits[b, n, c].sigmoid()), float(labels[b, n, c])
            hit, share = (p, 0.25) if y else (1 - p, 0.75)
            total -= share * (1 - hit) ** 2 * math.log(hit)
    found = asquery.focal_loss(logits, labels, mask, 2.0, 0.25)
    assert found.item() == pytest.approx(total / 5, rel=1e-5)
    plain = asquery.focal_loss(logits, labels, mask, 0.0, 0.5)
    bce = F.binary_cross_entropy_with_logits(logits[mask], labels[mask], reduction="sum")
    torch.testing.assert_close(plain, bce / 2 / 5)


def test_dice_loss_is_a_loop_over_present_classes(case: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, mask = case
    p = logits.sigmoid()
    of_row = []
    for c in range(3):
        y = labels[0, :3, c]
        if y.any():
            shared = (p[0, :3, c] * y).sum()
            of_row.append(1 - 2 * shared / ((p[0, :3, c] ** 2).sum() + y.sum()))
    expected = torch.stack(of_row).mean() / 2  # the second row has no label
    torch.testing.assert_close(asquery.dice_loss(logits, labels, mask), expected)


@given(N=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_scores_are_averaged_between_peaks(N: int, seed: int) -> None:
    torch.manual_seed(seed)
    scores = torch.rand(1, N, 2)
    edges = torch.randint(0, 4, (1, N)) / 4  # with plateaus
    length = int(torch.randint(1, N + 1, ()))
    mask = (torch.arange(N) < length)[None]
    p = edges[0].tolist()
    parts: list[list[int]] = [[]]
    for t in range(length):
        before = p[t - 1] if t else -1
        after = p[t + 1] if t + 1 < length else -1
        if p[t] > 0.3 and p[t] > before and p[t] >= after:
            parts.append([])
        parts[-1].append(t)
    found = asquery.average_segments(scores, edges, mask, 0.3)
    for steps in parts:
        if steps:
            mean = scores[0, steps].mean(0)
            torch.testing.assert_close(found[0, steps], mean.expand(len(steps), -1))


def test_scores_are_those_of_the_last_layer() -> None:
    torch.manual_seed(0)
    config = make_config("asquery", "paper", {**SIZES, "boundary_threshold": 1.0})
    method = build_method("asquery", config, DIMS)
    features = PooledFeatures(torch.randn(1, 8, 6), torch.ones(1, 8, dtype=torch.bool))
    found = method.network_scores(features, torch.Generator())
    mean = method.layer_logits(features)[-1][0].sigmoid().mean(1, keepdim=True)
    torch.testing.assert_close(found, mean.expand(-1, 8, -1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 4},
        {"width": 30},
        {"decoder_levels": 7},
        {"embed_dilations": []},
        {"focal_alpha": 2.0},
    ],
)
def test_fields_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(RhasError, match=f"method asquery, {next(iter(wrong))}"):
        make_config("asquery", "paper", wrong)
