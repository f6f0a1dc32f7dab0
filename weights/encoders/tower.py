"""The vision tower: its initialisation, and its training before any sentence is used.

A fresh transformer of the library learns nothing from so few pictures in minutes. What changes
that:

- its attention starts as a convolution: some channels hold the place of a cell, and each head
  starts by looking at one neighbour (`neighbour_attention`);
- patches start as their principal components (`whiten_patches`), and every readout normalises its
  input and starts from the means and frequencies of its targets (`make_readout`,
  `PersonReadout.start_from`); else hundreds of updates go into what all pictures have in common;
- it is trained densely: from each cell on a person, readouts predict the part of the body, the
  person's attributes and what the body does (joints, direction, held thing, actions), in crops and
  in whole frames; in frames also whether the person does something with another one, and that one's
  place, direction and actions.

Legend: n pictures, K cells of a picture (grid × grid), N persons, S stills, J joints.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from grounding_training.phrases import FACTS

from encoders.stills import CLASS, HELD, Batch
from rhas.mini.skeleton import JOINTS
from rhas.mini.story import PAIR_CLASSES

PLACE = 16  # channels that hold the place of a cell
_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
PAIRS = [CLASS[name] for name in PAIR_CLASSES]
POINTS = 28  # on a figure, see `find_body_points`
_SHARP = 9.0  # attention logit between a neighbour looked at and far cells


def encode_places(grid: int) -> Tensor:
    """A cell's row and column as waves, (K, PLACE); products tell distances."""
    k = torch.arange(1, PLACE // 4 + 1) * math.pi / grid
    angle = torch.arange(grid)[:, None] * k  # (G, PLACE / 4)
    wave = torch.cat([angle.cos(), angle.sin()], dim=1)  # (G, PLACE / 2)
    rows = wave[:, None].expand(-1, grid, -1)
    columns = wave[None].expand(grid, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)


def _make_shift(grid: int, step: tuple[int, int]) -> Tensor:
    """(PLACE, PLACE), turns the code of a cell into that of its neighbour ``step`` away."""
    k = torch.arange(1, PLACE // 4 + 1) * math.pi / grid
    turn = torch.zeros(PLACE, PLACE)
    for part, cells in enumerate(step):
        start, q = part * PLACE // 2, PLACE // 4
        c, s = (k * cells).cos().diag(), (k * cells).sin().diag()
        turn[start : start + 2 * q, start : start + 2 * q] = torch.cat(
            [torch.cat([c, -s], dim=1), torch.cat([s, c], dim=1)]
        )
    return turn


@torch.no_grad()
def neighbour_attention(tower: Any) -> None:
    """Makes a fresh ``Blip2VisionModel`` start as a stack of convolutions over cells.

    Eight heads of ``PLACE`` channels at least.
    """
    config = tower.config
    width, heads = config.hidden_size, config.num_attention_heads
    grid = config.image_size // config.patch_size
    each = width // heads
    content = width - PLACE
    embeddings = tower.embeddings
    for module in tower.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
    nn.init.normal_(embeddings.patch_embedding.weight, std=(3 * config.patch_size**2) ** -0.5)
    embeddings.patch_embedding.weight[content:] = 0
    embeddings.position_embedding.normal_(std=0.1)
    embeddings.position_embedding[0, 1:, content:] = encode_places(grid)
    embeddings.position_embedding[0, 0, content:] = 0
    depth = (2 * len(tower.encoder.layers)) ** -0.5
    for layer in tower.encoder.layers:
        qkv = layer.self_attn.qkv.weight  # (3 · width, width)
        for head in range(heads):
            at = head * each
            qkv[at : at + each] *= 0.1
            qkv[width + at : width + at + each] *= 0.1
            gain = math.sqrt(_SHARP * math.sqrt(each) / (PLACE / 2))
            turn = _make_shift(grid, _NEIGHBOURS[head % len(_NEIGHBOURS)])
            qkv[at : at + PLACE, content:] = gain * turn
            qkv[width + at : width + at + PLACE, content:] = gain * torch.eye(PLACE)
        for out in (layer.self_attn.projection, layer.mlp.fc2):
            out.weight *= depth
            out.weight[content:] = 0


@torch.no_grad()
def whiten_patches(tower: Any, pictures: Tensor) -> None:
    """Makes patches start as their principal components, without mean, all of about one size.

    Else brightness drowns everything finer in the first layers for hundreds of steps.

    Args:
        tower: a fresh ``Blip2VisionModel`` with `neighbour_attention`.
        pictures: normalised, (n, 3, size, size).
    """
    embed = tower.embeddings.patch_embedding
    side = embed.kernel_size[0]
    patches = F.unfold(pictures, side, stride=side).transpose(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    centred = patches - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(patches))
    content = tower.config.hidden_size - PLACE
    size = (values[-content:] + 3e-3 * values[-1]).rsqrt()
    weight = (vectors[:, -content:] * size).T
    turn = torch.linalg.qr(torch.randn(content, content))[0]  # so that no channel is most of it
    weight = turn @ weight
    embed.weight[:content] = weight.view(content, 3, side, side)
    embed.bias[:content] = -(weight @ mean)


def make_readout(width: int, out: int) -> nn.Sequential:
    """A linear layer on vectors (n, width) whose channels are brought to mean 0 and variance 1.

    The tokens' common part is far larger than what tells them apart; a linear layer on them alone
    takes hundreds of steps to see past it.
    """
    linear = nn.Linear(width, out)
    nn.init.zeros_(linear.weight)
    return nn.Sequential(nn.BatchNorm1d(width, affine=False), linear)


PEOPLE = 3.0
"""Weight of actions between people in frames, relative to others: the crop leaves them open."""


class PartnerReadout(nn.Module):
    """What a vector tells, linearly, of the one with whom a person does something: whether there is
    somebody, and that one's box, direction and actions; only serves training."""

    SIZES: ClassVar = {"there": 1, "box": 4, "way": 3, "actions": len(CLASS)}

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = make_readout(width, sum(self.SIZES.values()))

    def compute_losses(
        self, x: Tensor, batch: Batch, person: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """Of vectors (n, width) about persons (n,) of a batch, weighted (n,), each a scalar."""
        there, box, way, actions = self.linear(x).split(list(self.SIZES.values()), dim=1)
        partner = batch.partner[person]
        some = (partner != person).float()
        weight = weight / weight.sum().clamp(min=1e-6)

        def mean(values: Tensor) -> Tensor:
            return (values * weight * some).sum()

        known = F.binary_cross_entropy_with_logits(there[:, 0], some, reduction="none")
        return {
            "there": (known * weight).sum(),
            "box": 4 * mean((box.sigmoid() - batch.box[partner]).abs().mean(1)),
            "way": mean((way - batch.way[partner]).square().mean(1)),
            "actions": 3 * mean(action_loss(actions, batch.actions[partner], PEOPLE)),
        }


class PersonReadout(nn.Module):
    """What a vector tells of a person, linearly; only serves training."""

    SIZES: ClassVar = {
        "joints": 3 * JOINTS, "way": 3, "held": len(HELD), "hidden": 1, "actions": len(CLASS),
        "facts": sum(len(v) for v in FACTS.values()),
    }  # fmt: skip

    def __init__(
        self, width: int, facts: float = 7.0, actions: float = 1.0, people: float = 1.0
    ) -> None:
        """``facts``, ``actions``: weights of who it is and of what the person does; ``people``:
        of actions between people, relative to others."""
        super().__init__()
        self.weights = {"facts": facts, "actions": actions}
        self.people = people
        self.linear = make_readout(width, sum(self.SIZES.values()))

    @torch.no_grad()
    def start_from(self, batch: Batch) -> PersonReadout:
        """Start from the best constant prediction: means and frequencies in a batch."""

        def odds(share: Tensor) -> Tensor:
            return share.clamp(1e-3, 1 - 1e-3).logit()

        shares = [
            F.one_hot(truth[truth >= 0], len(values)).float().mean(0).clamp(min=1e-3).log()
            for truth, values in zip(batch.facts.T, FACTS.values(), strict=True)
        ]
        held = F.one_hot(batch.held, len(HELD)).float().mean(0).clamp(min=1e-3).log()
        self.linear[1].bias.copy_(torch.cat([
            batch.joints.median(0).values.flatten(), batch.way.mean(0), held,
            odds(batch.hidden.mean(0, keepdim=True)), odds(batch.actions.mean(0)), *shares,
        ]))  # fmt: skip
        return self

    def compute_losses(
        self, x: Tensor, batch: Batch, person: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """Of vectors (n, width) about persons (n,) of a batch, weighted (n,), each a scalar."""
        parts = self.linear(x).split(list(self.SIZES.values()), dim=1)
        joints, way, held, hidden, actions, facts = parts
        weight = weight / weight.sum().clamp(min=1e-6)

        def mean(values: Tensor) -> Tensor:
            return (values * weight).sum()

        wanted = batch.joints[person]
        seen = ((wanted[..., :2] > -0.1) & (wanted[..., :2] < 1.1)).all(2).float()
        off = (joints.unflatten(1, (JOINTS, 3)) - wanted).abs().mean(2) * seen
        truth = batch.facts[person]
        each = facts.split([len(v) for v in FACTS.values()], dim=1)
        who = torch.stack([
            F.cross_entropy(e, t, reduction="none", ignore_index=-1)
            for e, t in zip(each, truth.T, strict=True)
        ]).mean(0)  # fmt: skip
        return {
            "joints": 6 * mean(off.mean(1)),
            "way": mean(F.mse_loss(way, batch.way[person], reduction="none").mean(1)),
            "held": 2 * mean(F.cross_entropy(held, batch.held[person], reduction="none")),
            "hidden": mean(F.binary_cross_entropy_with_logits(
                hidden[:, 0], batch.hidden[person], reduction="none")),
            "actions": self.weights["actions"]
            * mean(action_loss(actions, batch.actions[person], self.people)),
            "facts": self.weights["facts"] * mean(who),
        }  # fmt: skip


def action_loss(logits: Tensor, labels: Tensor, people: float = 1.0) -> Tensor:
    """Per row (n,): cross-entropy with the labels shared evenly, and a binary term per class;
    classes between people count ``people`` times."""
    weight = torch.ones(labels.shape[1])
    weight[PAIRS] = people
    share = labels / labels.sum(1, keepdim=True).clamp(min=1)
    together = -(weight * share * logits.log_softmax(1)).sum(1)
    each = F.binary_cross_entropy_with_logits(
        logits, labels, reduction="none", pos_weight=torch.full((labels.shape[1],), 4.0)
    )
    return together + 4 * (weight * each).mean(1)


def find_body_points(joints: Tensor) -> Tensor:
    """Points on figures, joints and places between, (N, 28, 2) of joints (N, J, 3)."""
    xy = joints[..., :2]
    pairs = ((0, 1), (3, 4), (4, 5), (6, 7), (7, 8), (9, 10), (10, 11), (13, 14), (14, 15))
    return torch.cat(
        [xy[:, :19], *((xy[:, a : a + 1] + xy[:, b : b + 1]) / 2 for a, b in pairs)], 1
    )


def find_figure_cells(points: Tensor, reach: Tensor, grid: int) -> Tensor:
    """Which cells lie on each figure, bool (N, K).

    Args:
        points: (N, P, 2) in fractions of the picture.
        reach: (N, 2) half width and height of what counts as on the figure.
        grid: cells along a side.
    """
    centre = (torch.arange(grid) + 0.5) / grid
    cells = torch.stack(torch.meshgrid(centre, centre, indexing="xy"), 2).flatten(0, 1)  # (K, 2)
    gap = (points[:, None] - cells[None, :, None]) / reach[:, None, None]  # (N, K, P, 2)
    return (gap.square().sum(3) < 1).any(2)


def find_nearest(points: Tensor, cell: Tensor, grid: int) -> Tensor:
    """Number of the point (n, P, 2) nearest to the middle of a cell (n,), int64 (n,)."""
    middle = torch.stack([cell % grid + 0.5, cell // grid + 0.5], dim=1) / grid
    return (points - middle[:, None]).square().sum(2).argmin(1)


def find_crop_cells(batch: Batch, grid: int) -> Tensor:
    """Cells on the person of a crop, bool (N, K)."""
    points = find_body_points(batch.joints)
    return find_figure_cells(points, torch.full((len(points), 2), 0.055 + 0.25 / grid), grid)


def find_frame_cells(batch: Batch, grid: int) -> Tensor:
    """Person of each cell of the frames, numbered through the batch, int64 (S, K), -1 none; of
    several the last, who is nearest."""
    size = batch.box[:, 2:] - batch.box[:, :2]
    tall = size.amax(1, keepdim=True) * 0.055
    reach = torch.cat([tall * batch.aspect[batch.still, None], tall], dim=1) + 0.3 / grid
    on = find_figure_cells(find_body_points(batch.frame_joints), reach, grid)
    number = torch.where(on, torch.arange(len(on))[:, None], -1)
    out = torch.full((len(batch.frames), grid * grid), -1)
    return out.scatter_reduce(0, batch.still[:, None].expand_as(number), number, "amax")


class DenseReadout(nn.Module):
    """Readouts of a tower's tokens; only serve training."""

    def __init__(self, width: int, grid: int, first: Batch) -> None:
        """``first``: stills to start the readouts from."""
        super().__init__()
        self.grid = grid
        self.cell, self.whole = (
            PersonReadout(width, people=people).start_from(first) for people in (PEOPLE, 1.0)
        )
        self.partner = PartnerReadout(width)
        self.on, self.part = make_readout(width, 1), make_readout(width, POINTS)

    def compute_losses(self, frame: Tensor, crop: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Of tokens (S, 1 + K, width) of frames and (N, 1 + K, width) of crops."""
        near = find_crop_cells(batch, self.grid)
        far = find_frame_cells(batch, self.grid)
        who, whose = near.nonzero()[:, 0], far[far >= 0]
        share = 1 / near.sum(1).clamp(min=1)
        count = torch.bincount(whose, minlength=len(crop))
        everyone, alike = torch.arange(len(crop)), torch.ones(len(crop))
        parts = {
            "near": self.cell.compute_losses(crop[:, 1:][near], batch, who, share[who]),
            "whole": self.whole.compute_losses(crop[:, 0], batch, everyone, alike),
            "far": self.cell.compute_losses(frame[:, 1:][far >= 0], batch, whose, 1 / count[whose]),
            "pair": self.partner.compute_losses(
                frame[:, 1:][far >= 0], batch, whose, 1 / count[whose]
            ),
        }
        factor = {"near": 1.0, "whole": 0.3, "far": 1.0, "pair": 1.0}
        cells = torch.cat([crop[:, 1:].flatten(0, 1), frame[:, 1:].flatten(0, 1)])
        truth = torch.cat([near.flatten(), (far >= 0).flatten()]).float()
        out = {f"{n}.{k}": factor[n] * v for n, part in parts.items() for k, v in part.items()}
        out["on"] = F.binary_cross_entropy_with_logits(self.on(cells)[:, 0], truth)
        part = torch.cat([
            find_nearest(find_body_points(joints), cells, self.grid)
            for joints, cells in (
                (batch.joints[who], near.nonzero()[:, 1]),
                (batch.frame_joints[whose], (far >= 0).nonzero()[:, 1]),
            )
        ])  # fmt: skip
        predicted = self.part(torch.cat([crop[:, 1:][near], frame[:, 1:][far >= 0]]))
        out["part"] = 2 * F.cross_entropy(predicted, part)
        return out
