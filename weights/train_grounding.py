"""Makes the built-in grounding checkpoint: a small GroundingDINO trained on rendered scenes.

    python weights/train_grounding.py

Scenes come from ``rhas.mini.sample_scenes`` (never a film's frame). A prompt holds several phrases
about the people of a scene, "a . b . c .": whole references, single garments, "person", and phrases
true of nobody.

With the library's loss, from scratch, the model learns to find people in minutes, but not to read:
targets of whole phrases are rare and binary, and the class loss stays at their frequencies. So what
the phrases speak of is taught directly, and the parts meet in one space, that of a table with a
vector per value of an attribute ("upper garment: red"):

- backbone and projections first learn alone: each cell within a person's box tells, through the
  table, every attribute of that person (`train_backbone`); normalisation is then frozen, as the
  library has it. Encoder and decoder start as near to passing this on unchanged as they can;
- a word is drawn to the table's vector of the value that it states ("red" in "red coat"), so that
  its product with a box is that value's logit; boxes go on telling the attributes;
- a token's target at a person is whether that word is true of the person, not the whole phrase;
  words that state nothing ("the") are as true as the phrase;
- a person is one target, matched to one query; proposals learn from the cells in the middle of
  each box, since the loss of ``transformers`` gives them no gradient;
- a ranking term per phrase over boxes and per box over phrases (InfoNCE), since the score asked for
  in use is "which box is this phrase about".

A run that was cut goes on after the backbone, whose weights lie beside the cached scenes.
"""

from __future__ import annotations

import argparse
import json
import math
import string
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

import rhas.base.compat  # noqa: F401  before transformers
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    ResNetBackbone,
    ResNetConfig,
)
from transformers.image_transforms import center_to_corners_format
from transformers.loss.loss_for_object_detection import box_iou, generalized_box_iou

from rhas.ground.huggingface import TransformersGrounder, load
from rhas.ground.policies import Policy
from rhas.ground.prompts import normalise
from rhas.stores.jpegstore import decode_jpeg, encode_jpeg
from rhas.mini.scenes import sample_scenes
from rhas.mini.appearance import COLOURS, HAIR_COLOURS, Attributes
from rhas.mini.references import holds_for, phrase, traits

FOLDER = Path(__file__).resolve().parent / "grounding"
CACHE = Path(tempfile.gettempdir()) / "rhas_grounding_scenes.npz"
SHORTEST_EDGE, LONGEST_EDGE = 112, 200
VISIBLE = 0.25  # below this a person is nobody's target
TEXT_SCALE = 0.15  # of the last normalisation of tokens
TEXT_GAIN = 30.0  # on the distance of a word from the vector of what it states
PRIOR = 0.2  # bias of both normalisations before the logits, opposite signs
HELD_OUT = 160  # of the cached scenes, the last ones
TOKENS = 112  # of a training prompt at most

# Words a reference may use beyond those of RHAS-mini, so that they stay whole tokens.
WORDS = """a an the and with without in on of at to who is are was has his her their its by for from
person people man woman boy girl child kid lady guy gentleman male female adult young old elderly
wearing dressed holding carrying standing near behind front left right middle centre center side
next far tall short medium stout slim fat thin bald long hair haired bun beard bearded moustache
glasses sunglasses coat shirt jumper jacket dress trousers shorts skirt hat cap beanie backpack
shoulder bag sweater hoodie jeans pants suit tie scarf shoes boots striped dotted checked plain
light dark bright red green blue yellow orange purple pink white black brown grey gray blond blonde
beige""".split()  # noqa: SIM905


def vocabulary() -> list[str]:
    """Tokens by id. Punctuation, digits and letters keep BERT's ids: the model finds the ends of
    phrases by the fixed ids 101, 102, 1012 and 1029."""
    tokens = ["[PAD]"] + [f"[unused{n}]" for n in range(99)]
    tokens += ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += [f"[unused{n}]" for n in range(99, 99 + 999 - len(tokens))]
    printable = [chr(c) for c in range(33, 127) if chr(c) not in string.ascii_uppercase]
    tokens += printable
    alphabet = string.ascii_lowercase + string.digits
    tokens += [f"##{c}" for c in alphabet] + [f"##{s}" for s in ("s", "ed", "ing", "er", "y", "ly")]
    tokens += [*WORDS, *COLOURS, *HAIR_COLOURS]
    return list(dict.fromkeys(tokens))


