"""Makes the built-in grounding checkpoint: a small GroundingDINO trained on rendered scenes.

    python weights/train_grounding.py --scenes 16000 --steps 5000

Scenes come from ``rhas.mini.sample_scenes`` (never a film's frame). A prompt holds several phrases
about the people of a scene, "a . b . c .": whole references, single garments, "person", and phrases
true of nobody; each phrase has the boxes of every visible person of whom it is true, so telling
references apart is what is learnt. What training from scratch needs beyond the library's loss:

- the two-stage proposals get the library's matcher and losses, with every target repeated (hybrid
  matching, Jia et al. 2023, "DETRs with Hybrid Matching", section 3.2), since the loss of
  ``transformers`` gives them no gradient;
- ``text_projection`` starts at a tenth of its scale: contrastive logits start far too large;
- a ranking term per phrase over boxes and per box over phrases (InfoNCE), since the score asked for
  in use is "which box is this phrase about".
"""

from __future__ import annotations

import argparse
import json
import math
import string
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import rhas.base.compat  # noqa: F401  before transformers
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SwinConfig,
)
from transformers.image_transforms import center_to_corners_format
from transformers.loss.loss_for_object_detection import box_iou
from transformers.loss.loss_grounding_dino import (
    GroundingDinoHungarianMatcher,
    GroundingDinoImageLoss,
)
from transformers.models.grounding_dino.modeling_grounding_dino import build_label_maps

from rhas.ground.prompts import normalise
from rhas.stores.jpegstore import decode_jpeg, encode_jpeg
from rhas.mini.scenes import sample_scenes
from rhas.mini.appearance import COLOURS, HAIR_COLOURS, Attributes
from rhas.mini.references import holds_for, phrase, traits

FOLDER = Path(__file__).resolve().parent / "grounding"
SHORTEST_EDGE, LONGEST_EDGE = 112, 200
VISIBLE = 0.25  # below this a person is nobody's target
REPEATS = 3  # of every target, for the proposals
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
    """The small model: Swin of three stages, levels at strides 16 and 32, width 64."""
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=224, patch_size=4, embed_dim=32, depths=[1, 1, 2], num_heads=[2, 4, 8],
            window_size=7, mlp_ratio=2.0, drop_path_rate=0.0, out_features=["stage3"],
        ),
        text_config=BertConfig(
            vocab_size=vocabulary_size, hidden_size=64, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=128, max_position_embeddings=256,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        ),
        d_model=64, num_queries=20, num_feature_levels=2,
        encoder_layers=2, decoder_layers=2, encoder_ffn_dim=256, decoder_ffn_dim=256,
        encoder_attention_heads=4, decoder_attention_heads=4,
        dropout=0.0, fusion_droppath=0.0, auxiliary_loss=True,
    )  # fmt: skip
    model = GroundingDinoForObjectDetection(config)
    with torch.no_grad():
        model.model.text_projection.weight.mul_(0.1)
    return model


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


@dataclass(frozen=True)
class Batch:
    """pixels (B, 3, h, w) normalised; token ids and mask (B, T); per scene its targets:
    class_labels (N,), the phrase of each box, and boxes (N, 4): centre x, centre y, width, height
    in fractions of the picture."""

    pixels: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    targets: list[dict[str, Tensor]]


