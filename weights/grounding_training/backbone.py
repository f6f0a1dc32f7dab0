"""The backbone learns alone what people look like, cell by cell."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rhas.base.compat  # noqa: F401  before transformers
from grounding_training.batches import Batch, Batches, cells_of, part_cells
from grounding_training.model import STRIDES
from grounding_training.phrases import FACTS
from transformers import GroundingDinoForObjectDetection, ResNetBackbone

SHOWN = ("upper_colour", "hair_colour", "lower_colour", "build", "side")  # in the log

PART_OF = {
    **dict.fromkeys(("hair", "hair_colour", "hat", "hat_colour", "beard"), "head"),
    **dict.fromkeys(("upper", "upper_colour", "pattern", "bag", "bag_colour"), "torso"),
    **dict.fromkeys(("lower", "lower_colour"), "legs"),
}
"""Where on the body an attribute shows, if not everywhere."""


def facts_loss(
    facts: Tensor, people: Tensor, batch: Batch
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Cross-entropy of each attribute in the cells of people, and of person or nobody.

    All cells of a person are to tell everything about them. What shows on one part of the body is
    asked of that part's cells once more: a colour of hair is first learned where hair is.

    Args:
        facts: (B, h, w, C), logits of the classes of `FACTS`.
        people: (B, h, w), logits of a person's presence.
        batch: the scenes.

    Returns:
        The losses, and by attribute of `SHOWN` the share of right cells (of the part, where the
        attribute has one).
    """
    height, width = people.shape[1:]
    aspect = batch.pixels.shape[3] / batch.pixels.shape[2]
    sizes = [len(v) for v in FACTS.values()]
    presence, there = [], []
    told: dict[str, list[Tensor]] = {"whole": [], "head": [], "torso": [], "legs": []}
    true: dict[str, list[Tensor]] = {name: [] for name in told}
    for n, cells in enumerate(facts.flatten(1, 2)):
        boxes, seen, own = batch.boxes[n], batch.seen[n], batch.facts[n]
        person = cells_of(boxes, seen, height, width, 0.8)
        presence.append(people[n].flatten()[person != -2])
        there.append((person[person != -2] >= 0).float())
        parts = part_cells(batch.joints[n], seen, height, width, aspect)
        for name, owner in {"whole": person, **parts}.items():
            told[name].append(cells[owner >= 0])
            true[name].append(own[owner[owner >= 0]])
    losses: dict[str, Tensor] = {}
    right = {}
    for name in told:
        logits, target = torch.cat(told[name]).split(sizes, 1), torch.cat(true[name]).T
        terms = []
        for attribute, p, t in zip(FACTS, logits, target, strict=True):
            if name in ("whole", PART_OF.get(attribute)):
                terms.append(F.cross_entropy(p, t, ignore_index=-1))
                if attribute in SHOWN:
                    right[attribute] = float((p.argmax(1) == t)[t >= 0].float().mean())
        losses[name] = torch.stack(terms).mean()
    losses["person"] = F.binary_cross_entropy_with_logits(torch.cat(presence), torch.cat(there))
    return losses, right


def train_backbone(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: Batches, steps: int,
    rate: float,
) -> None:  # fmt: skip
    """Teaches backbone and projections what people look like, cell by cell, in the space of the
    table; the backbone's normalisation is then frozen."""
    backbone = ResNetBackbone(model.config.backbone_config)
    backbone.to(memory_format=torch.channels_last)  # a third faster on a CPU
    projections = model.model.input_proj_vision
    person = nn.Linear(model.config.d_model, 1)
    parameters = [p for m in (backbone, projections, person, table) for p in m.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    backbone.train()
    log = Log(50)
    for _ in range(steps):
        batch = next(batches)
        losses = []
        for project, level in zip(projections, backbone(batch.pixels).feature_maps, strict=True):
            states = project(level).permute(0, 2, 3, 1)
            states = F.layer_norm(states, states.shape[3:])
            losses.append(facts_loss(table(states), person(states)[..., 0], batch))
        optimiser.zero_grad()
        torch.stack([value for level, _ in losses for value in level.values()]).sum().backward()
        optimiser.step()
        schedule.step()
        for stride, (level, right) in zip(STRIDES, losses, strict=True):
            values = {**{k: float(v.detach()) for k, v in level.items()}, **right}
            log.sum(**{f"{k}{stride}": v for k, v in values.items()})
        log.add()
    weights = {k: v for k, v in backbone.state_dict().items() if "num_batches" not in k}
    model.model.backbone.conv_encoder.model.load_state_dict(weights)


class Log:
    """Prints means of values every so many steps."""

    def __init__(self, every: int) -> None:
        self._every, self._step, self._began = every, 0, time.monotonic()
        self._sums: dict[str, float] = {}

    def sum(self, **values: float) -> None:
        """Some values of a step that goes on."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def add(self, **values: float) -> None:
        """The last values of a step."""
        self._step += 1
        self.sum(**values)
        if self._step % self._every == 0:
            shown = " ".join(f"{k} {v / self._every:.3f}" for k, v in self._sums.items())
            passed = time.monotonic() - self._began
            print(f"step {self._step} {passed:.0f} s {shown}", flush=True)
            self._sums = {}
