"""Losses of detection and of reading."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

import rhas.base.compat  # noqa: F401  before transformers
from grounding_training.batches import Batch
from grounding_training.phrases import FACTS
from transformers import GroundingDinoForObjectDetection
from transformers.image_transforms import center_to_corners_format
from transformers.loss.loss_for_object_detection import box_iou, generalized_box_iou

TEXT_GAIN = 30.0  # on the distance of a word from the vector of what it states


def detection_loss(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batch: Batch
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch and its parts; ``table`` holds a vector per value of an attribute."""
    out = model(
        pixel_values=batch.pixels, input_ids=batch.input_ids, attention_mask=batch.attention_mask
    )
    length = batch.input_ids.shape[1]
    text, mask = out.encoder_last_hidden_state_text, batch.attention_mask.bool()
    coordinates = out.enc_outputs_coord_logits
    usable = coordinates.isfinite().all(-1)
    coordinates = torch.where(coordinates.isfinite(), coordinates, 0.0).sigmoid()
    owner = torch.cat(batch.cells["core"], 1).masked_fill(~usable, -2)
    core = model.model
    states = core.enc_output_norm(core.enc_output(out.encoder_last_hidden_state_vision))
    losses = {"enc": (out.enc_outputs_class[..., :length], coordinates, owner, states)}
    # Logits of all decoder layers, as the model computes the last one's.
    for level in range(out.intermediate_hidden_states.shape[1]):
        hidden = out.intermediate_hidden_states[:, level]
        logits = model.class_embed[level](hidden, text, mask)[..., :length]
        before = out.init_reference_points if level == 0 else (
            out.intermediate_reference_points[:, level - 1])  # fmt: skip
        found = (model.bbox_embed[level](hidden) + torch.special.logit(before, eps=1e-5)).sigmoid()
        losses[f"dec{level}"] = (logits, found, match_queries(logits, found, batch), hidden)
    parts: dict[str, Tensor] = {}
    for name, (logits, found, owner, states) in losses.items():
        for key, value in layer_losses(logits, found, owner, batch).items():
            parts[f"{name}.{key}"] = value
        parts[f"{name}.facts"] = value_loss(table(states), owner, batch)
    stated = batch.claims >= 0
    parts["text"] = TEXT_GAIN * F.mse_loss(text[stated], table.weight[batch.claims[stated]])
    return torch.stack(list(parts.values())).sum(), {k: v.detach() for k, v in parts.items()}


