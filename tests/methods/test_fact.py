"""FACT's parts against slow plain forms; its sizes; its single-label form."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from methods.toy import C, toy_samples
from rhas.base.errors import RhasError
from rhas.methods import Dims, Method, build_method, make_config
from rhas.methods.fact import losses, scores
from rhas.methods.fact.branches import Exchange, FrameBranch, TokenLayer, attention_weights
from rhas.methods.fact.matching import find_instances, match_tokens, soft_iou
from rhas.methods.fact.segments import find_runs, predict_labels
from rhas.methods.layers.segments import expand_segments, pool_segments
from rhas.train import make_batch

SIZES = {
    "blocks": "iuU", "tokens": 12, "width": 148, "frame_width": 8, "token_width": 8,
    "layers": 2, "token_layers": 1, "heads": 2, "token_ffn": 8,
}  # fmt: skip


def small(**overrides: Any) -> Method:
    torch.manual_seed(0)
    config = make_config("fact", "paper", {**SIZES, **overrides})
    return build_method("fact", config, Dims(D=24, D_text=8, C=C, L=64))


@pytest.fixture(scope="module")
def batch() -> dict[str, Tensor]:
    return make_batch(toy_samples(2, L=64), [0, 1])


@given(N=st.integers(1, 12), classes=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_instances_are_the_runs_of_each_class(N: int, classes: int, seed: int) -> None:
    torch.manual_seed(seed)
    labels = torch.rand(N, classes) > 0.5
    expected = []
    for c in range(classes):
        t = 0
        for on, run in itertools.groupby(labels[:, c].tolist()):
            length = len(list(run))
            if on:
                expected.append((c, [t <= step < t + length for step in range(N)]))
            t += length
    found, spans = find_instances(labels)
    assert list(zip(found.tolist(), spans.tolist(), strict=True)) == expected


@given(N=st.integers(1, 9), M=st.integers(1, 6), S=st.integers(0, 6), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_matching_minimises_the_cost_of_a_slow_plain_form(
    N: int, M: int, S: int, seed: int
) -> None:
    torch.manual_seed(seed)
    attention, p = torch.rand(N, M), torch.rand(M, 5)
    classes = torch.randint(5, (S,))
    spans = (torch.rand(S, N) > 0.4).float()
    cost = [[0.0] * S for _ in range(M)]
    for k, s in itertools.product(range(M), range(S)):
        overlap = sum(float(attention[t, k] * spans[s, t]) for t in range(N))
        union = sum(min(float(attention[t, k] + spans[s, t]), 1.0) for t in range(N))
        cost[k][s] = -0.2 * float(p[k, classes[s]]) - 0.7 * overlap / union
        assert soft_iou(attention, spans)[k, s].item() == pytest.approx(overlap / union, rel=1e-4)
    tokens, chosen = match_tokens(p, attention, classes, spans, 0.2, 0.7)
    assert len(tokens) == len(set(tokens.tolist())) == len(set(chosen.tolist())) == min(M, S)
    total = sum(cost[k][s] for k, s in zip(tokens.tolist(), chosen.tolist(), strict=True))
    if min(M, S) <= 3:
        pairs = [
            sum(cost[k][s] for k, s in zip(ks, some, strict=True))
            for some in itertools.combinations(range(S), min(M, S))
            for ks in itertools.permutations(range(M), len(some))
        ]
        assert total == pytest.approx(min(pairs, default=0), abs=1e-5)


def test_soft_iou_holds_nothing_of_three_dimensions() -> None:
    attention, spans = torch.rand(64, 20, requires_grad=True), torch.ones(30, 64)
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: saved.append(t.numel()) or t, lambda t: t
    ):
        soft_iou(attention, spans)
    assert max(saved) <= 30 * 64


@given(N=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_pooling_over_runs_is_a_loop(N: int, seed: int) -> None:
    torch.manual_seed(seed)
    lengths = torch.randint(0, N + 1, (3,))
    mask = torch.arange(N) < lengths[:, None]
    labels = torch.rand(3, N, 2) > 0.5
    x = torch.where(mask[..., None], torch.randn(3, N, 4), torch.nan).nan_to_num(0)
    of, present = find_runs(labels, mask)
    found = pool_segments(x, of, mask, present.shape[1])
    for row, length in enumerate(lengths.tolist()):
        parts: list[list[int]] = []
        for t in range(length):
            if t == 0 or (labels[row, t] != labels[row, t - 1]).any():
                parts.append([])
            parts[-1].append(t)
        assert present[row].sum() == len(parts)
        for s, steps in enumerate(parts):
            torch.testing.assert_close(found[row, s], x[row, steps].mean(0))
            back = expand_segments(found, of)[row, steps]
            torch.testing.assert_close(back, found[row, s].expand(len(steps), -1))
        assert (found[row, len(parts) :] == 0).all()


def test_predicted_labels_are_those_above_a_half_or_the_top_one() -> None:
    p = torch.tensor([[[0.6, 0.7, 0.1], [0.2, 0.3, 0.1]]])
    assert predict_labels(p, "sigmoid")[0].int().tolist() == [[1, 1, 0], [0, 1, 0]]
    assert predict_labels(p, "softmax")[0].int().tolist() == [[0, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize("free", [False, True])
def test_exchange_is_a_loop_over_pairs(free: bool) -> None:
    torch.manual_seed(0)
    layer = Exchange(6, 5, 0.0, free, 4).requires_grad_(False)
    x, y = torch.randn(2, 4, 6), torch.randn(2, 3, 6)
    at_x, at_y = torch.randn(2, 4, 2), torch.randn(2, 3, 6)
    mask = torch.tensor([[True, True, True, True], [True, False, False, False]])
    found, _ = layer(x, y, at_x, at_y, mask)
    for b, j in itertools.product(range(2), range(3)):
        logits = []
        for i in range(4):
            placed = x[b, i] + torch.cat([at_x[b, i], torch.zeros(4)])
            score = layer.query(y[b, j] + at_y[b, j]) @ layer.key(placed) / math.sqrt(6)
            logits.append((score + (layer.bias if free else 0)) if mask[b, i] else None)
        if free:
            weights = [0.0 if s is None else float(torch.sigmoid(s)) for s in logits]
            total = max(sum(weights), 1.0)
        else:
            weights = [0.0 if s is None else float(torch.exp(s)) for s in logits]
            total = sum(weights)
        seen = sum(w / total * layer.value(x[b, i]) for i, w in enumerate(weights))
        torch.testing.assert_close(found[b, j], layer.out(torch.cat([y[b, j], seen])))


def test_free_weights_start_at_one_over_the_keys_and_sum_to_one_at_most() -> None:
    layer = Exchange(6, 5, 0.0, True, 40).requires_grad_(False)
    assert float(torch.sigmoid(layer.bias)) == pytest.approx(1 / 41)
    weights = attention_weights(torch.tensor([[9.0, 9.0], [-9.0, -9.0]]), True)
    assert weights[0].sum().item() == pytest.approx(1)
    assert weights[1].sum().item() == pytest.approx(2 * math.exp(-9), rel=1e-3)


def test_the_frame_branch_is_mstcn_plus_plus() -> None:
    torch.manual_seed(0)
    branch = FrameBranch(5, 4, 3, 3, 0.0)
    x = torch.randn(1, 9, 5)
    h = branch.enter(x)[0].T
    for i in range(3):
        both = [
            F.conv1d(h[None], conv.weight, conv.bias, padding=d, dilation=d)[0]
            for conv, d in ((branch.falling[i], 2 ** (2 - i)), (branch.rising[i], 2**i))
        ]
        fused = branch.fuse[i].weight[..., 0] @ torch.cat(both) + branch.fuse[i].bias[:, None]
        h = h + fused.relu()
    found = branch(x, torch.ones(1, 9, dtype=torch.bool))
    torch.testing.assert_close(found[0], branch.out(h.T), rtol=1e-4, atol=1e-5)


def test_a_token_layer_is_the_librarys_decoder_layer() -> None:
    """Without positions; torch's own layer has the same three parts, each with a norm behind."""
    torch.manual_seed(0)
    layer = TokenLayer(8, 2, 16, 0.0, 8)
    theirs = nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True)
    names = {
        "self_attention": "self_attn", "self_norm": "norm1",
        "cross_attention": "multihead_attn", "cross_norm": "norm2",
        "ffn.0": "linear1", "ffn.3": "linear2", "ffn_norm": "norm3",
    }  # fmt: skip
    for ours, other in names.items():
        state = theirs.get_submodule(other).state_dict()
        layer.get_submodule(ours).load_state_dict(state)
    x, frames = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    hidden = torch.tensor([[False] * 5, [False, False, True, True, True]])
    found = layer(x, torch.zeros_like(x), frames, hidden)
    expected = theirs(x, frames, memory_key_padding_mask=hidden)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_read_out_is_a_product_over_tokens() -> None:
    torch.manual_seed(0)
    attention, tokens = torch.rand(2, 300, 4), torch.rand(2, 4, 5)
    found = scores.any_token(attention, tokens)
    for b, t, c in ((0, 0, 0), (1, 299, 4), (0, 130, 2)):
        none = math.prod(1 - float(attention[b, t, k] * tokens[b, k, c]) for k in range(4))
        assert found[b, t, c].item() == pytest.approx(1 - none, rel=1e-4)


