"""The Q-Former: its initialisation, and its losses on pictures and sentences together.

From a random start it does not learn to read in minutes. So sentence and cells start in one space:
a table holds a vector per value of an attribute ("upper garment: red"). A word starts as the sum of
the vectors of what it may state; a key of the cross-attention starts as the sum of what the tower's
readout predicts for the cell, so that queries that have gathered the words attend to cells that
match. Words that state nothing start as one vector that the queries start by ignoring. Two further
losses train where the attention goes and what each word states ("red" in "red coat").

Legend: N persons, M pairs of a picture and a sentence, Q queries, T tokens, K cells, D width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from grounding_training.phrases import CLASSES, find_word_claims

from encoders.contrast import contrastive_loss, find_equal
from encoders.stills import Batch
from encoders.tower import (
    PEOPLE,
    DenseReadout,
    PartnerReadout,
    PersonReadout,
    find_crop_cells,
    find_frame_cells,
    make_readout,
)
from rhas.extract.encoders.blip2 import fused, text_states

NEUTRAL = "the person"
FAR_ACTIONS = 3.0  # weight of actions from a frame's features
_FIGURE_GAIN = 3.0  # attention logit that a cell on a person gains
_MATCH_GAIN = 8.0  # factor on the agreement of words and cells
_SILENT_LOSS = 4.0  # attention logit that a word that states nothing loses


def find_claims(sentence: str) -> list[int]:
    """What each word states, as a number among all values of all attributes; -1 nothing."""
    claims = find_word_claims(sentence.lower().split())
    return [CLASSES.get(c, -1) if c is not None else -1 for c in claims]


@torch.no_grad()
def initialise_qformer(
    model: Any, dense: DenseReadout, tokenizer: Any, sentences: Sequence[str]
) -> None:
    """Puts a fresh model's words, queries and attention into the space of the table.

    Args:
        model: a ``Blip2ForImageTextRetrieval`` whose vision tower ``dense`` reads.
        dense: readout of the tower's cells.
        tokenizer: of the model; known words are one token each.
        sentences: of the training stills, for how often a word states what.
    """
    width = model.config.qformer_config.hidden_size
    heads = model.config.qformer_config.num_attention_heads
    draw = torch.Generator(torch.get_default_device()).manual_seed(1)
    table = torch.randn(len(CLASSES), width, generator=draw)
    nothing, look, way = torch.randn(3, width, generator=draw)
    look, ear = look / look.norm(), nothing / nothing.norm()
    model.embeddings.word_embeddings.weight.normal_(std=0.1).add_(nothing)
    model.embeddings.position_embeddings.weight.normal_(std=0.1)
    model.query_tokens.normal_(std=0.3).add_(nothing)
    states = torch.zeros(len(tokenizer), len(CLASSES))
    for sentence in sentences:
        for word, claim in zip(sentence.lower().split(), find_claims(sentence), strict=True):
            if claim >= 0:
                states[tokenizer.convert_tokens_to_ids(word), claim] += 1
    some = states.sum(1) > 0
    states = states[some] / states[some].square().sum(1, keepdim=True).sqrt()
    model.embeddings.word_embeddings.weight[some] = states @ table
    start, stop = _find_fact_columns()
    even = dense.cell.linear[0]
    scale = (even.running_var + even.eps).rsqrt()  # of the tower's channels
    facts = dense.cell.linear[1].weight[start:stop]  # (claims, width of the tower)
    facts = facts / facts.norm(dim=1).mean() * scale
    deaf = math.sqrt(_SILENT_LOSS * math.sqrt(width / heads) / (width * width / heads))
    on = dense.on[1].weight[0] / dense.on[1].weight[0].norm() * scale
    for layer in model.qformer.encoder.layer:
        attention, cross = layer.attention, layer.crossattention
        for part in (attention.attention.value, attention.output.dense):
            nn.init.eye_(part.weight)
        attention.output.dense.weight.mul_(2)
        for part, sign in ((attention.attention.query, 1), (attention.attention.key, -1)):
            part.weight.normal_(std=0.3 * width**-0.5).add_(sign * deaf * torch.outer(way, ear))
        nn.init.eye_(cross.attention.query.weight)
        cross.attention.query.bias.copy_(look * _FIGURE_GAIN * heads)
        cross.attention.key.weight.copy_(
            _MATCH_GAIN / width**0.5 * table.T @ facts
            + (width / heads) ** 0.5 * torch.outer(look, on)
        )
        nn.init.orthogonal_(cross.attention.value.weight).mul_(scale)
        cross.attention.value.bias.copy_(-cross.attention.value.weight @ even.running_mean)
        nn.init.eye_(cross.output.dense.weight)
        for feed in (layer.intermediate, layer.intermediate_query):
            feed.dense.weight.normal_(std=feed.dense.in_features**-0.5)
        for out in (layer.output, layer.output_query):
            out.dense.weight.normal_(std=0.3 * out.dense.in_features**-0.5)


def _find_fact_columns() -> tuple[int, int]:
    sizes = PersonReadout.SIZES
    start = sum(v for k, v in list(sizes.items())[: list(sizes).index("facts")])
    return start, start + sizes["facts"]


class AttentionRecorder:
    """Records the cross-attention of a forward pass."""

    def __init__(self, model: Any) -> None:
        self._heads = model.config.qformer_config.num_attention_heads
        self._layers = [la.crossattention.attention for la in model.qformer.encoder.layer]
        self._seen: dict[tuple[int, str], Tensor] = {}
        for number, layer in enumerate(self._layers):
            for name in ("query", "key"):
                getattr(layer, name).register_forward_hook(self._make_hook(number, name))

    def _make_hook(self, number: int, name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self._seen[number, name] = output

        return hook

    def compute_shares(self) -> list[Tensor]:
        """By layer, attention (M, 1 + K) of the last pass, the mean of heads and queries."""
        out = []
        for number, layer in enumerate(self._layers):
            q, k = (
                self._seen[number, name].unflatten(2, (self._heads, -1)).transpose(1, 2)
                for name in ("query", "key")
            )
            scores = q @ k.transpose(2, 3) * layer.scaling  # (M, heads, Q, 1 + K)
            out.append(scores.softmax(3).mean((1, 2)))
        return out


class ReadingHeads(nn.Module):
    """Readouts of the fused features and of the sentences; only serve training."""

    def __init__(self, width: int, first: Batch) -> None:
        """``first``: stills to start the readouts from."""
        super().__init__()
        self.near, self.far = (
            PersonReadout(width, 1.5, actions, people).start_from(first)
            for actions, people in ((2.0, 1.0), (FAR_ACTIONS, PEOPLE))
        )
        self.box, self.claims = make_readout(width, 4), make_readout(width, len(CLASSES))
        self.partner = PartnerReadout(width)
        self.scale = nn.Parameter(torch.tensor(2.3))


def tokenise(tokenizer: Any, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Padded token ids and mask, int64 (n, T)."""
    encoded = tokenizer(
        list(sentences), padding=True, truncation=True, max_length=32, return_tensors="pt",
        split_special_tokens=True,
    )  # fmt: skip
    device = torch.get_default_device()
    return encoded["input_ids"].to(device), encoded["attention_mask"].to(device)


