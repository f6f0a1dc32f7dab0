"""Attention and losses that several methods share, against slow plain forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rhas.methods.hopadiff.losses import boundary_loss
from rhas.methods.layers import attention, losses
from rhas.methods.layers.features import centre_features
from rhas.methods.layers.segmenter import interpolate_scores


def plain(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor, bias: Tensor | float = 0.0) -> Tensor:
    """All N×N scores; a query without an allowed key gives 0."""
    scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias).masked_fill(
        ~allowed, -torch.inf
    )
    return scores.softmax(-1).nan_to_num(0) @ v


def drawn(*batch: int, N: int, seed: int) -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(seed)
    mask = torch.rand(batch[0], N) > 0.3
    return [torch.randn(*batch, N, width).double() for width in (3, 3, 4)], mask


@given(N=st.integers(1, 23), window=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_windowed_attention_sees_its_window_and_half_of_each_neighbour(
    N: int, window: int, seed: int
) -> None:
    (q, k, v), mask = drawn(2, N=N, seed=seed)
    allowed = torch.zeros(N, N, dtype=torch.bool)
    for t in range(N):
        first = t // window * window - window // 2
        allowed[t, max(first, 0) : first + 2 * window] = True
    found = attention.windowed_attention(q, k, v, mask, window)
    torch.testing.assert_close(found, plain(q, k, v, allowed & mask[:, None]))


@given(N=st.integers(1, 23), stride=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_strided_attention_sees_every_strideth_step(N: int, stride: int, seed: int) -> None:
    (q, k, v), mask = drawn(2, N=N, seed=seed)
    steps = torch.arange(N)
    allowed = (steps - steps[:, None]) % stride == 0
    found = attention.strided_attention(q, k, v, mask, stride)
    torch.testing.assert_close(found, plain(q, k, v, allowed & mask[:, None]))


@given(N=st.integers(1, 23), radius=st.integers(0, 6), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_banded_attention_sees_its_neighbours_with_a_bias_by_distance(
    N: int, radius: int, seed: int
) -> None:
    (q, k, v), mask = drawn(2, 3, N=N, seed=seed)
    bias = torch.randn(3, 2 * radius + 1).double()
    distance = torch.arange(N) - torch.arange(N)[:, None]
    allowed = distance.abs() <= radius
    added = bias[:, (distance + radius).clamp(0, 2 * radius)]
    found = attention.banded_attention(q, k, v, mask, bias)
    torch.testing.assert_close(found, plain(q, k, v, allowed & mask[:, None, None], added))


def test_attention_keeps_no_n_squared_weights() -> None:
    N = 512
    q, k, v = (torch.randn(1, N, 4, requires_grad=True) for _ in range(3))
    mask = torch.ones(1, N, dtype=torch.bool)
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: saved.append(t.numel()) or t, lambda t: t
    ):
        attention.windowed_attention(q, k, v, mask, 16)
        attention.strided_attention(q, k, v, mask, 64)
    assert max(saved) <= N * 32


def test_dropout_of_attention_weights_keeps_the_mean() -> None:
    torch.manual_seed(0)
    q, k = torch.zeros(1, 1, 2), torch.zeros(1, 4000, 2)
    v = torch.ones(1, 4000, 1)
    valid = torch.ones(1, 1, 4000, dtype=torch.bool)
    found = attention.masked_attention(q, k, v, valid, dropout=0.5)
    assert found.item() == pytest.approx(1, abs=0.1)
    assert found.item() != pytest.approx(1, abs=1e-6)


def test_rows_without_a_key_are_opened() -> None:
    mask = torch.tensor([[True, False], [False, False]])
    assert attention.open_empty_rows(mask).tolist() == [[True, False], [True, True]]


def by_hand(logits: Tensor, labels: Tensor, mask: Tensor) -> float:
    total, frames = 0.0, 0
    for b, n in mask.nonzero().tolist():
        frames += 1
        for c in range(logits.shape[2]):
            p = 1 / (1 + math.exp(-float(logits[b, n, c])))
            y = float(labels[b, n, c])
            total -= (y * math.log(p) + (1 - y) * math.log(1 - p)) / logits.shape[2]
    return total / max(frames, 1)


@pytest.fixture
def case() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(2)
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    return torch.randn(2, 4, 5), (torch.rand(2, 4, 5) > 0.6).float(), mask


def test_frame_loss_is_cross_entropy_of_real_frames(case: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, labels, mask = case
    found = losses.frame_loss(logits, labels, mask)
    assert found.item() == pytest.approx(by_hand(*case), rel=1e-5)
    assert losses.frame_loss(logits, labels, mask & False) == 0


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_stacked_outputs_have_the_losses_of_each(
    activation: str, case: tuple[Tensor, Tensor, Tensor]
) -> None:
    _, labels, mask = case
    outputs = torch.randn(3, *labels.shape)
    for loss in (
        lambda x: losses.frame_loss(x, labels, mask, activation),
        lambda x: losses.smoothing_loss(x, mask, activation),
        lambda x: boundary_loss(x, labels[..., 0], mask),
    ):
        torch.testing.assert_close(loss(outputs), torch.stack([loss(x) for x in outputs]))


def test_frame_loss_of_single_labels_is_the_librarys(case: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, _, mask = case
    classes = torch.tensor([[1, 2, 0, 3], [4, 4, 4, 4]])
    labels = torch.nn.functional.one_hot(classes, 5).float()
    labels[0, 1] = 0  # a frame without a label has no target
    found = losses.frame_loss(logits, labels, mask, "softmax")
    kept = mask.clone()
    kept[0, 1] = False
    expected = torch.nn.functional.cross_entropy(logits[kept], classes[kept])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_smoothing_loss_is_clipped_at_its_cap(
    activation: str, case: tuple[Tensor, Tensor, Tensor]
) -> None:
    logits, _, mask = case
    logits = logits * 8
    log_p = logits.log_softmax(-1) if activation == "softmax" else logits.sigmoid().log()
    expected = sum(
        min(float(log_p[0, n, c] - log_p[0, n - 1, c]) ** 2, 16.0) for n in (1, 2) for c in range(5)
    )
    found = losses.smoothing_loss(logits, mask, activation)
    assert found.item() == pytest.approx(expected / 10, rel=1e-4)


def test_smoothing_pulls_the_later_frame_alone() -> None:
    logits = torch.tensor([[[0.0], [1.0]]], requires_grad=True)
    losses.smoothing_loss(logits, torch.ones(1, 2, dtype=torch.bool)).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] == 0
    assert logits.grad[0, 1] > 0


def test_centring_takes_the_mean_of_what_exists() -> None:
    x = torch.tensor([[[1.0], [torch.inf], [5.0]], [[4.0], [6.0], [8.0]]])
    exists = torch.tensor([[True, False, True], [False, False, False]])
    x = torch.where(exists[..., None], x, 0)
    assert centre_features(x, exists)[..., 0].tolist() == [[-2, 0, 2], [0, 0, 0]]


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_scores_between_pooled_frames_lie_on_a_line(stride: int) -> None:
    """As np.interp between the centres; what padding holds is not read."""
    torch.manual_seed(0)
    pooled, lengths = torch.rand(3, 7, 2), [7, 4, 1]
    mask = torch.arange(7) < torch.tensor(lengths)[:, None]
    found = interpolate_scores(torch.where(mask[..., None], pooled, torch.nan), mask, stride)
    for row, length in enumerate(lengths):
        centres = np.arange(length) * stride + (stride - 1) / 2
        for label in range(2):
            expected = np.interp(np.arange(length * stride), centres, pooled[row, :length, label])
            ours = found[row, : length * stride, label]
            np.testing.assert_allclose(ours, expected, atol=1e-6)