def test_the_published_read_out_takes_the_most_attended_token_that_stands_for_something() -> None:
    logits = torch.tensor([[[2.0, 0.0, 9.0], [0.0, 5.0, 0.0], [4.0, 0.0, 1.0]]])
    attention = torch.tensor([[[0.8, 0.15, 0.05], [0.5, 0.1, 0.4]]])
    frames = torch.full((1, 2, 2), 0.5)
    found = scores.one_token_each(attention, logits, frames)
    torch.testing.assert_close(found[0, 0], torch.tensor([0.0, 5.0]).softmax(0))
    torch.testing.assert_close(found[0, 1], torch.tensor([4.0, 0.0]).softmax(0))
    nothing = torch.tensor([[[0.0, 0.0, 1.0]] * 3])
    assert torch.equal(scores.one_token_each(attention, nothing, frames), frames)


def test_losses_of_tokens_are_the_published_ones_in_single_label_form() -> None:
    torch.manual_seed(0)
    logits, classes = torch.randn(1, 4, 6), torch.tensor([[2, 5, 0, 5]])
    weights = torch.ones(6)
    weights[5] = 0.3
    expected = F.cross_entropy(logits[0], classes[0], weight=weights)
    real = torch.ones(1, dtype=torch.bool)
    found = losses.token_loss(logits, classes, torch.tensor(0.3), "softmax", real)
    torch.testing.assert_close(found, expected)
    # attention: tokens 0 and 2 stand for the frames 0-2 and 3-4
    spans = torch.zeros(1, 4, 5)
    spans[0, 0, :3] = spans[0, 2, 3:] = 1
    to_frames = torch.randn(1, 4, 5)
    by_hand = -(to_frames[0, 0].log_softmax(0)[:3].sum() + to_frames[0, 2].log_softmax(0)[3:].sum())
    torch.testing.assert_close(losses.to_frames_loss(to_frames, spans), by_hand / 5)
    to_tokens, stands = torch.randn(1, 5, 4), torch.tensor([[True, False, True, False]])
    chosen = to_tokens[0, :, [0, 2]].log_softmax(-1)
    by_hand = -(chosen[:3, 0].sum() + chosen[3:, 1].sum()) / 5
    mask = torch.ones(1, 5, dtype=torch.bool)
    found = losses.to_tokens_loss(to_tokens, spans, stands, mask, "softmax")
    torch.testing.assert_close(found, by_hand)
    binary = F.binary_cross_entropy_with_logits(
        to_tokens[0, :, [0, 2]], spans[0, [0, 2]].T, reduction="sum"
    )
    found = losses.to_tokens_loss(to_tokens, spans, stands, mask, "sigmoid")
    torch.testing.assert_close(found, binary / 5)