class Batches:
    """Endless training batches, each of scenes of one picture size, so that nothing is padded."""

    def __init__(self, scenes: list[CachedScene], processor: GroundingDinoProcessor, size: int,
                 seed: int) -> None:  # fmt: skip
        self._rng = np.random.default_rng(seed)
        self._size = size
        self._tokenizer = processor.tokenizer
        image = processor.image_processor
        self._mean = torch.tensor(image.image_mean).view(1, 3, 1, 1)
        self._std = torch.tensor(image.image_std).view(1, 3, 1, 1)
        self._groups: dict[tuple[int, ...], list[CachedScene]] = {}
        for scene in scenes:
            self._groups.setdefault(scene.image.shape, []).append(scene)
        self._people = [p.attributes for scene in scenes for p in scene.persons]

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        rng = self._rng
        groups = list(self._groups.values())
        weights = np.array([len(g) for g in groups], float)
        group = groups[int(rng.choice(len(groups), p=weights / weights.sum()))]
        images, texts, targets = [], [], []
        while len(images) < self._size:
            scene = group[int(rng.integers(len(group)))]
            if rng.random() < 0.5:
                scene = flipped(scene)
            others = [self._people[int(i)] for i in rng.integers(len(self._people), size=3)]
            phrases = scene_phrases(rng, scene, others)
            text, phrases = self._fitted(phrases)
            if not phrases:
                continue
            rows = [(k, scene.persons[n].box) for k, (_, true) in enumerate(phrases) for n in true]
            corners = torch.tensor([box for _, box in rows]).reshape(-1, 4)
            wh = corners[:, 2:] - corners[:, :2]
            images.append(torch.from_numpy(np.ascontiguousarray(scene.image)))
            texts.append(text)
            targets.append(
                {
                    "class_labels": torch.tensor([k for k, _ in rows], dtype=torch.long),
                    "boxes": torch.cat([corners[:, :2] + wh / 2, wh], 1),
                }
            )
        tokens = self._tokenizer(texts, padding=True, return_tensors="pt")
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (len(images), 1, 1, 1))).float()
        pixels = (torch.stack(images).float() / 255 * gain).clamp(0, 1)
        return Batch(
            (pixels - self._mean) / self._std,
            tokens["input_ids"],
            tokens["attention_mask"],
            targets,
        )

    def _fitted(self, phrases: list[Phrase]) -> tuple[str, list[Phrase]]:
        while phrases:
            text = " . ".join(t for t, _ in phrases) + " ."
            if len(self._tokenizer(text)["input_ids"]) <= TOKENS:
                return text, phrases
            phrases = phrases[:-1]
        return "", phrases


# ------------------------------------------------------------------------------------------ loss