def find_token_claims(sentences: Sequence[str], length: int) -> Tensor:
    """What each token states, int64 (n, length), -1 nothing; sentences of known words."""
    found = [find_claims(sentence)[: length - 2] for sentence in sentences]
    return torch.tensor([[-1, *row, *[-1] * (length - 1 - len(row))] for row in found])


def compute_reading_losses(
    model: Any, heads: ReadingHeads, attention: AttentionRecorder, tokenizer: Any, frame: Tensor,
    crop: Tensor, batch: Batch, grid: int, whole: bool,
) -> dict[str, Tensor]:  # fmt: skip
    """Losses of a batch, from the vision tokens of its frames and crops, (S or N, 1 + K, width).

    ``whole`` adds matching and contrast, which are cheap to learn and dear to compute.
    """
    n = len(crop)
    near_cells = find_crop_cells(batch, grid)
    whose = find_frame_cells(batch, grid)[batch.still]  # (N, K)
    far_cells = whose == torch.arange(n)[:, None]

    ids, mask = tokenise(tokenizer, [*batch.references, *(r for _, r in batch.absent), NEUTRAL])
    neutral, neutral_mask = ids[-1], mask[-1]
    ids, mask = ids[:-1], mask[:-1]
    right, right_mask = ids[:n].clone(), mask[:n].clone()
    plain = torch.rand(n) < 0.1
    right[plain], right_mask[plain] = neutral, neutral_mask
    stills = torch.cat([batch.still, torch.tensor([s for s, _ in batch.absent], dtype=torch.long)])
    both = fused(
        model,
        torch.cat([crop, frame[stills]]),
        torch.cat([right, ids]),
        torch.cat([right_mask, mask]),
    )
    near, far = both.split([n, len(stills)])  # the first N rows of far show the person
    shares = attention.compute_shares()
    everyone, alike = torch.arange(n), torch.ones(n)
    seen = far_cells.any(1).float() + 1e-3

    out: dict[str, Tensor] = {}
    for name, head, x, weight, factor in (
        ("near", heads.near, near, alike, 1.0), ("far", heads.far, far[:n], seen, 1.0),
    ):  # fmt: skip
        losses = head.compute_losses(x, batch, everyone, weight)
        out |= {f"{name}.{k}": factor * v for k, v in losses.items()}
    pair = heads.partner.compute_losses(far[:n], batch, everyone, seen)
    out |= {f"pair.{k}": v for k, v in pair.items()}
    out["box"] = 3 * F.l1_loss(heads.box(far[:n]).sigmoid(), batch.box)
    for layer, share in enumerate(shares):
        last = layer == len(shares) - 1
        factor = 1.0 if last else 0.4
        # of a frame, the last layer may also look at the partner
        looked_at = far_cells | far_cells[batch.partner] if last else far_cells
        for name, rows, cells in (
            ("near", share[:n], near_cells), ("far", share[n : 2 * n], looked_at),
        ):  # fmt: skip
            some = cells.any(1)
            mass = (rows[:, 1:] * cells).sum(1)[some]
            out[f"look.{name}{layer}"] = -factor * (mass + 1e-4).log().mean()

    states = text_states(model, ids[:n], mask[:n])
    stated = find_token_claims(batch.references, ids.shape[1])
    out["claims"] = F.cross_entropy(heads.claims(states[stated >= 0]), stated[stated >= 0])

    if whole:
        out |= _compute_pair_losses(model, heads, near, far, crop, ids, mask, states[:, 0], batch)
    return out


def _compute_pair_losses(
    model: Any, heads: ReadingHeads, near: Tensor, far: Tensor, crop: Tensor, ids: Tensor,
    mask: Tensor, text: Tensor, batch: Batch,
) -> dict[str, Tensor]:  # fmt: skip
    """Whether picture and sentence belong together: matching, and contrast of both alone."""
    n = len(crop)
    some = torch.arange(n // 3)
    shifted = (some + 1) % n  # crops with a sentence about somebody else
    other = fused(model, crop[some], ids[shifted], mask[shifted])
    same = find_equal(batch.references)
    matched = torch.cat([
        torch.ones(n), torch.arange(len(far)) < n, same[some, shifted] > 0,
    ]).long()  # fmt: skip
    few = min(n, 24)
    queries = model.query_tokens.expand(few, -1, -1)
    alone = model.qformer(query_embeds=queries, encoder_hidden_states=crop[:few]).last_hidden_state
    return {
        "match": F.cross_entropy(model.itm_head(torch.cat([near, far, other])), matched),
        "contrast": 0.2 * contrastive_loss(
            model.vision_projection(alone).mean(dim=1), model.text_projection(text[:few]),
            same[:few, :few], heads.scale.exp().clamp(max=100),
        ),
    }  # fmt: skip