def test_every_instance_has_a_token_of_its_own(batch: dict[str, Tensor]) -> None:
    method = small()
    features = method.reader(batch)
    labels = batch["labels"][:, : features.mask.shape[1]]
    match = method.match_rows(method.run_blocks(features)[-1], labels, features.mask)
    for row in range(2):
        classes, spans = find_instances(labels[row] > 0)
        stands = match.classes[row] < C
        assert stands.sum() == min(len(classes), 12)
        wanted = {(int(c), tuple(s.tolist())) for c, s in zip(classes, spans, strict=True)}
        found = {
            (int(c), tuple((s > 0).tolist()))
            for c, s in zip(match.classes[row][stands], match.spans[row][stands], strict=True)
        }
        assert found <= wanted
        assert (match.spans[row][~stands] == 0).all()


def test_a_diverged_network_has_losses_that_are_not_finite(batch: dict[str, Tensor]) -> None:
    """Training tells it by them; matching must not stumble first."""
    method = small()
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.fill_(torch.nan)
    assert not torch.stack(list(method.compute_losses(batch).values())).isfinite().all()


def test_adapt_weighs_idle_tokens_and_counts_samples_with_too_many_instances(
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = toy_samples(2, L=300)
    counts = [len(find_instances(sample["labels"] > 0)[0]) for sample in samples]
    method = small(tokens=40)
    method.fit_statistics(samples)
    mean = sum(counts) / 2
    assert float(method.null_weight) == pytest.approx(mean / (40 - mean), rel=1e-5)
    assert capsys.readouterr().err == ""
    method = small(tokens=max(counts) - 1)
    method.fit_statistics(samples)
    assert f"more instances than the {max(counts) - 1} tokens, up to {max(counts)}" in (
        capsys.readouterr().err
    )


def test_the_published_single_label_form_trains(batch: dict[str, Tensor]) -> None:
    method = small(activation="softmax")
    terms = method.compute_losses(batch)
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())
    said = method.compute_scores(batch, torch.Generator())[batch["mask"]]
    torch.testing.assert_close(said.sum(-1), torch.ones(len(said)))


def test_the_breakfast_preset_has_the_published_size() -> None:
    config = make_config("fact", "breakfast", {"inputs": "holistic"})
    with torch.device("meta"):
        method = build_method("fact", config, Dims(D=768, D_text=8, C=C, L=3000))
    assert sum(p.numel() for p in method.parameters()) == pytest.approx(118.8e6, rel=0.001)


@pytest.mark.parametrize(
    "wrong", [{"blocks": "uU"}, {"tokens": 0}, {"token_width": 9}, {"frame_share": 2.0}]
)
def test_fields_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(RhasError, match=f"method fact, {next(iter(wrong))}"):
        make_config("fact", "paper", wrong)


def test_a_width_without_room_for_the_classes_is_an_error() -> None:
    with pytest.raises(RhasError, match="no room for the class logits"):
        small(width=138)