def detection_loss(
    model: GroundingDinoForObjectDetection, batch: Batch, criterion: GroundingDinoImageLoss
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch and its parts."""
    out = model(
        pixel_values=batch.pixels, input_ids=batch.input_ids, attention_mask=batch.attention_mask
    )
    length = batch.input_ids.shape[1]
    # Logits of all decoder layers, as the model computes the last one's.
    text = out.encoder_last_hidden_state_text
    mask = batch.attention_mask.bool()
    maps = build_label_maps(out.logits[..., :length], batch.input_ids)
    layers = []
    for level in range(out.intermediate_hidden_states.shape[1]):
        hidden = out.intermediate_hidden_states[:, level]
        logits = model.class_embed[level](hidden, text, mask)[..., :length]
        before = out.init_reference_points if level == 0 else (
            out.intermediate_reference_points[:, level - 1])  # fmt: skip
        boxes = (model.bbox_embed[level](hidden) + torch.special.logit(before, eps=1e-5)).sigmoid()
        layers.append((logits, boxes))
    coordinates = out.enc_outputs_coord_logits
    coordinates = torch.where(coordinates.isfinite(), coordinates, 0.0).sigmoid()
    proposals = (out.enc_outputs_class[..., :length], coordinates)
    repeated = [{k: v.repeat_interleave(REPEATS, 0) for k, v in t.items()} for t in batch.targets]
    parts: dict[str, Tensor] = {}
    for name, (logits, boxes), targets in (
        *((f"dec{n}", layer, batch.targets) for n, layer in enumerate(layers)),
        ("enc", proposals, repeated),
    ):
        found = criterion(
            {
                "logits": logits, "pred_boxes": boxes, "label_maps": maps,
                "text_mask": mask[:, None].expand_as(logits),
            },
            targets,
        )  # fmt: skip
        parts[f"{name}.class"] = 2.0 * found["loss_ce"]
        parts[f"{name}.box"] = 5.0 * found["loss_bbox"] + 2.0 * found["loss_giou"]
        parts[f"{name}.rank"] = ranking_loss(logits, boxes, maps, mask, batch.targets)
    return sum(parts.values()), {k: float(v.detach()) for k, v in parts.items()}  # type: ignore


def ranking_loss(
    logits: Tensor, boxes: Tensor, maps: Sequence[Tensor], mask: Tensor,
    targets: Sequence[dict[str, Tensor]],
) -> Tensor:  # fmt: skip
    """InfoNCE over mean token logits: of each phrase over boxes, of each box over phrases.

    A box is right for a phrase where it covers one of the phrase's targets with IoU of 0.5 or more.
    """
    terms = []
    for scores, found, label_map, real, target in zip(
        logits, boxes, maps, mask, targets, strict=True
    ):
        if len(target["boxes"]) == 0:
            continue
        weights = label_map / label_map.sum(1, keepdim=True)  # (P, T)
        phrase_scores = scores.masked_fill(~real, 0.0) @ weights.T.to(scores.dtype)  # (Q, P)
        corners = center_to_corners_format(found.detach())
        iou = box_iou(corners, center_to_corners_format(target["boxes"]))[0]  # (Q, N)
        of_phrase = torch.zeros(len(target["boxes"]), label_map.shape[0])
        of_phrase[torch.arange(len(of_phrase)), target["class_labels"]] = 1.0
        right = (iou >= 0.5).float() @ of_phrase > 0  # (Q, P)
        for table, correct in ((phrase_scores.T, right.T), (phrase_scores, right)):
            some = correct.any(1)
            if some.any():
                table, correct = table[some], correct[some]
                hits = table.masked_fill(~correct, -math.inf).logsumexp(1)
                terms.append((table.logsumexp(1) - hits).mean())
    return torch.stack(terms).mean() if terms else logits.new_zeros(())


# ------------------------------------------------------------------------------------------ loop


def train(
    model: GroundingDinoForObjectDetection, batches: Batches, steps: int, rate: float, save: Path,
    processor: GroundingDinoProcessor,
) -> None:  # fmt: skip
    """Fits the model; every 250 steps saves the running average of its weights."""
    config = model.config
    matcher = GroundingDinoHungarianMatcher(
        class_cost=config.class_cost, bbox_cost=config.bbox_cost, giou_cost=config.giou_cost
    )
    criterion = GroundingDinoImageLoss(matcher, config.focal_alpha, ["labels", "boxes"])
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / 200) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))
        )

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    sums: dict[str, float] = {}
    began = time.monotonic()
    model.train()
    for step in range(1, steps + 1):
        loss, parts = detection_loss(model, next(batches), criterion)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if value.dtype.is_floating_point:
                    average[key].lerp_(value, 1 - keep)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        if step % 50 == 0:
            shown = " ".join(f"{k} {v / 50:.3f}" for k, v in sums.items())
            print(f"step {step} {time.monotonic() - began:.0f} s {shown}", flush=True)
            sums = {}
        if step % 250 == 0 or step == steps:
            save_checkpoint(model, average, processor, save)


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
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path("scenes.npz"))
    parser.add_argument("--start", type=Path, help="go on from the weights of this checkpoint")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    processor = make_processor(options.out)
    if not options.cache.is_file():
        cache_scenes(options.cache, options.seed, options.scenes, processor)
    batches = Batches(load_scenes(options.cache), processor, options.batch, options.seed)
    model = make_model(len(processor.tokenizer))
    if options.start:
        model = GroundingDinoForObjectDetection.from_pretrained(options.start).float()
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} million parameters", flush=True)
    train(model, batches, options.steps, options.rate, options.out, processor)


if __name__ == "__main__":
    main()
