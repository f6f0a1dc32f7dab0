"""Training batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from grounding_training.phrases import (
    CLASSES,
    FACTS,
    VISIBLE,
    Phrase,
    trim_phrases,
    sample_scene_phrases,
    find_word_claims,
    find_word_truth,
)
from grounding_training.scenes import Person, Scene, mirror_scene
from rhas.mini.skeleton import CROWN, HIP_L, HIP_R, KNEE_L, KNEE_R, NECK_J, PELVIS
from transformers import GroundingDinoProcessor

STRIDES = (8, 16, 32)  # of the model's levels
CORE, WHOLE = 0.4, 0.8  # of a box's sides: whose cells are a person's, see `find_cells`


@dataclass(frozen=True)
class Batch:
    """B scenes, the N persons in them and up to P phrases about each, in prompts of T tokens.

    pixels (B, 3, h, w) normalised; token ids and mask (B, T). By person, scene after scene: scene
    (N,) its number; boxes (N, 4), corners in fractions of the picture; seen (N,) bool, enough of
    the person is visible; facts (N, A) class numbers, see `FACTS`; words (N, T) as
    `find_word_truth`,
    separators -1; phrases (N, P) float, 1 where true. spans (B, P, T), 1 on the tokens of a phrase;
    claims (B, T), the class that each token states, counted through all of `FACTS`, -1 none.
    """

    pixels: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    scene: Tensor
    boxes: Tensor
    seen: Tensor
    facts: Tensor
    words: Tensor
    phrases: Tensor
    spans: Tensor
    claims: Tensor
    cells: dict[str, list[Tensor]]
    """By level (B, S), the person of each cell by `find_cells` and `find_part_cells`, numbered
    through the batch: ``core`` of batches with prompts; ``whole`` and `PLACES` of those without."""

    def to(self, device: str) -> Batch:
        """The batch on a device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        cells = {k: [level.to(device) for level in v] for k, v in self.cells.items()}
        return replace(self, **moved, cells=cells)


class TrainingBatches(Dataset[Batch]):
    """Training batches by the number of their step, each of scenes of one picture size, so that
    nothing is padded.

    ``prompted`` False leaves the prompts out (one phrase, "person").
    """

    def __init__(self, scenes: list[Scene], processor: GroundingDinoProcessor, size: int,
                 seed: int, prompted: bool = True) -> None:  # fmt: skip
        self._seed = seed
        self._size = size
        self._prompted = prompted
        self._tokenizer = processor.tokenizer
        image = processor.image_processor
        self._mean = torch.tensor(image.image_mean).view(1, 3, 1, 1)
        self._std = torch.tensor(image.image_std).view(1, 3, 1, 1)
        self._groups: dict[tuple[int, ...], list[Scene]] = {}
        for scene in scenes:
            if scene.persons:
                self._groups.setdefault(scene.image.shape, []).append(scene)
        self._people = [p.attributes for scene in scenes for p in scene.persons]

    def load_batches(self, first: int, stop: int, workers: int, device: str) -> Iterator[Batch]:
        """The batches of these updates in order, built by so many processes beside this one."""
        loader = DataLoader(
            self, batch_size=None, sampler=range(first, stop), num_workers=workers,
            prefetch_factor=4 if workers else None, generator=torch.Generator(),
            multiprocessing_context="fork" if workers else None,  # shares the scenes
        )  # fmt: skip
        for batch in loader:
            yield batch.to(device)

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, step))
        groups = list(self._groups.values())
        weights = np.array([len(g) for g in groups], float)
        group = groups[int(rng.choice(len(groups), p=weights / weights.sum()))]
        chosen: list[Scene] = []
        prompts: list[list[Phrase]] = []
        while len(chosen) < self._size:
            scene = group[int(rng.integers(len(group)))]
            if rng.random() < 0.5:
                scene = mirror_scene(scene)
            others = [self._people[int(i)] for i in rng.integers(len(self._people), size=4)]
            phrases = (
                sample_scene_phrases(rng, scene, others) if self._prompted else [("person", [])]
            )
            phrases = trim_phrases(phrases)
            if phrases:
                chosen.append(scene)
                prompts.append(phrases)
        return self.make_batch(chosen, prompts, rng.uniform(0.85, 1.15, (len(chosen), 1, 1, 1)))

    def make_batch(
        self, scenes: Sequence[Scene], prompts: Sequence[list[Phrase]], gain: np.ndarray
    ) -> Batch:
        """The batch of scenes of one size, their brightness times ``gain`` (B, 1, 1, 1), and the
        phrases about each."""
        texts = [" . ".join(t for t, _ in phrases) + " ." for phrases in prompts]
        tokens = self._tokenizer(texts, padding=True, return_tensors="pt")
        length = tokens["input_ids"].shape[1]
        most = max(map(len, prompts))
        spans = torch.zeros(len(scenes), most, length)
        claims = torch.full((len(scenes), length), -1)
        words, truth = [], []
        for n, (scene, phrases) in enumerate(zip(scenes, prompts, strict=True)):
            word = torch.full((len(scene.persons), length), -1.0)
            true = torch.zeros(len(scene.persons), most)
            start = 1
            for row, (text, true_of) in enumerate(phrases):
                stop = start + len(text.split())
                word[:, start:stop] = find_word_truth(text, true_of, scene.persons)
                claims[n, start:stop] = torch.tensor(
                    [CLASSES.get(c, -1) if c else -1 for c in find_word_claims(text.split())]
                )
                spans[n, row, start:stop] = 1.0
                true[true_of, row] = 1.0
                start = stop + 1
            words.append(word)
            truth.append(true)
        persons = [p for scene in scenes for p in scene.persons]
        images = torch.from_numpy(np.stack([s.image for s in scenes])).float()
        pixels = ((images / 255 * torch.from_numpy(gain).float()).clamp(0, 1) - self._mean) / (
            self._std
        )
        return Batch(
            pixels.contiguous(memory_format=torch.channels_last),
            tokens["input_ids"], tokens["attention_mask"],
            scene=torch.tensor([n for n, scene in enumerate(scenes) for _ in scene.persons]),
            boxes=torch.tensor([p.box for p in persons]),
            seen=torch.tensor([p.visible >= VISIBLE for p in persons]),
            facts=torch.tensor([[find_class(p, k) for k in FACTS] for p in persons]),
            words=torch.cat(words), phrases=torch.cat(truth), spans=spans, claims=claims,
            cells=find_scene_cells(scenes, *((CORE,) if self._prompted else (WHOLE, True))),
        )  # fmt: skip