def make_processor(folder: Path) -> GroundingDinoProcessor:
    """Image processor and tokenizer of the checkpoint; writes the vocabulary to ``folder``."""
    tokens = vocabulary()
    assert [tokens.index(t) for t in ("[CLS]", "[SEP]", ".", "?")] == [101, 102, 1012, 1029]
    path = folder / "vocab.txt"
    path.write_text("\n".join(tokens) + "\n", "utf-8")
    tokenizer = BertTokenizerFast(
        vocab={t: n for n, t in enumerate(tokens)}, do_lower_case=True, model_max_length=256
    )
    size = {"shortest_edge": SHORTEST_EDGE, "longest_edge": LONGEST_EDGE}
    return GroundingDinoProcessor(GroundingDinoImageProcessor(size=size), tokenizer)


def make_model(vocabulary_size: int) -> GroundingDinoForObjectDetection:
    """The small model: a ResNet of three stages, levels at strides 8 and 16, width 96."""
    config = GroundingDinoConfig(
        backbone_config=ResNetConfig(
            embedding_size=24, hidden_sizes=[32, 64, 128], depths=[1, 1, 2], layer_type="basic",
            out_features=["stage2", "stage3"],
        ),
        text_config=BertConfig(
            vocab_size=vocabulary_size, hidden_size=64, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=128, max_position_embeddings=256,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        ),
        d_model=96, num_queries=24, num_feature_levels=2,
        encoder_layers=1, decoder_layers=2, encoder_ffn_dim=256, decoder_ffn_dim=256,
        encoder_attention_heads=4, decoder_attention_heads=4,
        dropout=0.0, fusion_droppath=0.0, auxiliary_loss=True,
    )  # fmt: skip
    model = GroundingDinoForObjectDetection(config)
    with torch.no_grad():
        model.model.text_projection.weight.mul_(0.1)
        for layer in model.model.encoder.layers:
            layer.text_enhancer_layer.layer_norm_after.weight.fill_(TEXT_SCALE)
            layer.text_enhancer_layer.layer_norm_after.bias.fill_(-PRIOR)
            layer.deformable_layer.self_attn.output_proj.weight.mul_(0.1)
            layer.deformable_layer.fc2.weight.mul_(0.1)
        for layer in model.model.decoder.layers:
            keep_space(layer.encoder_attn)
            layer.fc2.weight.mul_(0.1)
        nn.init.eye_(model.model.enc_output.weight)
        model.model.query_position_embeddings.weight.mul_(0.1)
        model.model.enc_output_norm.bias.fill_(PRIOR)
        model.model.decoder.layer_norm.bias.fill_(PRIOR)
    return model.requires_grad_(True)  # transformers freezes a ResNet


def keep_space(attention: nn.Module) -> None:
    """Makes a fresh attention pass on what it looks at, as it is: a cell that tells an attribute
    to the backbone's table then tells it to a box from the first step on."""
    nn.init.eye_(attention.value_proj.weight)
    nn.init.eye_(attention.output_proj.weight)


# ---------------------------------------------------------------------------------------- scenes


@dataclass(frozen=True)
class Person:
    """A person of a cached scene; box in fractions of the picture, x1 y1 x2 y2."""

    reference: str
    alternatives: tuple[str, ...]
    box: tuple[float, float, float, float]
    visible: float
    attributes: Attributes


@dataclass(frozen=True)
class CachedScene:
    """A scene at the model's resolution; image uint8 (3, h, w)."""

    image: np.ndarray
    persons: tuple[Person, ...]
    absent: tuple[str, ...]
    """References of those of the story who are not in the picture."""


