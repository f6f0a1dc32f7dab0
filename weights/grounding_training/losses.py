"""Losses of detection and of reading."""

from __future__ import annotations

import math

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

import rhas.base.compat  # noqa: F401  before transformers
from grounding_training.batches import Batch, cells_of
from grounding_training.model import STRIDES
from grounding_training.phrases import FACTS
from transformers import GroundingDinoForObjectDetection
from transformers.image_transforms import center_to_corners_format
from transformers.loss.loss_for_object_detection import box_iou, generalized_box_iou

TEXT_GAIN = 30.0  # on the distance of a word from the vector of what it states


def detection_loss(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batch: Batch
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch and its parts; ``table`` holds a vector per value of an attribute."""
    out = model(
        pixel_values=batch.pixels, input_ids=batch.input_ids, attention_mask=batch.attention_mask
    )
    length = batch.input_ids.shape[1]
    text, mask = out.encoder_last_hidden_state_text, batch.attention_mask.bool()
    coordinates = out.enc_outputs_coord_logits
    usable = coordinates.isfinite().all(-1)
    coordinates = torch.where(coordinates.isfinite(), coordinates, 0.0).sigmoid()
    grids = [tuple(-(-s // stride) for s in batch.pixels.shape[-2:]) for stride in STRIDES]
    owner = []
    for boxes, seen, fine in zip(batch.boxes, batch.seen, usable, strict=True):
        cells = torch.cat([cells_of(boxes, seen, *grid, 0.4) for grid in grids])
        owner.append(cells.masked_fill(~fine, -2))
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
        owner = [
            matched(b, f, batch, n) for n, (b, f) in enumerate(zip(logits, found, strict=True))
        ]
        losses[f"dec{level}"] = (logits, found, owner, hidden)
    parts: dict[str, Tensor] = {}
    for name, (logits, found, owner, states) in losses.items():
        for key, value in layer_losses(logits, found, owner, batch).items():
            parts[f"{name}.{key}"] = value
        parts[f"{name}.facts"] = value_loss(table(states), owner, batch)
    claims = torch.stack(batch.claims)
    parts["text"] = TEXT_GAIN * F.mse_loss(text[claims >= 0], table.weight[claims[claims >= 0]])
    return sum(parts.values()), {k: float(v.detach()) for k, v in parts.items()}  # type: ignore


def value_loss(logits: Tensor, owner: list[Tensor], batch: Batch) -> Tensor:
    """Cross-entropy of each attribute at the boxes of people; logits (B, Q, C)."""
    some = torch.stack(owner) >= 0
    wanted = torch.cat([f[o[o >= 0]] for f, o in zip(batch.facts, owner, strict=True)])
    parts = logits[some].split([len(v) for v in FACTS.values()], 1)
    terms = [F.cross_entropy(p, t, ignore_index=-1) for p, t in zip(parts, wanted.T, strict=True)]
    return 2 * torch.stack(terms).mean()


@torch.no_grad()
def matched(logits: Tensor, found: Tensor, batch: Batch, scene: int) -> Tensor:
    """The person of each query (Q,), -1 without: the assignment of least cost, by box and words."""
    boxes, words = batch.boxes[scene], batch.words[scene]
    owner = torch.full((len(found),), -1)
    rows = batch.seen[scene].nonzero()[:, 0]
    if len(rows) == 0:
        return owner
    corners = center_to_corners_format(found)
    cost = 5 * torch.cdist(corners, boxes[rows], p=1) - 2 * generalized_box_iou(
        corners, boxes[rows]
    )
    known = (words[rows] >= 0).float()
    scores = torch.where(batch.attention_mask[scene].bool(), logits, 0.0)
    wrong = F.softplus(scores) @ known.T - scores @ (words[rows].clamp(0) * known).T
    cost = cost + wrong / known.sum(1).clamp(min=1)
    queries, persons = linear_sum_assignment(cost.numpy())
    owner[torch.as_tensor(queries)] = rows[torch.as_tensor(persons)]
    return owner


def layer_losses(
    logits: Tensor, found: Tensor, owner: list[Tensor], batch: Batch
) -> dict[str, Tensor]:
    """Losses of B scenes' boxes.

    Args:
        logits: (B, Q, T).
        found: (B, Q, 4) centre and size.
        owner: per scene (Q,), the person that each box is to find, -1 nobody, -2 of no matter.
        batch: the scenes.
    """
    own, truth, none, boxes, targets, ranks = [], [], [], [], [], []
    for n, person in enumerate(owner):
        mask = batch.attention_mask[n].bool()
        scores = torch.where(mask, logits[n], 0.0)
        some = person >= 0
        if some.any():
            words = batch.words[n][person[some]]
            own.append(scores[some][words >= 0])
            truth.append(words[words >= 0])
            boxes.append(found[n][some])
            targets.append(batch.boxes[n][person[some]])
        used = batch.spans[n].any(0)
        none.append(scores[person == -1][:, used].flatten())
        ranks += ranking_terms(scores, found[n], batch, n)
    nobody = torch.cat(none)
    nobody = (F.softplus(nobody) * nobody.sigmoid().detach() ** 2).sum() / len(batch.boxes)
    if not own:
        return {"nobody": 0.01 * nobody}
    corners = center_to_corners_format(torch.cat(boxes))
    target = torch.cat(targets)
    overlap = generalized_box_iou(corners, target).diagonal()
    return {
        "words": 4 * F.binary_cross_entropy_with_logits(torch.cat(own), torch.cat(truth)),
        "nobody": 0.01 * nobody,
        "box": 5 * (corners - target).abs().mean() + (1 - overlap).mean(),
        "rank": torch.stack(ranks).mean() if ranks else nobody * 0,
    }


def ranking_terms(scores: Tensor, found: Tensor, batch: Batch, scene: int) -> list[Tensor]:
    """InfoNCE over summed token logits: of each phrase over boxes, of each box over phrases.

    A box is right for a phrase where it covers one of the phrase's people with IoU of 0.5 or more.
    """
    spans, truth = batch.spans[scene], batch.phrases[scene]
    table = scores @ (spans / spans.sum(1, keepdim=True).sqrt()).T  # (Q, P)
    overlap = box_iou(center_to_corners_format(found.detach()), batch.boxes[scene])[0]
    right = (overlap >= 0.5).float() @ truth > 0
    terms = []
    for rows, correct in ((table.T, right.T), (table, right)):
        some = correct.any(1)
        if some.any():
            hits = rows[some].masked_fill(~correct[some], -math.inf).logsumexp(1)
            terms.append((rows[some].logsumexp(1) - hits).mean())
    return terms