def find_scene_cells(
    scenes: Sequence[Scene], share: float, parts: bool = False
) -> dict[str, list[Tensor]]:
    """The ``cells`` of a batch: those of persons' boxes, or with ``parts`` of their bodies too."""
    height, width = scenes[0].image.shape[1:]
    found: dict[str, list[list[Tensor]]] = {}
    first = 0
    for scene in scenes:
        boxes = torch.tensor([p.box for p in scene.persons])
        joints = torch.from_numpy(np.stack([p.joints for p in scene.persons]))
        seen = torch.tensor([p.visible >= VISIBLE for p in scene.persons])
        for level, stride in enumerate(STRIDES):
            grid = -(-height // stride), -(-width // stride)
            cells = {"whole" if parts else "core": find_cells(boxes, seen, *grid, share)}
            if parts:
                cells |= find_part_cells(joints, seen, *grid, width / height)
            for name, owner in cells.items():
                numbered = torch.where(owner >= 0, owner + first, owner)
                found.setdefault(name, [[] for _ in STRIDES])[level].append(numbered)
        first += len(scene.persons)
    return {name: [torch.stack(level) for level in levels] for name, levels in found.items()}


def find_cells(boxes: Tensor, seen: Tensor, height: int, width: int, core: float) -> Tensor:
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
    inside = (away <= reach).all(-1) & seen  # (S, N)
    within = (away <= size / 2).all(-1).any(1)
    area = torch.where(inside, size.prod(-1), math.inf)
    person = area.argmin(1)
    return torch.where(inside.any(1), person, torch.where(within, -2, -1))


PLACES: dict[str, tuple[tuple[int, int], ...]] = {
    "head": ((CROWN, NECK_J),),
    "torso": ((NECK_J, PELVIS),),
    "legs": ((HIP_R, KNEE_R), (HIP_L, KNEE_L)),
}
"""Parts of the body, each as bones from joint to joint."""


def find_part_cells(
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
    for part, find_body_points in PLACES.items():
        away = torch.stack(
            [_measure_distance(cells, points[:, a], points[:, b]) for a, b in find_body_points]
        ).amin(0)  # (S, N)
        find_nearest = (away - reach).min(1)
        found[part] = torch.where(find_nearest.values <= 0, find_nearest.indices, -1)
    return found


def _measure_distance(points: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """Distances (S, N) of points (S, 2) from segments with ends (N, 2)."""
    along = stop - start
    offset = points[:, None] - start
    share = (offset * along).sum(-1) / along.square().sum(-1).clamp(min=1e-9)
    return (offset - share.clamp(0, 1)[..., None] * along).norm(dim=-1)


def find_class(person: Person, attribute: str) -> int:
    """Number of a person's value among those of an attribute, -1 without one."""
    value, values = getattr(person.attributes, attribute), FACTS[attribute]
    return values.index(value) if value in values else -1