def cache_scenes(path: Path, seed: int, count: int, processor: GroundingDinoProcessor) -> None:
    """Renders scenes once: resized by the image processor, as uint8, after one JPEG round trip as
    the frames of a film have it."""
    images: list[np.ndarray] = []
    rows = []
    for n, scene in enumerate(sample_scenes(seed, count, moments=4, step=2.0)):
        frame = decode_jpeg(encode_jpeg(scene.frame, 90)).copy()
        height, width = frame.shape[:2]
        resized = processor.image_processor(
            images=[frame], do_rescale=False, do_normalize=False, do_pad=False, return_tensors="pt"
        )["pixel_values"][0]
        images.append(resized.round().clamp(0, 255).to(torch.uint8).numpy())
        persons = [
            {
                "reference": p.reference,
                "alternatives": p.alternatives,
                "box": (np.asarray(p.box) / [width, height, width, height]).tolist(),
                "visible": float(p.visible),
                "attributes": p.attributes,
            }
            for p in scene.persons
        ]
        there = {p.reference for p in scene.persons}
        rows.append({"persons": persons, "absent": [r for r in scene.cast if r not in there]})
        if (n + 1) % 1000 == 0:
            print(f"rendered {n + 1} of {count} scenes", flush=True)
    shapes = [list(i.shape) for i in images]
    flat = np.concatenate([i.ravel() for i in images])
    np.savez(path, pixels=flat, shapes=np.array(shapes), people=np.array(json.dumps(rows)))


def load_scenes(path: Path) -> list[CachedScene]:
    """Scenes written by `cache_scenes`."""
    with np.load(path) as file:
        flat, shapes, rows = file["pixels"], file["shapes"], json.loads(str(file["people"]))
    ends = np.cumsum(shapes.prod(1))
    scenes = []
    for shape, end, row in zip(shapes, ends, rows, strict=True):
        persons = tuple(
            Person(r["reference"], tuple(r["alternatives"]), tuple(r["box"]), r["visible"],
                   Attributes(**r["attributes"]))
            for r in row["persons"]
        )  # fmt: skip
        image = flat[end - shape.prod() : end].reshape(shape)
        scenes.append(CachedScene(image, persons, tuple(row["absent"])))
    return scenes


def flipped(scene: CachedScene) -> CachedScene:
    """The mirror image, its left and right renamed."""
    names = {"left": "right", "right": "left", None: None}

    def words(text: str) -> str:
        return " ".join(names.get(w) or w for w in text.split())

    persons = tuple(
        Person(words(p.reference), tuple(words(a) for a in p.alternatives),
               (1 - p.box[2], p.box[1], 1 - p.box[0], p.box[3]), p.visible,
               replace(p.attributes, side=names[p.attributes.side]))
        for p in scene.persons
    )  # fmt: skip
    return CachedScene(scene.image[:, :, ::-1], persons, tuple(words(a) for a in scene.absent))


# --------------------------------------------------------------------------------------- prompts

Phrase = tuple[str, list[int]]
"""A phrase and the visible persons of whom it is true."""


def _said_of(
    rng: np.random.Generator, about: Attributes, cast: Sequence[Attributes], most: int
) -> Phrase | None:
    available = [t for t in traits(about) if t.kind != "place"]
    size = int(rng.integers(0, most + 1))
    chosen = [available[int(i)] for i in sorted(rng.permutation(len(available))[:size])]
    names = [name for trait in chosen for name, _ in trait.claims]
    if len(set(names)) < len(names):
        return None
    bare = size == 1 and chosen[0].kind in ("wear", "with") and rng.random() < 0.4
    gender = None if bare else about.gender
    return phrase(gender, chosen, rng), holds_for(chosen, gender, cast)


def _single(rng: np.random.Generator, about: Attributes, cast: Sequence[Attributes]) -> Phrase:
    """One thing that can be said of a person, as "red coat"."""
    available = [t for t in traits(about) if t.kind in ("wear", "with")]
    chosen = available[int(rng.integers(len(available)))]
    return chosen.text, holds_for([chosen], None, cast)


