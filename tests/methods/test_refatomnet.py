"""RefAtomNet against a slow plain form, and what its tokens are."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods.toy import C, toy_samples
from rhas.base.errors import RhasError
from rhas.methods import Dims, build_method, make_config
from rhas.methods.refatomnet.method import AgentBlock, RefAtomNet
from rhas.train import make_batch

L, D, D_TEXT = 40, 12, 5
SIZES = {"width": 8, "text_tokens": 5, "agents": 2, "feedforward": 2, "dropout": 0.0}


def made(**changes: object) -> RefAtomNet:
    torch.manual_seed(0)
    config = make_config("refatomnet", "paper", {**SIZES, **changes})
    method = build_method("refatomnet", config, Dims(D=D, D_text=D_TEXT, C=C, L=L))
    assert isinstance(method, RefAtomNet)
    return method


@pytest.fixture
def batch() -> dict[str, Tensor]:
    made = make_batch(toy_samples(2, L=L, D=D), [0, 1])
    return {**made, "text": torch.randn(2, D_TEXT, generator=torch.Generator().manual_seed(3))}


def one_frame(method: RefAtomNet, streams: list[Tensor | None], text: Tensor) -> Tensor:
    """Logits (C,) of one frame, token by token; a stream (Q, D) that does not exist is None."""
    tokens = []
    for entry, stream in zip(method.entries, streams, strict=True):
        tokens.append(None if stream is None else [entry(token) for token in stream])
    tokens.append([method.text(text) + place for place in method.places])
    queries, agents, gathered = {}, {}, {}
    for number, (block, stream) in enumerate(zip(method.blocks, tokens, strict=True)):
        if stream is None:
            continue
        assert isinstance(block, AgentBlock)
        triples = [block.qkv(block.norm(token)).chunk(3) for token in stream]
        queries[number] = [q for q, _, _ in triples]
        agents[number] = [
            torch.stack(queries[number][first:stop]).mean(0)
            for first, stop in groups(len(stream), block.agents)
        ]
        keys, values = [k for _, k, _ in triples], [v for _, _, v in triples]
        gathered[number] = [attended(agent, keys, values) for agent in agents[number]]
    total = [
        torch.stack([said[agent] for said in gathered.values()]).sum(0)
        for agent in range(SIZES["agents"])
    ]
    means = []
    for number, stream in enumerate(tokens):
        if stream is None:
            continue
        block = method.blocks[number]
        assert isinstance(block, AgentBlock)
        told = []
        for token, query in zip(stream, queries[number], strict=True):
            x = token + block.out(attended(query, agents[number], total))
            told.append(x + block.ffn(x))
        means.append(torch.stack(told).mean(0))
    return method.head(method.hidden(method.norm(torch.stack(means).sum(0))))


def attended(query: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
    scores = torch.stack([(query * key).sum() / math.sqrt(len(query)) for key in keys])
    return (scores.softmax(0)[:, None] * torch.stack(values)).sum(0)


def groups(count: int, into: int) -> list[tuple[int, int]]:
    """Tokens of each agent; neighbours share one where they do not come out even."""
    return [(i * count // into, -(-(i + 1) * count // into)) for i in range(into)]


def test_the_plain_form(batch: dict[str, Tensor]) -> None:
    method = made(at_once=7).eval()
    said = method.compute_scores(batch, torch.Generator())
    seen = set()
    for row in range(2):
        for frame in batch["mask"][row].nonzero()[::3, 0].tolist():
            crop = bool(batch["present"][row, frame])
            seen.add(crop)
            partial = batch["partial_tokens"][row, frame].float() if crop else None
            streams = [batch["holistic_tokens"][row, frame].float(), partial]
            with torch.no_grad():
                plain = one_frame(method, streams, batch["text"][row]).sigmoid()
            torch.testing.assert_close(said[row, frame], plain, rtol=1e-4, atol=1e-6)
    assert seen == {True, False}


def test_how_many_at_once_changes_no_result(batch: dict[str, Tensor]) -> None:
    results = []
    for count in (1000, 8):
        method = made(at_once=count)
        terms = list(method.compute_losses(batch).values())
        found = torch.autograd.grad(torch.stack(terms).sum(), list(method.parameters()))
        results.append([*terms, *found, method.compute_scores(batch, torch.Generator())])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_a_step_has_the_mean_of_its_tokens_standardised(batch: dict[str, Tensor]) -> None:
    method = made(stride=4, standardise=True)
    samples = toy_samples(3, L=L, D=D)
    method.fit_statistics(samples)
    every = torch.cat([s["partial_tokens"][s["present"]].flatten(0, 1).double() for s in samples])
    torch.testing.assert_close(method.reader.mean[1].double(), every.mean(0), rtol=1e-4, atol=1e-5)
    spread = every.std(0, correction=0)
    torch.testing.assert_close(method.reader.spread[1].double(), spread, rtol=1e-4, atol=1e-5)
    steps = method.reader(batch)
    for step in range(steps.mask.shape[1]):
        frames = slice(4 * step, 4 * step + 4)
        real = batch["present"][0, frames] & batch["mask"][0, frames]
        tokens = batch["partial_tokens"][0, frames].float()[real]
        plain = torch.zeros(3, D)
        if real.any():
            plain = (tokens.mean(0) - method.reader.mean[1]) / method.reader.spread[1]
        torch.testing.assert_close(steps.streams[1][0, step], plain, rtol=1e-4, atol=1e-5)
        assert bool(steps.exists[1][0, step]) == bool(real.any())


def test_one_token_and_a_number_that_agents_do_not_divide(batch: dict[str, Tensor]) -> None:
    """CLIP's feature is its only token."""
    for count in (1, 3):
        few = {k: v[:, :, :count] if k.endswith("_tokens") else v for k, v in batch.items()}
        method = made(agents=2)
        assert torch.stack(list(method.compute_losses(few).values())).sum().isfinite()


def test_samples_without_tokens_are_told(batch: dict[str, Tensor]) -> None:
    without = {key: value for key, value in batch.items() if not key.endswith("_tokens")}
    for use in (made().compute_losses, lambda it: made().compute_scores(it, torch.Generator())):
        with pytest.raises(RhasError, match="the samples have none"):
            use(without)


def test_the_reference_is_read(batch: dict[str, Tensor]) -> None:
    method = made()
    first = method.compute_scores(batch, torch.Generator())
    other = {**batch, "text": -batch["text"]}
    assert not torch.equal(first, method.compute_scores(other, torch.Generator()))


def test_modulation_is_refused() -> None:
    with pytest.raises(RhasError, match="method refatomnet, modulation"):
        make_config("refatomnet", "mini", {"modulation": True})


def test_the_groups_of_agents_are_those_of_torch() -> None:
    for count in (1, 3, 8, 32):
        x = torch.randn(1, 1, count)
        plain = [x[0, 0, a:b].mean() for a, b in groups(count, 4)]
        torch.testing.assert_close(F.adaptive_avg_pool1d(x, 4)[0, 0], torch.stack(plain))
