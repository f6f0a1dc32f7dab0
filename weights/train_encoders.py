"""Makes the built-in encoder checkpoints, ``weights/blip2`` and ``weights/clip``, from scratch.

    python weights/train_encoders.py render             # stills of RHAS-mini into a cache
    python weights/train_encoders.py teacher            # a convolutional network, into the cache
    python weights/train_encoders.py blip2
    python weights/train_encoders.py clip
    python weights/train_encoders.py probe blip2        # the figures in weights/README.md

A vision transformer learns nothing from so few pictures in minutes (measured: after 32,000 crops
its loss is that of the classes' frequencies), a convolutional network does. So the towers first
learn to say what the network sees in each of 4 × 4 cells. BLIP-2's Q-Former is then trained on the
frozen tower, as in the original.

The stills have seeds of their own; no frame of a film is among them. Training is deterministic
for a given number of threads (OMP_NUM_THREADS). Heads that only serve training are dropped.

Legend: S stills, N persons in a batch, M pairs of a still and a reference, C actions, W words of
the references, D width.
"""

from __future__ import annotations

import io
import json
import math
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from rhas.extract.encoders import Encoder, load_encoder
from rhas.extract.encoders.blip2 import fused, text_states
from rhas.extract.encoders.checkpoint import load_model, load_part
from rhas.extract.encoders.small import Sizes, make_blip2, make_clip, save_half
from rhas.mini import MINI_CLASSES, Scene, sample_scenes
from rhas.extract.probe import probe_map

SIZE = 64
MARGIN = 0.1  # as crop.margin in params.yaml
CELL = 128  # width of the map that the vision towers imitate
CLASS = {name: number for number, name in enumerate(MINI_CLASSES)}
TRAIN_SEED, PROBE_SEED = 20_000, 30_000
CACHE = Path(tempfile.gettempdir()) / "rhas_scenes"
WEIGHTS = Path(__file__).parent
app = typer.Typer(add_completion=False)


# --- stills -------------------------------------------------------------------------------------


def crop(frame: Image.Image, box: Sequence[float], rng: np.random.Generator | None) -> np.ndarray:
    """The square around a box as the crop stage cuts it, uint8 (SIZE, SIZE, 3).

    With ``rng`` it is moved and scaled a little, as a detector would, and compressed as JPEG.
    """
    x0, y0, x1, y1 = box
    side = max(x1 - x0, y1 - y0) * (1 + 2 * MARGIN)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    if rng is not None:
        x, y = rng.normal((x, y), 0.05 * side)
        side *= math.exp(rng.normal(0.0, 0.08))
    corners = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return cut(frame, corners, rng)


def cut(
    frame: Image.Image, corners: Sequence[float], rng: np.random.Generator | None
) -> np.ndarray:
    """A rectangle of the frame scaled to the square; black outside the frame."""
    x0, y0, x1, y1 = (round(c) for c in corners)
    image = frame.crop((x0, y0, x1, y1)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    quality = 92 if rng is None else int(rng.integers(80, 96))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=1)
    return np.asarray(Image.open(buffer))


@app.command()
def render(
    scenes: int = 60_000, cache: Path = CACHE, seed: int = TRAIN_SEED, jitter: bool = True
) -> None:
    """Draws stills and keeps whole frames and crops at the encoder's size."""
    cache.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    facts: list[dict[str, Any]] = []
    persons = 0
    with (cache / "frames.u8").open("wb") as frames, (cache / "crops.u8").open("wb") as crops:
        for scene in sample_scenes(seed, scenes, moments=6, step=1.3):
            frame = Image.fromarray(scene.frame)
            whole = frame.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            frames.write(np.asarray(whole).tobytes())
            seen = [p for p in scene.persons if p.visible >= 0.15]
            for person in seen:
                crops.write(crop(frame, person.box, rng if jitter else None).tobytes())
            facts.append(_facts(scene, seen, persons))
            persons += len(seen)
    (cache / "facts.json").write_text(json.dumps(facts))
    print(f"{len(facts)} stills, {persons} persons in {cache}")