def scene_phrases(
    rng: np.random.Generator, scene: CachedScene, others: Sequence[Attributes]
) -> list[Phrase]:
    """Phrases of one training prompt, shuffled, none twice.

    Args:
        rng: source of randomness.
        scene: the scene that the prompt is about.
        others: people of other scenes; what is said of them is mostly true of nobody here.
    """
    cast = [p.attributes for p in scene.persons]
    everyone = list(range(len(cast)))
    found: list[Phrase | None] = []
    if rng.random() < 0.12:
        found.append((["person", "the person"][int(rng.integers(2))], everyone))
    for number, person in enumerate(scene.persons):
        draw = rng.random()
        if draw < 0.4:
            found.append((person.reference, [number]))
        elif draw < 0.65 and person.alternatives:
            pick = int(rng.integers(len(person.alternatives)))
            found.append((person.alternatives[pick], [number]))
        else:
            found.append(_said_of(rng, person.attributes, cast, most=3))
        if rng.random() < 0.25:  # nearly true: one attribute of somebody else
            other = others[int(rng.integers(len(others)))]
            name = ("upper_colour", "lower_colour", "hair_colour", "gender")[int(rng.integers(4))]
            if getattr(person.attributes, name) and getattr(other, name):
                near = replace(person.attributes, **{name: getattr(other, name)})
                found.append(_said_of(rng, near, cast, most=3))
        for about in (person.attributes, others[number % len(others)]):
            if rng.random() < 0.35:
                found.append(_single(rng, about, cast))
    if scene.absent and rng.random() < 0.4:
        found.append((scene.absent[int(rng.integers(len(scene.absent)))], []))
    for other in others[: int(rng.integers(0, 3))]:
        found.append(_said_of(rng, other, cast, most=3))
    out: dict[str, list[int]] = {}
    for item in found:
        if item is None:
            continue
        text, true_of = item
        visible = [n for n in true_of if scene.persons[n].visible >= VISIBLE]
        if true_of and not visible:
            continue  # said of somebody hidden: neither there nor absent
        out.setdefault(normalise(text), visible)
    order = rng.permutation(len(out))
    items = list(out.items())
    return [items[int(i)] for i in order]


# ----------------------------------------------------------------------------------------- words

GARMENTS = {
    **dict.fromkeys(("coat", "shirt", "jumper", "jacket", "dress"), "upper"),
    **dict.fromkeys(("trousers", "shorts", "skirt"), "lower"),
    **dict.fromkeys(("hat", "cap", "beanie"), "hat"),
    **dict.fromkeys(("backpack", "bag"), "bag"),
    **dict.fromkeys(("hair", "bun"), "hair"),
}
PATTERNS = ("plain", "striped", "dotted", "checked")
OF_THE_PERSON: dict[str, tuple[str, str | bool]] = {
    "man": ("gender", "man"), "woman": ("gender", "woman"), "bald": ("hair", "bald"),
    "stout": ("build", "stout"), "slim": ("build", "slim"), "tall": ("height", "tall"),
    "short": ("height", "short"), "beard": ("beard", True), "left": ("side", "left"),
    "right": ("side", "right"),
}  # fmt: skip


def word_claims(words: Sequence[str]) -> list[tuple[str, str | bool] | None]:
    """What each word of a phrase of RHAS-mini claims: an attribute and its value, or None.

    "the red coat": None, ("upper_colour", "red"), ("upper", "coat").
    """
    claims: list[tuple[str, str | bool] | None] = []
    for number, word in enumerate(words):
        after = words[number + 1 : number + 4]
        garment = next((w for w in after if w in GARMENTS or w in ("man", "woman")), None)
        part = GARMENTS.get(garment or "")
        if word in GARMENTS:
            value = {"bag": "shoulder bag", "hair": None}.get(word, word)
            claims.append((GARMENTS[word], value) if value else None)
        elif word in COLOURS or word in HAIR_COLOURS:
            claims.append((f"{part}_colour", word) if part else None)
        elif word in PATTERNS:
            claims.append(("pattern", word))
        elif word in ("long", "short") and part == "hair":
            claims.append(("hair", word))
        else:
            claims.append(OF_THE_PERSON.get(word))
    return claims


