"""Training of the backbone alone: what people look like, cell by cell."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rhas.base.compat  # noqa: F401  before transformers
from grounding_training.batches import STRIDES, Batch, TrainingBatches
from grounding_training.phrases import FACTS
from training.trainer import Trainer
from transformers import GroundingDinoForObjectDetection, ResNetBackbone

SHOWN = ("upper_colour", "hair_colour", "lower_colour", "build", "side")  # in the log

PART_OF = {
    **dict.fromkeys(("hair", "hair_colour", "hat", "hat_colour", "beard"), "head"),
    **dict.fromkeys(("upper", "upper_colour", "pattern", "bag", "bag_colour"), "torso"),
    **dict.fromkeys(("lower", "lower_colour"), "legs"),
}
"""Where on the body an attribute shows, if not everywhere."""


def compute_facts_loss(
    facts: Tensor, people: Tensor, batch: Batch, level: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Cross-entropy of each attribute in the cells of people, and of person or nobody.

    All cells of a person predict all attributes of the person. An attribute that shows on one part
    of the body is predicted by that part's cells once more, since it is learned there first.

    Args:
        facts: (B, S, C), logits of the classes of `FACTS`.
        people: (B, S), logits of a person's presence.
        batch: the scenes.
        level: whose cells these are.

    Returns:
        The losses, and by attribute of `SHOWN` the share of right cells (of the part, where the
        attribute has one).
    """
    sizes = [len(v) for v in FACTS.values()]
    losses: dict[str, Tensor] = {}
    right = {}
    for name, levels in batch.cells.items():
        some = levels[level] >= 0
        logits = facts[some].split(sizes, 1)
        target = batch.facts[levels[level][some]].T
        terms = []
        for attribute, p, t in zip(FACTS, logits, target, strict=True):
            if name in ("whole", PART_OF.get(attribute)):
                terms.append(F.cross_entropy(p, t, ignore_index=-1))
                if attribute in SHOWN:
                    known = t >= 0
                    right[attribute] = ((p.argmax(1) == t) & known).sum() / known.sum()
        losses[name] = torch.stack(terms).mean()
    person = batch.cells["whole"][level]
    sure = person != -2
    losses["person"] = F.binary_cross_entropy_with_logits(people[sure], (person[sure] >= 0).float())
    return losses, right


def backbone_state_path(options: argparse.Namespace) -> Path:
    """Where an interrupted training of the backbone has left its state."""
    cache: Path = options.cache
    return cache.with_suffix(".backbone_state.pt")


def train_backbone(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: TrainingBatches,
    options: argparse.Namespace, rate: float,
) -> None:  # fmt: skip
    """Train backbone and projections to predict, cell by cell, what people look like, through the
    table; the backbone's normalisation is then frozen. Resumes from `backbone_state_path`."""
    backbone = ResNetBackbone(model.config.backbone_config).to(options.device)
    backbone.to(memory_format=torch.channels_last)  # a third faster on a CPU
    person = nn.Linear(model.config.d_model, 1).to(options.device)
    trained = nn.ModuleList([backbone, model.model.input_proj_vision, person, table])
    optimiser = torch.optim.AdamW(trained.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, options.backbone_steps, pct_start=0.1
    )
    backbone.train()
    trainer = Trainer(
        {"trained": trained}, optimiser, schedule, options.backbone_steps,
        backbone_state_path(options), vars(options), device=options.device, log_every=50,
    )  # fmt: skip
    for batch in batches.load_batches(
        trainer.number, trainer.updates, options.workers, options.device
    ):
        losses, values = [], {}
        maps = backbone(batch.pixels).feature_maps
        for level, (project, map_) in enumerate(
            zip(model.model.input_proj_vision, maps, strict=True)
        ):
            states = project(map_).flatten(2).mT
            states = F.layer_norm(states, states.shape[2:])
            parts, right = compute_facts_loss(table(states), person(states)[..., 0], batch, level)
            losses += parts.values()
            values |= {f"{name}{STRIDES[level]}": v for name, v in (parts | right).items()}
        trainer.update(torch.stack(losses).sum(), values)
        trainer.save_if_due()
    weights = {k: v for k, v in backbone.state_dict().items() if "num_batches" not in k}
    model.model.backbone.conv_encoder.model.load_state_dict(weights)