def _facts(scene: Scene, seen: Sequence[Any], first: int) -> dict[str, Any]:
    height, width = scene.frame.shape[:2]
    shown = {p.reference for p in scene.persons}
    return {
        "situation": scene.situation,
        "first": first,
        "absent": [r for r in scene.cast if r not in shown],
        "persons": [
            {
                "references": [p.reference, *p.alternatives],
                "box": [round(v / s, 4) for v, s in zip(p.box, (width, height) * 2, strict=True)],
                "actions": [CLASS[a] for a in p.actions],
            }
            for p in seen
        ],
    }


class Stills:
    """The cache: ``frames`` (S, SIZE, SIZE, 3), ``crops`` (persons, ...), facts by still."""

    def __init__(self, cache: Path) -> None:
        self.facts: list[dict[str, Any]] = json.loads((cache / "facts.json").read_text())
        shape = (-1, SIZE, SIZE, 3)
        self.frames = np.memmap(cache / "frames.u8", np.uint8, "r").reshape(shape)
        self.crops = np.memmap(cache / "crops.u8", np.uint8, "r").reshape(shape)

        told = {w for r in self.references() for w in r.lower().split()}
        self.words = {word: number for number, word in enumerate(sorted(told))}

    def references(self) -> set[str]:
        """Every sentence in the cache."""
        return {r for f in self.facts for p in f["persons"] for r in p["references"]}


@dataclass
class Batch:
    """Stills and the persons in them.

    frames uint8 (S, SIZE, SIZE, 3), crops uint8 (N, SIZE, SIZE, 3); by person: references,
    labels float (N, C), words float (N, W), 1 where a sentence about the person has the word,
    box float (N, 4) as fractions of the frame, still int64 (N,); absent:
    (still, reference) of people of the story who are not in the picture.
    """

    frames: np.ndarray
    crops: np.ndarray
    references: list[str]
    labels: Tensor
    words: Tensor
    box: Tensor
    still: Tensor
    absent: list[tuple[int, str]]


def batches(stills: Stills, size: int, steps: int, seed: int) -> Iterator[Batch]:
    """Random batches; mirrored at random where no sentence of the still speaks of a side."""
    rng = random.Random(seed)
    order: list[int] = []
    for _ in range(steps):
        if len(order) < size:
            order = list(range(len(stills.facts)))
            rng.shuffle(order)
        chosen, order = sorted(order[:size]), order[size:]
        yield _batch(stills, chosen, rng)


def _batch(stills: Stills, chosen: list[int], rng: random.Random) -> Batch:
    frames, crops, references, labels, boxes, where = [], [], [], [], [], []
    words = []
    absent: list[tuple[int, str]] = []
    for number, index in enumerate(chosen):
        fact = stills.facts[index]
        told = [rng.choice(p["references"]) for p in fact["persons"]]
        gone = rng.sample(fact["absent"], min(1, len(fact["absent"])))
        sided = any(re.search(r"\b(left|right)\b", r) for r in [*told, *gone])
        step = -1 if not sided and rng.random() < 0.5 else 1
        frames.append(stills.frames[index][:, ::step])
        absent += [(number, r) for r in gone]
        for offset, (person, reference) in enumerate(zip(fact["persons"], told, strict=True)):
            crops.append(stills.crops[fact["first"] + offset][:, ::step])
            references.append(reference)
            x0, y0, x1, y1 = person["box"]
            boxes.append((1 - x1, y0, 1 - x0, y1) if step < 0 else (x0, y0, x1, y1))
            labels.append([float(c in person["actions"]) for c in range(len(CLASS))])
            said = {w for r in person["references"] for w in r.lower().split()}
            words.append([float(w in said) for w in stills.words])
            where.append(number)
    return Batch(
        np.stack(frames), np.stack(crops), references, torch.tensor(labels),
        torch.tensor(words), torch.tensor(boxes), torch.tensor(where), absent,
    )  # fmt: skip