def word_truth(text: str, true_of: Sequence[int], persons: Sequence[Person]) -> Tensor:
    """(N, W) float: 1 where a word is true of a person, 0 where not; words without a claim of their
    own are as true as the phrase. -1 where the side is not known."""
    words = text.split()
    table = torch.zeros(len(persons), len(words))
    for column, claim in enumerate(word_claims(words)):
        for row, person in enumerate(persons):
            if claim is None:
                table[row, column] = float(row in true_of)
            else:
                value = getattr(person.attributes, claim[0])
                unknown = claim[0] == "side" and value is None
                table[row, column] = -1.0 if unknown else float(value == claim[1])
    return table


@dataclass(frozen=True)
class Batch:
    """pixels (B, 3, h, w) normalised; token ids and mask (B, T); per scene, of its N persons and P
    phrases: boxes (N, 4), corners in fractions of the picture; seen (N,) bool, enough of the person
    is visible; facts (N, A) class numbers, see `FACTS`; words (N, T) as `word_truth`, separators
    -1; phrases (N, P) float, 1 where true; spans (P, T), 1 on the tokens of a phrase."""

    pixels: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    boxes: list[Tensor]
    seen: list[Tensor]
    facts: list[Tensor]
    words: list[Tensor]
    phrases: list[Tensor]
    spans: list[Tensor]
    claims: list[Tensor]
    """(T,) the class that each token states, counted through all of `FACTS`; -1 none."""


FACTS: dict[str, tuple[object, ...]] = {
    "gender": ("man", "woman"),
    "height": ("tall", "medium", "short"),
    "build": ("stout", "medium", "slim"),
    "hair": ("long", "short", "bun", "bald"),
    "hair_colour": tuple(HAIR_COLOURS),
    "upper": ("coat", "shirt", "jumper", "jacket", "dress"),
    "upper_colour": tuple(COLOURS),
    "pattern": PATTERNS,
    "lower": (None, "trousers", "shorts", "skirt"),
    "lower_colour": (None, *COLOURS),
    "hat": (None, "hat", "cap", "beanie"),
    "hat_colour": (None, *COLOURS),
    "bag": (None, "backpack", "shoulder bag"),
    "bag_colour": (None, *COLOURS),
    "beard": (False, True),
}


CLASSES = {
    claim: number
    for number, claim in enumerate((k, v) for k, values in FACTS.items() for v in values)
}
"""Number of an attribute's value among all values of all attributes."""


