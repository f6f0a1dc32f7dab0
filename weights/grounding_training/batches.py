"""Training batches."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grounding_training.phrases import (
    CLASSES,
    FACTS,
    VISIBLE,
    Phrase,
    fitted,
    scene_phrases,
    word_claims,
    word_truth,
)
from grounding_training.scenes import Person, Scene, mirrored
from rhas.mini.figure import CROWN, HIP_L, HIP_R, KNEE_L, KNEE_R, NECK_J, PELVIS
from transformers import GroundingDinoProcessor


@dataclass(frozen=True)
class Batch:
    """B scenes, and per scene its N persons and P phrases.

    pixels (B, 3, h, w) normalised; token ids and mask (B, T). Per scene: boxes (N, 4), corners in
    fractions of the picture; joints (N, J, 2), likewise; seen (N,) bool, enough of the person is
    visible; facts (N, A) class numbers, see `FACTS`; words (N, T) as `word_truth`, separators -1;
    phrases (N, P) float, 1 where true; spans (P, T), 1 on the tokens of a phrase.
    """

    pixels: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    boxes: list[Tensor]
    joints: list[Tensor]
    seen: list[Tensor]
    facts: list[Tensor]
    words: list[Tensor]
    phrases: list[Tensor]
    spans: list[Tensor]
    claims: list[Tensor]
    """(T,) the class that each token states, counted through all of `FACTS`; -1 none."""


class Batches:
    """Endless training batches, each of scenes of one picture size, so that nothing is padded.

    ``told`` False leaves the prompts out (one phrase, "person").
    """

    def __init__(self, scenes: list[Scene], processor: GroundingDinoProcessor, size: int,
                 seed: int, told: bool = True) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._size = size
        self._told = told
        self._tokenizer = processor.tokenizer
        image = processor.image_processor
        self._mean = torch.tensor(image.image_mean).view(1, 3, 1, 1)
        self._std = torch.tensor(image.image_std).view(1, 3, 1, 1)
        self._groups: dict[tuple[int, ...], list[Scene]] = {}
        for scene in scenes:
            if scene.persons:
                self._groups.setdefault(scene.image.shape, []).append(scene)
        self._people = [p.attributes for scene in scenes for p in scene.persons]

    def __iter__(self) -> Batches:
        return self

    def place(self) -> str:
        """Where in the endless row of batches this is, for `seek`."""
        return json.dumps(self._rng.bit_generator.state)

    def seek(self, place: str) -> None:
        """Goes on where another one of the same scenes and seed was."""
        self._rng.bit_generator.state = json.loads(place)

    def __next__(self) -> Batch:
        rng = self._rng
        groups = list(self._groups.values())
        weights = np.array([len(g) for g in groups], float)
        group = groups[int(rng.choice(len(groups), p=weights / weights.sum()))]
        chosen: list[Scene] = []
        prompts: list[list[Phrase]] = []
        while len(chosen) < self._size:
            scene = group[int(rng.integers(len(group)))]
            if rng.random() < 0.5:
                scene = mirrored(scene)
            others = [self._people[int(i)] for i in rng.integers(len(self._people), size=4)]
            phrases = scene_phrases(rng, scene, others) if self._told else [("person", [])]
            phrases = fitted(phrases)
            if phrases:
                chosen.append(scene)
                prompts.append(phrases)
        return self.make(chosen, prompts)

    def make(self, scenes: Sequence[Scene], prompts: Sequence[list[Phrase]]) -> Batch:
        """The batch of scenes of one size and the phrases about each; colours a little changed."""
        texts = [" . ".join(t for t, _ in phrases) + " ." for phrases in prompts]
        tokens = self._tokenizer(texts, padding=True, return_tensors="pt")
        length = tokens["input_ids"].shape[1]
        columns: dict[str, list[Tensor]] = {
            k: []
            for k in ("boxes", "joints", "seen", "facts", "words", "phrases", "spans", "claims")
        }
        for scene, phrases in zip(scenes, prompts, strict=True):
            persons = scene.persons
            words = torch.full((len(persons), length), -1.0)
            spans = torch.zeros(len(phrases), length)
            truth = torch.zeros(len(persons), len(phrases))
            claims = torch.full((length,), -1)
            start = 1
            for row, (text, true_of) in enumerate(phrases):
                stop = start + len(text.split())
                words[:, start:stop] = word_truth(text, true_of, persons)
                claims[start:stop] = torch.tensor(
                    [CLASSES.get(c, -1) if c else -1 for c in word_claims(text.split())]
                )
                spans[row, start:stop] = 1.0
                truth[true_of, row] = 1.0
                start = stop + 1
            columns["boxes"].append(torch.tensor([p.box for p in persons]))
            columns["joints"].append(torch.from_numpy(np.stack([p.joints for p in persons])))
            columns["seen"].append(torch.tensor([p.visible >= VISIBLE for p in persons]))
            columns["facts"].append(
                torch.tensor([[class_of(p, k) for k in FACTS] for p in persons])
            )
            columns["words"].append(words)
            columns["phrases"].append(truth)
            columns["spans"].append(spans)
            columns["claims"].append(claims)
        gain = torch.from_numpy(self._rng.uniform(0.85, 1.15, (len(scenes), 1, 1, 1))).float()
        images = torch.from_numpy(np.stack([s.image for s in scenes])).float()
        pixels = ((images / 255 * gain).clamp(0, 1) - self._mean) / self._std
        return Batch(
            pixels.contiguous(memory_format=torch.channels_last),
            tokens["input_ids"], tokens["attention_mask"],
            **columns,
        )  # fmt: skip


def cells_of(boxes: Tensor, seen: Tensor, height: int, width: int, core: float) -> Tensor:
    """The person of each cell, int64 (height * width,): -1 nobody, -2 in some box but nobody's.

    Args:
        boxes: (N, 4) corners in fractions of the picture.
        seen: (N,) bool, others count as nobody's.
        height: cells from top to bottom.
        width: cells from left to right.
        core: the share of a box's width and height, around its middle, whose cells are a person's;
            the cell in the middle always is. Of several the smallest box has it.
    """
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    centre = torch.stack([x.flatten() / width, y.flatten() / height], -1)[:, None]  # (S, 1, 2)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = boxes[:, 2:] - boxes[:, :2]
    away = (centre - middle).abs()
    reach = torch.maximum(core * size / 2, torch.tensor([0.5 / width, 0.5 / height]))
    own = (away <= reach).all(-1) & seen  # (S, N)
    within = (away <= size / 2).all(-1).any(1)
    area = torch.where(own, size.prod(-1), math.inf)
    person = area.argmin(1)
    return torch.where(own.any(1), person, torch.where(within, -2, -1))


PLACES: dict[str, tuple[tuple[int, int], ...]] = {
    "head": ((CROWN, NECK_J),),
    "torso": ((NECK_J, PELVIS),),
    "legs": ((HIP_R, KNEE_R), (HIP_L, KNEE_L)),
}
"""Parts of the body, each as bones from joint to joint."""


def part_cells(
    joints: Tensor, seen: Tensor, height: int, width: int, aspect: float
) -> dict[str, Tensor]:
    """The person whose head, torso, legs a cell shows, int64 (height * width,), -1 nobody's.

    Args:
        joints: (N, J, 2), fractions of the picture.
        seen: (N,) bool, others have no cells.
        height: cells from top to bottom.
        width: cells from left to right.
        aspect: width of the picture over its height.
    """
    scale = torch.tensor([aspect, 1.0])
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    cells = torch.stack([x.flatten() / width, y.flatten() / height], -1) * scale  # (S, 2)
    points = joints * scale
    reach = 0.2 * (points[:, CROWN] - points[:, PELVIS]).norm(dim=-1)  # (N,)
    reach = torch.where(seen, reach.clamp(min=0.6 / height), -1.0)
    found = {}
    for part, bones in PLACES.items():
        away = torch.stack([_to_segment(cells, points[:, a], points[:, b]) for a, b in bones]).amin(
            0
        )  # (S, N)
        nearest = (away - reach).min(1)
        found[part] = torch.where(nearest.values <= 0, nearest.indices, -1)
    return found


def _to_segment(points: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """Distances (S, N) of points (S, 2) from segments with ends (N, 2)."""
    along = stop - start
    offset = points[:, None] - start
    share = (offset * along).sum(-1) / along.square().sum(-1).clamp(min=1e-9)
    return (offset - share.clamp(0, 1)[..., None] * along).norm(dim=-1)


def class_of(person: Person, attribute: str) -> int:
    """Number of a person's value among those of an attribute, -1 without one."""
    value, values = getattr(person.attributes, attribute), FACTS[attribute]
    return values.index(value) if value in values else -1