def pixels(images: np.ndarray, mean: Tensor, std: Tensor) -> Tensor:
    """Normalised float32 (n, 3, SIZE, SIZE), light and contrast changed at random."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    gain = 1 + 0.2 * (torch.rand(len(x), 1, 1, 1) - 0.5)
    shift = 0.1 * (torch.rand(len(x), 3, 1, 1) - 0.5)
    return ((x * gain + shift).clamp(0, 1) - mean) / std


# --- training -----------------------------------------------------------------------------------


class Trainer:
    """What the recipes share: optimiser, schedule, log."""

    def __init__(self, parameters: list[nn.Parameter], steps: int, rate: float) -> None:
        self.parameters, self.steps, self.number = parameters, steps, 0
        self.optimiser = torch.optim.AdamW(parameters, rate, (0.9, 0.98), weight_decay=0.02)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self.began = time.monotonic()
        self.sums: dict[str, float] = {}

    def _rate(self, step: int) -> float:
        return min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * min(1, step / self.steps)))

    def step(self, losses: dict[str, Tensor]) -> None:
        """One update by the sum of the losses; logs now and then."""
        self.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.number += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        if self.number % 100 == 0:
            shown = "  ".join(f"{name} {total / 100:.3f}" for name, total in self.sums.items())
            print(f"{self.number:6d}  {time.monotonic() - self.began:5.0f} s  {shown}", flush=True)
            self.sums = {}


def tokens_of(tokenizer: Any, references: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Padded token ids and mask, int64 (n, tokens)."""
    made = tokenizer(
        list(references), padding=True, truncation=True, max_length=32, return_tensors="pt",
        split_special_tokens=True,
    )  # fmt: skip
    return made["input_ids"], made["attention_mask"]


_NORMALISATION = (
    torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1),
    torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1),
)  # of both image processors


def contrastive(images: Tensor, texts: Tensor, same: Tensor, scale: Tensor | float) -> Tensor:
    """Symmetric cross-entropy between rows; ``same`` (n, n) marks further right answers."""
    logits = scale * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    target = same / same.sum(dim=1, keepdim=True)
    other = F.cross_entropy(logits.T, target.T / target.T.sum(dim=1, keepdim=True))
    return (F.cross_entropy(logits, target) + other) / 2


def equal(sentences: Sequence[str]) -> Tensor:
    """(n, n), 1 where two sentences are the same."""
    index = {s: i for i, s in enumerate(dict.fromkeys(sentences))}
    ids = torch.tensor([index[s] for s in sentences])
    return (ids[:, None] == ids).float()


# --- vision towers ------------------------------------------------------------------------------


class Readout(nn.Module):
    """Actions and words, read from a map of 4 × 4 cells; only serves training."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.actions = nn.Linear(16 * CELL, len(CLASS))
        self.words = nn.Linear(16 * CELL, words)
        self.frame = nn.Conv2d(CELL, len(CLASS) + words, 1)

    def losses(self, frame: Tensor, person: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Of crops, and of frames for anybody in it, from their maps (n, CELL, 4, 4)."""
        flat = F.dropout(person.flatten(1), 0.1, self.training)
        both = torch.cat([batch.labels, batch.words], dim=1)
        anybody = torch.zeros(len(frame), both.shape[1]).index_reduce(0, batch.still, both, "amax")
        cells = self.frame(frame).flatten(2).amax(dim=2)
        return {
            "actions": action_loss(self.actions(flat), batch.labels),
            "words": 3 * F.binary_cross_entropy_with_logits(self.words(flat), batch.words),
            "frame": 5 * F.binary_cross_entropy_with_logits(cells, anybody),
        }


