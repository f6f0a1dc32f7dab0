"""The backbone learns alone what people look like, cell by cell."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rhas.base.compat  # noqa: F401  before transformers
from grounding_training.batches import STRIDES, Batch, Batches
from grounding_training.phrases import FACTS
from state import EVERY, load_state, save_state
from transformers import GroundingDinoForObjectDetection, ResNetBackbone

SHOWN = ("upper_colour", "hair_colour", "lower_colour", "build", "side")  # in the log

PART_OF = {
    **dict.fromkeys(("hair", "hair_colour", "hat", "hat_colour", "beard"), "head"),
    **dict.fromkeys(("upper", "upper_colour", "pattern", "bag", "bag_colour"), "torso"),
    **dict.fromkeys(("lower", "lower_colour"), "legs"),
}
"""Where on the body an attribute shows, if not everywhere."""


def facts_loss(
    facts: Tensor, people: Tensor, batch: Batch, level: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Cross-entropy of each attribute in the cells of people, and of person or nobody.

    All cells of a person are to tell everything about them. What shows on one part of the body is
    asked of that part's cells once more: a colour of hair is first learned where hair is.

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


def backbone_state(options: argparse.Namespace) -> Path:
    """Where a training of the backbone that was cut has left its state."""
    cache: Path = options.cache
    return cache.with_suffix(".backbone_state.pt")


def train_backbone(
    model: GroundingDinoForObjectDetection, table: nn.Linear, pictures: Batches,
    options: argparse.Namespace, rate: float,
) -> None:  # fmt: skip
    """Teaches backbone and projections what people look like, cell by cell, in the space of the
    table; the backbone's normalisation is then frozen. Goes on from a state as ``train`` does."""
    steps, path = options.backbone_steps, backbone_state(options)
    backbone = ResNetBackbone(model.config.backbone_config).to(options.device)
    backbone.to(memory_format=torch.channels_last)  # a third faster on a CPU
    person = nn.Linear(model.config.d_model, 1).to(options.device)
    taught = nn.ModuleList([backbone, model.model.input_proj_vision, person, table])
    optimiser = torch.optim.AdamW(taught.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    backbone.train()
    log, done = Log(50), 0
    if kept := load_state(path, vars(options), options.device):
        taught.load_state_dict(kept["taught"])
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
        done = kept["step"]
    for step, batch in enumerate(
        pictures.steps(done, steps, options.workers, options.device), start=done + 1
    ):
        losses = []
        maps = backbone(batch.pixels).feature_maps
        for level, (project, map_) in enumerate(
            zip(model.model.input_proj_vision, maps, strict=True)
        ):
            states = project(map_).flatten(2).mT
            states = F.layer_norm(states, states.shape[2:])
            losses.append(facts_loss(table(states), person(states)[..., 0], batch, level))
        optimiser.zero_grad()
        torch.stack([value for level, _ in losses for value in level.values()]).sum().backward()
        optimiser.step()
        schedule.step()
        log.add({
            f"{name}{stride}": value.detach()
            for stride, (values, right) in zip(STRIDES, losses, strict=True)
            for name, value in (values | right).items()
        })  # fmt: skip
        if step % EVERY == 0 and step < steps:
            save_state(
                path, vars(options), step=step, taught=taught.state_dict(),
                optimiser=optimiser.state_dict(), schedule=schedule.state_dict(),
            )  # fmt: skip
    weights = {k: v for k, v in backbone.state_dict().items() if "num_batches" not in k}
    model.model.backbone.conv_encoder.model.load_state_dict(weights)


class Log:
    """Prints means of values every so many steps."""

    def __init__(self, every: int) -> None:
        self._every, self._step, self._began = every, 0, time.monotonic()
        self._sums: dict[str, Tensor] = {}

    def add(self, values: dict[str, Tensor]) -> None:
        """The values of a step."""
        self._step += 1
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        if self._step % self._every == 0:
            shown = " ".join(f"{k} {float(v) / self._every:.3f}" for k, v in self._sums.items())
            passed = time.monotonic() - self._began
            print(f"step {self._step} {passed:.0f} s {shown}", flush=True)
            self._sums = {}