class Batches:
    """Endless training batches, each of scenes of one picture size, so that nothing is padded.

    ``told`` False leaves the prompts out (one phrase, "person").
    """

    def __init__(self, scenes: list[CachedScene], processor: GroundingDinoProcessor, size: int,
                 seed: int, told: bool = True) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._size = size
        self._told = told
        self._tokenizer = processor.tokenizer
        image = processor.image_processor
        self._mean = torch.tensor(image.image_mean).view(1, 3, 1, 1)
        self._std = torch.tensor(image.image_std).view(1, 3, 1, 1)
        self._groups: dict[tuple[int, ...], list[CachedScene]] = {}
        for scene in scenes:
            if scene.persons:
                self._groups.setdefault(scene.image.shape, []).append(scene)
        self._people = [p.attributes for scene in scenes for p in scene.persons]

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        rng = self._rng
        groups = list(self._groups.values())
        weights = np.array([len(g) for g in groups], float)
        group = groups[int(rng.choice(len(groups), p=weights / weights.sum()))]
        chosen: list[CachedScene] = []
        prompts: list[list[Phrase]] = []
        while len(chosen) < self._size:
            scene = group[int(rng.integers(len(group)))]
            if rng.random() < 0.5:
                scene = flipped(scene)
            others = [self._people[int(i)] for i in rng.integers(len(self._people), size=4)]
            phrases = scene_phrases(rng, scene, others) if self._told else [("person", [])]
            phrases = fitted(phrases)
            if phrases:
                chosen.append(scene)
                prompts.append(phrases)
        return self.make(chosen, prompts)

    def make(self, scenes: Sequence[CachedScene], prompts: Sequence[list[Phrase]]) -> Batch:
        """The batch of scenes of one size and the phrases about each; colours a little changed."""
        texts = [" . ".join(t for t, _ in phrases) + " ." for phrases in prompts]
        tokens = self._tokenizer(texts, padding=True, return_tensors="pt")
        length = tokens["input_ids"].shape[1]
        columns: dict[str, list[Tensor]] = {
            k: [] for k in ("boxes", "seen", "facts", "words", "phrases", "spans", "claims")
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
            columns["seen"].append(torch.tensor([p.visible >= VISIBLE for p in persons]))
            columns["facts"].append(
                torch.tensor(
                    [[v.index(getattr(p.attributes, k)) for k, v in FACTS.items()] for p in persons]
                )
            )
            columns["words"].append(words)
            columns["phrases"].append(truth)
            columns["spans"].append(spans)
            columns["claims"].append(claims)
        gain = torch.from_numpy(self._rng.uniform(0.85, 1.15, (len(scenes), 1, 1, 1))).float()
        images = torch.from_numpy(np.stack([s.image for s in scenes])).float()
        pixels = (images / 255 * gain).clamp(0, 1)
        return Batch(
            (pixels - self._mean) / self._std, tokens["input_ids"], tokens["attention_mask"],
            **columns,
        )  # fmt: skip


def fitted(phrases: list[Phrase]) -> list[Phrase]:
    """As many as a prompt of `TOKENS` tokens holds; every word of RHAS-mini is one token."""
    while phrases and sum(len(t.split()) + 1 for t, _ in phrases) + 2 > TOKENS:
        phrases = phrases[:-1]
    return phrases


# --------------------------------------------------------------------------------------- backbone


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


def facts_loss(facts: Tensor, people: Tensor, batch: Batch) -> tuple[Tensor, Tensor, float]:
    """Cross-entropy of each attribute in the cells of people, and of person or nobody.

    Args:
        facts: (B, h, w, C), logits of the classes of `FACTS`.
        people: (B, h, w), logits of a person's presence.
        batch: the scenes.

    Returns:
        Both losses, and the share of right colours of the upper garment.
    """
    height, width = people.shape[1:]
    logits, wanted, presence, there = [], [], [], []
    for cells, present, boxes, seen, own in zip(
        facts.flatten(1, 2), people.flatten(1), batch.boxes, batch.seen, batch.facts, strict=True
    ):
        person = cells_of(boxes, seen, height, width, 0.8)
        logits.append(cells[person >= 0])
        wanted.append(own[person[person >= 0]])
        presence.append(present[person != -2])
        there.append((person[person != -2] >= 0).float())
    target = torch.cat(wanted)
    parts = torch.cat(logits).split([len(v) for v in FACTS.values()], 1)
    loss = torch.stack([F.cross_entropy(p, t) for p, t in zip(parts, target.T, strict=True)]).mean()
    colour = list(FACTS).index("upper_colour")
    right = float((parts[colour].argmax(1) == target[:, colour]).float().mean())
    person_loss = F.binary_cross_entropy_with_logits(torch.cat(presence), torch.cat(there))
    return loss, person_loss, right


def train_backbone(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: Batches, steps: int,
    rate: float,
) -> None:  # fmt: skip
    """Teaches backbone and projections what people look like, cell by cell, in the space of the
    table; the backbone's normalisation is then frozen."""
    backbone = ResNetBackbone(model.config.backbone_config)
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
        torch.stack([facts + there for facts, there, _ in losses]).sum().backward()
        optimiser.step()
        schedule.step()
        for stride, (facts, there, right) in zip((8, 16), losses, strict=True):
            values = {"facts": float(facts.detach()), "person": float(there.detach())}
            log.sum(**{f"{k}{stride}": v for k, v in {**values, "colour": right}.items()})
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


# ------------------------------------------------------------------------------------------ loss


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
    grids = [tuple(-(-s // stride) for s in batch.pixels.shape[-2:]) for stride in (8, 16)]
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
    terms = [F.cross_entropy(p, t) for p, t in zip(parts, wanted.T, strict=True)]
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


# ------------------------------------------------------------------------------------------ loop


def train(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: Batches, steps: int,
    rate: float, save: Path, processor: GroundingDinoProcessor, held_out: list[CachedScene],
) -> None:  # fmt: skip
    """Fits the model; every 100 steps saves the running average of its weights."""
    trained = [*model.parameters(), *table.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=1e-4)

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / 100) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))
        )

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.train()
    log = Log(25)
    for step in range(1, steps + 1):
        loss, parts = detection_loss(model, table, next(batches))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        keep = min(0.995, step / (step + 20))
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if value.dtype.is_floating_point:
                    average[key].lerp_(value, 1 - keep)
        log.add(**parts)
        if step % 100 == 0 or step == steps:
            save_checkpoint(model, average, processor, save)
        if step % 300 == 0 or step == steps:
            print(f"held-out scenes: {found_people(save, held_out)}", flush=True)