def action_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with a label set shared evenly; rows without a label do not count.

    It leaves the plateau of the classes' frequencies far earlier than one binary loss per class.
    """
    some = labels.any(dim=1)
    return F.cross_entropy(logits[some], labels[some] / labels[some].sum(dim=1, keepdim=True))


def make_teacher() -> nn.Sequential:
    """Pictures (n, 3, 64, 64) to a map (n, CELL, 4, 4)."""
    layers: list[nn.Module] = []
    channels = 3
    for out in (24, 48, 96, CELL):
        layers += [nn.Conv2d(channels, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        channels = out
    return nn.Sequential(*layers)


@app.command()
def teacher(
    steps: int = 1000, size: int = 32, rate: float = 3e-3, seed: int = 0, cache: Path = CACHE
) -> None:
    """Trains the convolutional network, ``teacher.safetensors`` in the cache."""
    stills = Stills(cache)
    torch.manual_seed(seed)
    model, readout = make_teacher(), Readout(len(stills.words))
    trainer = Trainer([*model.parameters(), *readout.parameters()], steps, rate)
    for batch in batches(stills, size, steps, seed):
        images = pixels(np.concatenate([batch.frames, batch.crops]), *_NORMALISATION)
        frame, person = model(images).split([len(batch.frames), len(batch.crops)])
        trainer.step(readout.losses(frame, person, batch))
    save_file(model.state_dict(), cache / "teacher.safetensors")


def mark_places(tower: nn.Module) -> None:
    """Makes the position embeddings of a fresh tower ten times larger.

    Imitation asks for what is in a cell, not for where it is; the Q-Former needs both.
    """
    with torch.no_grad():
        for name, parameter in tower.named_parameters():
            if "position_embedding" in name:
                parameter.mul_(10)


def imitate(
    tower: Any, width: int, stills: Stills, cache: Path, steps: int, size: int, seed: int
) -> None:
    """Trains a vision tower to say in its tokens, by fours, what the teacher's cells say.

    Args:
        tower: pictures (n, 3, 64, 64) to an output with tokens (n, 65, width), the first one apart.
    """
    model = make_teacher()
    model.load_state_dict(load_file(cache / "teacher.safetensors"))
    model.eval().requires_grad_(False)
    head, readout = nn.Linear(width, CELL), Readout(len(stills.words))
    parameters = [*tower.parameters(), *head.parameters(), *readout.parameters()]
    trainer = Trainer(parameters, steps, 2.5e-3)
    for batch in batches(stills, size, steps, seed + 1):
        images = pixels(np.concatenate([batch.frames, batch.crops]), *_NORMALISATION)
        cells = model(images).permute(0, 2, 3, 1)
        target = F.layer_norm(cells, cells.shape[3:])  # a few pictures have far larger values
        tokens = tower(images).last_hidden_state[:, 1:].transpose(1, 2)
        pooled = F.avg_pool2d(tokens.unflatten(2, (8, 8)), 2)
        said = head(pooled.permute(0, 2, 3, 1))
        frame, person = said.permute(0, 3, 1, 2).split([len(batch.frames), len(batch.crops)])
        losses = readout.losses(frame, person, batch)
        trainer.step({"cells": 4 * F.mse_loss(said, target), **losses})


class Blip2Heads(nn.Module):
    """Readouts of the fused features that only serve training."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.crop_actions = nn.Linear(width, classes)
        self.frame_actions = nn.Linear(width, classes)
        self.box = nn.Linear(width, 4)
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))


@app.command()
def blip2(
    tower_steps: int = 800, steps: int = 1100, size: int = 32, rate: float = 1e-3, seed: int = 0,
    cache: Path = CACHE, out: Path = WEIGHTS / "blip2", start: Path | None = None,
) -> None:  # fmt: skip
    """Trains BLIP-2: actions and place of whom the sentence means, matching, contrast.

    With ``start`` it goes on from that checkpoint.
    """
    stills = Stills(cache)
    make_blip2(out, set(stills.words), Sizes(), seed)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval

    model = load_model(Blip2ForImageTextRetrieval, start or out).train()
    tokenizer = load_part(AutoTokenizer, out)
    torch.manual_seed(seed)
    width = model.config.vision_config.hidden_size
    if not start:
        mark_places(model.vision_model)
    imitate(model.vision_model, width, stills, cache, tower_steps, size, seed)
    save_half(out, model)
    model.vision_model.requires_grad_(False)
    heads = Blip2Heads(model.config.qformer_config.hidden_size, len(CLASS))
    trained = [p for p in [*model.parameters(), *heads.parameters()] if p.requires_grad]
    trainer = Trainer(trained, steps, rate)
    for batch in batches(stills, size, steps, seed):
        images = pixels(np.concatenate([batch.frames, batch.crops]), *_NORMALISATION)
        seen = model.vision_model(images).last_hidden_state
        frame, person = seen.split([len(batch.frames), len(batch.crops)])
        trainer.step(blip2_losses(model, heads, tokenizer, frame, person, batch))
    save_half(out, model)