def value_loss(logits: Tensor, owner: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of each attribute at the boxes of people.

    Args:
        logits: (B, Q, C).
        owner: (B, Q), the person of each box, numbered through the batch, below 0 without one.
        batch: the scenes.
    """
    some = owner >= 0
    wanted = batch.facts[owner[some]]
    parts = logits[some].split([len(v) for v in FACTS.values()], 1)
    terms = [
        F.cross_entropy(p, t, ignore_index=-1, reduction="sum") / (t >= 0).sum().clamp(min=1)
        for p, t in zip(parts, wanted.T, strict=True)
    ]
    return 2 * torch.stack(terms).mean()


@torch.no_grad()
def match_queries(logits: Tensor, found: Tensor, batch: Batch) -> Tensor:
    """The person of each query (B, Q), numbered through the batch, -1 without: by scene the
    assignment of least cost, by box and words, to those of its persons who are seen."""
    scores = torch.where(batch.attention_mask.bool()[:, None], logits, 0.0)[batch.scene]
    known = (batch.words >= 0).float()
    wrong = torch.einsum("nqt,nt->nq", F.softplus(scores), known) - torch.einsum(
        "nqt,nt->nq", scores, batch.words.clamp(0) * known
    )
    corners = center_to_corners_format(found)
    distance = (corners[batch.scene] - batch.boxes[:, None]).abs().sum(-1)
    cost = 5 * distance - 2 * measure_by_scene(generalized_box_iou, corners, batch)
    cost = (cost + wrong / known.sum(1, keepdim=True).clamp(min=1)).cpu()
    scene, seen = batch.scene.cpu(), batch.seen.cpu()
    owner = torch.full(found.shape[:2], -1)
    for number in range(len(owner)):
        rows = ((scene == number) & seen).nonzero()[:, 0]
        persons, queries = linear_sum_assignment(cost[rows].numpy())
        owner[number, torch.as_tensor(queries)] = rows[torch.as_tensor(persons)]
    return owner.to(found.device)


def layer_losses(logits: Tensor, found: Tensor, owner: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Losses of B scenes' boxes.

    Args:
        logits: (B, Q, T).
        found: (B, Q, 4) centre and size.
        owner: (B, Q), the person that each box is to find, numbered through the batch, -1 nobody,
            -2 of no matter.
        batch: the scenes.
    """
    scores = torch.where(batch.attention_mask.bool()[:, None], logits, 0.0)
    used = batch.spans.any(1)[:, None] & (owner == -1)[..., None]
    nobody = torch.where(used, F.softplus(scores) * scores.sigmoid().detach() ** 2, 0.0)
    some = owner >= 0
    person = owner[some]
    words = batch.words[person]
    stated = words >= 0
    corners = center_to_corners_format(found[some])
    target = batch.boxes[person]
    overlap = generalized_box_iou(corners, target).diagonal()
    words_loss = F.binary_cross_entropy_with_logits(
        scores[some][stated], words[stated], reduction="sum"
    )
    persons = max(1, len(person))
    return {
        "words": 4 * words_loss / stated.sum().clamp(min=1),
        "nobody": 0.01 * nobody.sum() / len(scores),
        "box": (5 * (corners - target).abs().mean(1) + 1 - overlap).sum() / persons,
        "rank": ranking_loss(scores, found, batch),
    }


def ranking_loss(scores: Tensor, found: Tensor, batch: Batch) -> Tensor:
    """InfoNCE over summed token logits: of each phrase over boxes, of each box over phrases.

    A box is right for a phrase where it covers one of the phrase's people with IoU of 0.5 or more.
    The mean of a scene's phrases and that of its boxes count the same, in every scene that has any.
    """
    spans, truth = batch.spans, batch.phrases
    tokens = spans.sum(2, keepdim=True)
    table = scores @ (spans / tokens.clamp(min=1).sqrt()).mT  # (B, Q, P)
    overlap = measure_by_scene(
        lambda a, b: box_iou(a, b)[0], center_to_corners_format(found), batch
    )
    covers = (overlap.detach() >= 0.5).float()
    pairs = covers[..., None] * truth[:, None]  # (N, Q, P)
    right = torch.zeros_like(table).index_add_(0, batch.scene, pairs) > 0
    table = table.masked_fill((tokens == 0).mT, -math.inf)  # rows of scenes with fewer phrases
    terms, counted = [], []
    for rows, correct in ((table.mT, right.mT), (table, right)):
        some = correct.any(2)
        safe = torch.where(some[..., None], rows, 0.0)
        hits = safe.masked_fill(~(correct | ~some[..., None]), -math.inf).logsumexp(2)
        missed = torch.where(some, safe.logsumexp(2) - hits, 0.0).sum(1)
        terms.append(missed / some.sum(1).clamp(min=1))
        counted.append(some.any(1))
    return torch.cat(terms).sum() / torch.cat(counted).sum().clamp(min=1)


def measure_by_scene(
    measure: Callable[[Tensor, Tensor], Tensor], corners: Tensor, batch: Batch
) -> Tensor:
    """What ``measure`` says of each person and the boxes (B, Q, 4) of their scene, (N, Q)."""
    persons = batch.boxes.split(batch.scene.bincount(minlength=len(corners)).tolist())
    return torch.cat([measure(*pair) for pair in zip(persons, corners, strict=True)])