def found_people(folder: Path, scenes: Sequence[CachedScene]) -> str:
    """The share of people whose reference's best box is right (IoU 0.5), by policy; chance."""
    grounders = {p: TransformersGrounder(str(folder), p, 1, 0.0) for p in get_args(Policy)}
    load.cache_clear()
    right = dict.fromkeys(grounders, 0)
    pairs, chance = 0, 0.0
    for scene in scenes:
        height, width = scene.image.shape[1:]
        seen = [p for p in scene.persons if p.visible >= VISIBLE]
        if not seen:
            continue
        truth = torch.tensor([p.box for p in seen]) * torch.tensor([width, height, width, height])
        pairs += len(seen)
        chance += 1.0
        for policy, grounder in grounders.items():
            frame = np.ascontiguousarray(scene.image.transpose(1, 2, 0))
            found = grounder.boxes([frame], [p.reference for p in seen])[0]
            for person, candidates in enumerate(found):
                if len(candidates.boxes):
                    box = torch.as_tensor(candidates.boxes[:1])
                    right[policy] += int(box_iou(box, truth[person : person + 1])[0] >= 0.5)
    shown = " ".join(f"{k} {v / pairs:.3f}" for k, v in right.items())
    return f"{shown} chance {chance / pairs:.3f}"


def save_checkpoint(
    model: GroundingDinoForObjectDetection, weights: dict[str, Tensor],
    processor: GroundingDinoProcessor, folder: Path,
) -> None:  # fmt: skip
    """Writes model, configuration, image processor and tokenizer, weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = GroundingDinoForObjectDetection(model.config)
    copy.load_state_dict(weights)
    copy.half().save_pretrained(folder)
    processor.save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, default=16000)
    parser.add_argument("--backbone-steps", type=int, default=900)
    parser.add_argument("--steps", type=int, default=2300)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=CACHE, help="rendered scenes, made once")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    processor = make_processor(options.out)
    if not options.cache.is_file():
        cache_scenes(options.cache, options.seed, options.scenes, processor)
    scenes = load_scenes(options.cache)
    scenes, held_out = scenes[:-HELD_OUT], scenes[-HELD_OUT:]
    model = make_model(len(processor.tokenizer))
    table = nn.Linear(model.config.d_model, len(CLASSES), bias=False)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} million parameters", flush=True)
    backbone = options.cache.with_suffix(".backbone.pt")
    if not backbone.is_file():
        pictures = Batches(scenes, processor, 2 * options.batch, options.seed, told=False)
        train_backbone(model, table, pictures, options.backbone_steps, 3e-3)
        torch.save((model.state_dict(), table.state_dict()), backbone)
    print(f"backbone from {backbone}; delete it to learn it again", flush=True)
    for module, weights in zip(
        (model, table), torch.load(backbone, weights_only=True), strict=True
    ):
        module.load_state_dict(weights)
    batches = Batches(scenes, processor, options.batch, options.seed)
    train(model, table, batches, options.steps, options.rate, options.out, processor, held_out)


if __name__ == "__main__":
    main()