def blip2_losses(
    model: Any, heads: Blip2Heads, tokenizer: Any, frame: Tensor, person: Tensor, batch: Batch
) -> dict[str, Tensor]:
    """Losses of a batch, from the vision tokens of its frames and crops."""
    ids, mask = tokens_of(tokenizer, [*batch.references, *(r for _, r in batch.absent)])
    n = len(batch.references)
    own, own_mask = ids[:n], mask[:n]

    near = fused(model, person, own, own_mask)  # (N, D)
    actions = action_loss(heads.crop_actions(near), batch.labels)

    stills = torch.cat([batch.still, torch.tensor([s for s, _ in batch.absent], dtype=torch.long)])
    far = fused(model, frame[stills], ids, mask)  # (M, D), the first N rows show the person
    frame_actions = action_loss(heads.frame_actions(far[:n]), batch.labels)
    box = F.l1_loss(heads.box(far[:n]).sigmoid(), batch.box)

    same = equal(batch.references)
    wrong = torch.randperm(n)[: n // 3]  # crops with a sentence about somebody else
    shifted = (wrong + 1) % n
    other = fused(model, person[wrong], own[shifted], own_mask[shifted])
    matched = torch.cat([
        torch.ones(n), torch.arange(len(far)) < n, same[wrong, shifted] > 0,
    ]).long()  # fmt: skip
    matching = F.cross_entropy(model.itm_head(torch.cat([near, far, other])), matched)

    queries = model.query_tokens.expand(n, -1, -1)
    alone = model.qformer(query_embeds=queries, encoder_hidden_states=person).last_hidden_state
    text = text_states(model, own, own_mask)[:, 0]
    contrast = contrastive(
        model.vision_projection(alone).mean(dim=1), model.text_projection(text), same,
        heads.scale.exp().clamp(max=100),
    )  # fmt: skip
    return {
        "crop": actions, "frame": frame_actions, "box": 5 * box, "match": matching,
        "contrast": 0.2 * contrast,
    }  # fmt: skip


class ClipHeads(nn.Module):
    """Readouts of the image embedding that only serve training."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.crop_actions = nn.Linear(width, classes)
        self.frame_actions = nn.Linear(width, classes)


@app.command()
def clip(
    tower_steps: int = 1000, steps: int = 1000, size: int = 32, rate: float = 1e-3, seed: int = 0,
    cache: Path = CACHE, out: Path = WEIGHTS / "clip",
) -> None:  # fmt: skip
    """Trains CLIP: contrast of crops and captions, and actions from the image embedding."""
    stills = Stills(cache)
    make_clip(out, set(stills.words) | _caption_words(), Sizes(), seed)
    from transformers import AutoTokenizer, CLIPModel

    model = load_model(CLIPModel, out).train()
    tokenizer = load_part(AutoTokenizer, out)
    torch.manual_seed(seed)
    width = model.config.vision_config.hidden_size
    mark_places(model.vision_model)
    imitate(model.vision_model, width, stills, cache, tower_steps, size, seed)
    heads = ClipHeads(model.config.projection_dim, len(CLASS))
    trainer = Trainer([*model.parameters(), *heads.parameters()], steps, rate)
    chance = random.Random(seed)
    for batch in batches(stills, size, steps, seed):
        images = pixels(np.concatenate([batch.frames, batch.crops]), *_NORMALISATION)
        seen = model.get_image_features(pixel_values=images).pooler_output
        frame, person = seen.split([len(batch.frames), len(batch.crops)])
        pairs = zip(batch.references, batch.labels, strict=True)
        captions = [caption(reference, labels, chance) for reference, labels in pairs]
        ids, mask = tokens_of(tokenizer, captions)
        text = model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        union = torch.zeros(len(frame), len(CLASS)).index_reduce(
            0, batch.still, batch.labels, "amax"
        )
        actions = action_loss(heads.crop_actions(person), batch.labels)
        frame_actions = F.binary_cross_entropy_with_logits(heads.frame_actions(frame), union)
        contrast = contrastive(
            person, text, equal(captions), model.logit_scale.exp().clamp(max=100)
        )
        losses = {"crop": actions, "frame": 5 * frame_actions, "contrast": 0.5 * contrast}
        trainer.step(losses)
    save_half(out, model)


def caption(reference: str, labels: Tensor, chance: random.Random) -> str:
    """The sentence, half of the time with what the person does: "the tall man is waving"."""
    doing = [name for name, number in CLASS.items() if labels[number]]
    if not doing or chance.random() < 0.5:
        return reference
    return f"{reference} is {' and '.join(doing)}"


def _caption_words() -> set[str]:
    return {"is", "and", *CLASS}


# --- figures ------------------------------------------------------------------------------------


@app.command()
def probe(
    vlm: Annotated[str, typer.Argument()], scenes: int = 6000, seed: int = PROBE_SEED,
    folder: Path | None = None,
) -> None:  # fmt: skip
    """Frame mAP of a linear probe on fresh stills, fitted on half of the stories."""
    encoder = load_encoder(vlm, folder or WEIGHTS / vlm)
    rows: dict[str, list[np.ndarray]] = {"partial": [], "right": [], "other": []}
    labels, situations = [], []
    rng = np.random.default_rng(seed)
    for scene in sample_scenes(seed, scenes, moments=6, step=1.3):
        seen = [p for p in scene.persons if p.visible >= 0.15]
        if len(seen) < 2:
            continue  # with one person alone there is no wrong reference
        frame = Image.fromarray(scene.frame)
        made = _probe_rows(encoder, scene.frame, [crop(frame, p.box, None) for p in seen],
                           [p.reference for p in seen], rng)  # fmt: skip
        for name, values in made.items():
            rows[name].append(values)
        labels += [[float(name in p.actions) for name in MINI_CLASSES] for p in seen]
        situations += [scene.situation] * len(seen)
    y, half = np.array(labels), np.array(situations) % 2 == 0
    print(f"{vlm}: {half.sum()} persons to fit, {(~half).sum()} to test, "
          f"{int(y[~half].any(axis=0).sum())} classes")  # fmt: skip
    for name, values in rows.items():
        x = np.concatenate(values)
        score = probe_map((x[half], y[half]), (x[~half], y[~half]), l2=1e-3)
        print(f"  {name:8s} frame mAP {score:.1f}")
    print(f"  chance   frame mAP {100 * y[~half].mean(axis=0)[y[~half].any(axis=0)].mean():.1f}")


def _probe_rows(
    encoder: Encoder, frame: np.ndarray, crops: list[np.ndarray], references: list[str],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:  # fmt: skip
    """By stream (persons, D): the crop, the frame with the person's sentence, with another's."""
    texts = encoder.encode_text(references)
    whole = encoder.vision(frame[None])
    near = encoder.vision(np.stack(crops))
    right = np.concatenate([encoder.fuse(whole, text) for text in texts])
    shift = int(rng.integers(1, len(texts)))
    return {
        "partial": np.concatenate(
            [encoder.fuse(near[i : i + 1], text) for i, text in enumerate(texts)]
        ),
        "right": right,
        "other": np.roll(right, shift, axis=0),
    }


if __name__ == "__main__":
    app()
