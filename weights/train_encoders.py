"""Makes the built-in encoder checkpoints, ``weights/blip2`` and ``weights/clip``, from scratch.

    python weights/train_encoders.py blip2
    python weights/train_encoders.py clip
    python weights/train_encoders.py probe blip2        # the figures in weights/README.md

The first command renders stills into a cache (`encoders.stills`), teaches a vision tower alone
(`encoders.tower`), then Q-Former and tower together (`encoders.reading`). The second starts from
the first one's stills and vision tower and learns by contrast of crops and captions, and by what
the picture's embedding tells of the person. A cache that is there is used again: delete it to start
afresh.

The stills have seeds of their own; no frame of a film is among them. Training is deterministic
for a given number of threads (OMP_NUM_THREADS). Heads that only serve training are dropped.

Legend: S stills, N persons in a batch, C actions, D width.
"""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from encoders.reading import (
    Heads,
    Looks,
    contrastive,
    equal,
    reading_losses,
    start_reading,
    tokens_of,
)
from encoders.stills import CACHE, CLASS, MARGIN, SIZE, VISIBLE, Batch, Stills, decoded, render
from encoders.tower import Dense, Telling, neighbour_attention, whiten_patches
from torch import Tensor, nn

from rhas.crop.film import cut_out
from rhas.extract.encoders import Encoder, load_encoder
from rhas.extract.encoders.checkpoint import load_model, load_part
from rhas.extract.encoders.small import Sizes, make_blip2, make_clip, save_half
from rhas.extract.probe import probe_map
from rhas.mini import MINI_CLASSES, sample_scenes

SIZES = Sizes(
    image=SIZE, patch=12, vision=128, vision_layers=4, vision_heads=8, text=192, text_layers=2,
    text_heads=6, queries=8, out=128, text_mlp=1,
)  # fmt: skip
CLIP_SIZES = Sizes(
    image=SIZE, patch=12, vision=128, vision_layers=4, vision_heads=8, text=128, text_layers=2,
    text_heads=4, out=192, text_mlp=2,
)  # fmt: skip
GRID = SIZES.image // SIZES.patch
TOWER_RATE, PROBE_SEED = 1.5e-3, 30_000
WEIGHTS = Path(__file__).parent
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)  # of the image processors
app = typer.Typer(add_completion=False)
Device = Annotated[str, typer.Option(help="torch's, of the training")]


class Trainer:
    """What the recipes share: optimiser, schedule, log."""

    def __init__(self, groups: list[tuple[list[nn.Parameter], float]], steps: int) -> None:
        """``groups`` of parameters with their highest rates."""
        self.parameters = [p for parameters, _ in groups for p in parameters]
        self.steps, self.number = steps, 0
        made = [{"params": parameters, "lr": rate} for parameters, rate in groups]
        fused = torch.get_default_device().type == "cuda"
        self.optimiser = torch.optim.AdamW(made, betas=(0.9, 0.98), weight_decay=0.02, fused=fused)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self.began = time.monotonic()
        self.sums: dict[str, Tensor] = {}

    def _rate(self, step: int) -> float:
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, step / self.steps)))
        return min(1, (step + 1) / 50) * fall

    def step(self, losses: dict[str, Tensor]) -> None:
        """One update by the sum of the losses; logs now and then."""
        self.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.number += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, torch.zeros(())) + value.detach()
        if self.number % 100 == 0:
            shown = "  ".join(f"{n} {float(total) / 100:.3f}" for n, total in self.sums.items())
            print(f"{self.number:6d}  {time.monotonic() - self.began:5.0f} s  {shown}", flush=True)
            self.sums = {}


def normalised(pictures: Tensor) -> Tensor:
    """As the image processors do, (n, 3, size, size) of values from 0 to 1."""
    return (pictures - MEAN.to(pictures)) / STD.to(pictures)


def tokens(tower: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Vision tokens of a batch's frames and of its crops, (S or N, 1 + K, width)."""
    pictures = normalised(torch.cat([batch.frames, batch.crops]))
    frame, crop = tower(pictures).last_hidden_state.split([len(batch.frames), len(batch.crops)])
    return frame, crop


def drawn_stills(cache: Path, scenes: int) -> Stills:
    """The stills in the cache, rendered where it is absent."""
    if not cache.is_dir():
        render(cache, scenes)
    return Stills(cache)


def trained_tower(
    stills: Stills, cache: Path, steps: int, size: int, rate: float, seed: int
) -> tuple[Any, Dense]:
    """Vision tower and the readout of its tokens; taught where the cache lacks them."""
    import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
    from transformers import Blip2VisionConfig, Blip2VisionModel

    torch.manual_seed(seed)
    tower = Blip2VisionModel(
        Blip2VisionConfig(
            hidden_size=SIZES.vision, intermediate_size=SIZES.mlp * SIZES.vision,
            num_hidden_layers=SIZES.vision_layers, num_attention_heads=SIZES.vision_heads,
            image_size=SIZES.image, patch_size=SIZES.patch, initializer_range=0.02,
        )
    ).to(torch.get_default_device())  # fmt: skip
    neighbour_attention(tower)
    first = next(stills.batches(150, 1, seed))
    whiten_patches(tower, normalised(torch.cat([first.frames, first.crops])))
    dense = Dense(SIZES.vision, GRID, first)
    kept = cache / "tower.pt"
    if not kept.is_file():
        groups = [(list(tower.parameters()), rate), (list(dense.parameters()), 2 * rate)]
        trainer = Trainer(groups, steps)
        for batch in stills.batches(size, steps, seed):
            trainer.step(dense.losses(*tokens(tower, batch), batch))
        torch.save((tower.state_dict(), dense.state_dict()), kept)
    print(f"tower from {kept}", flush=True)
    weights = torch.load(kept, map_location=torch.get_default_device(), weights_only=True)
    for module, state in zip((tower, dense), weights, strict=True):
        module.load_state_dict(state)
    return tower, dense


@app.command()
def blip2(
    scenes: int = 44_000, tower_steps: int = 1300, steps: int = 1800, size: int = 16,
    rate: float = 1.2e-3, seed: int = 0, cache: Path = CACHE, out: Path = WEIGHTS / "blip2",
    start: Path | None = None, device: Device = "cpu",
) -> None:  # fmt: skip
    """Trains BLIP-2: what the features tell of whom the sentence means, where the queries look,
    matching, contrast.

    With ``start`` it goes on from that checkpoint, with another ``seed`` on other batches; what
    only serves training is learned anew.
    """
    torch.set_default_device(device)
    stills = drawn_stills(cache, scenes)
    make_blip2(out, stills.words(), SIZES, seed)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval

    model = load_model(Blip2ForImageTextRetrieval, start or out).to(device).train()
    tokenizer = load_part(AutoTokenizer, out)
    first = next(stills.batches(150, 1, seed))
    if start:
        torch.manual_seed(seed)
        dense = Dense(SIZES.vision, GRID, first)
    else:
        tower, dense = trained_tower(stills, cache, tower_steps, size, TOWER_RATE, seed)
        torch.manual_seed(seed)
        model.vision_model.load_state_dict(tower.state_dict())
        said = [s[0] for t in stills.told for s in t["persons"]]
        start_reading(model, dense, tokenizer, said[:20_000])
    heads, looks = Heads(SIZES.text, first), Looks(model)
    seen = list(model.vision_model.parameters())
    rest = [p for n, p in model.named_parameters() if not n.startswith("vision_model.")]
    readouts = [*heads.parameters(), *dense.parameters()]
    trainer = Trainer([(seen, rate), (rest, rate), (readouts, 2 * rate)], steps)
    chance = torch.Generator(device).manual_seed(seed)
    for batch in stills.batches(size, steps, seed + 1):
        frame, crop = tokens(model.vision_model, batch)
        told = dense.losses(frame, crop, batch)
        losses = reading_losses(
            model, heads, looks, tokenizer, frame, crop, batch, GRID, chance,
            whole=trainer.number % 4 == 0,
        )  # fmt: skip
        trainer.step({**{f"cell.{k}": 0.5 * v for k, v in told.items()}, **losses})
        if trainer.number % 200 == 0:
            save_half(out, model)
    save_half(out, model)


@app.command()
def clip(
    steps: int = 800, size: int = 20, rate: float = 1e-3, seed: int = 0, cache: Path = CACHE,
    start: Path = WEIGHTS / "blip2", out: Path = WEIGHTS / "clip", device: Device = "cpu",
) -> None:  # fmt: skip
    """Trains CLIP: contrast of crops and captions, and what the embedding tells of the person.

    The vision tower starts as that of the BLIP-2 checkpoint ``start``, the stills are those of its
    cache.
    """
    torch.set_default_device(device)
    stills = Stills(cache)
    make_clip(out, stills.words() | {"is", "and", *CLASS}, CLIP_SIZES, seed)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval, CLIPModel

    model = load_model(CLIPModel, out).to(device).train()
    tokenizer = load_part(AutoTokenizer, out)
    take_over(model.vision_model, load_model(Blip2ForImageTextRetrieval, start).vision_model)
    torch.manual_seed(seed)
    heads = Telling(CLIP_SIZES.out).start(next(stills.batches(150, 1, seed)))
    seen = list(model.vision_model.parameters())
    rest = [p for n, p in model.named_parameters() if not n.startswith("vision_model.")]
    readouts = list(heads.parameters())
    trainer = Trainer([(seen, rate), (rest, rate), (readouts, 2 * rate)], steps)
    chance = random.Random(seed)
    for batch in stills.batches(size, steps, seed + 2):
        person = model.get_image_features(pixel_values=normalised(batch.crops)).pooler_output
        pairs = zip(batch.references, batch.actions, strict=True)
        captions = [caption(reference, actions, chance) for reference, actions in pairs]
        ids, mask = tokens_of(tokenizer, captions)
        text = model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        n = len(person)
        told = heads.losses(person, batch, torch.arange(n), torch.ones(n))
        scale = model.logit_scale.exp().clamp(max=100)
        trainer.step({**told, "contrast": contrastive(person, text, equal(captions), scale)})
        if trainer.number % 200 == 0:
            save_half(out, model)
    save_half(out, model)


@torch.no_grad()
def take_over(vision: Any, tower: Any) -> None:
    """Starts CLIP's vision tower as BLIP-2's, from which it differs by a first normalisation."""
    vision.embeddings.class_embedding.copy_(tower.embeddings.class_embedding[0, 0])
    vision.embeddings.patch_embedding.weight.copy_(tower.embeddings.patch_embedding.weight)
    places = tower.embeddings.position_embedding[0].clone()
    places[1:] += tower.embeddings.patch_embedding.bias  # CLIP's patches have none
    vision.embeddings.position_embedding.weight.copy_(places)
    vision.post_layernorm.load_state_dict(tower.post_layernorm.state_dict())
    for mine, theirs in zip(vision.encoder.layers, tower.encoder.layers, strict=True):
        parts = zip(
            (mine.self_attn.q_proj, mine.self_attn.k_proj, mine.self_attn.v_proj),
            theirs.self_attn.qkv.weight.chunk(3), theirs.self_attn.qkv.bias.chunk(3), strict=True,
        )  # fmt: skip
        for part, weight, bias in parts:
            part.weight.copy_(weight)
            part.bias.copy_(bias)
        mine.self_attn.out_proj.load_state_dict(theirs.self_attn.projection.state_dict())
        for name in ("mlp", "layer_norm1", "layer_norm2"):
            getattr(mine, name).load_state_dict(getattr(theirs, name).state_dict())


def caption(reference: str, actions: Tensor, chance: random.Random) -> str:
    """The sentence, half of the time with what the person does: "the tall man is waving"."""
    doing = [name for name, number in CLASS.items() if actions[number]]
    if not doing or chance.random() < 0.5:
        return reference
    return f"{reference} is {' and '.join(doing)}"


# --- figures ------------------------------------------------------------------------------------


@app.command()
def probe(
    vlm: Annotated[str, typer.Argument()], scenes: int = 6000, seed: int = PROBE_SEED,
    folder: Path | None = None,
) -> None:  # fmt: skip
    """Frame mAP of a linear probe on fresh stills, fitted on half of the stories."""
    encoder = load_encoder(vlm, folder or WEIGHTS / vlm)
    rows: dict[str, list[np.ndarray]] = {"partial": [], "right": [], "other": [], "none": []}
    labels, situations = [], []
    rng = np.random.default_rng(seed)
    for scene in sample_scenes(seed, scenes, moments=6, step=1.3):
        seen = [p for p in scene.persons if p.visible >= VISIBLE]
        if len(seen) < 2:
            continue  # with one person alone there is no wrong reference
        image = decoded(scene.frame)
        scale = image.height / scene.frame.shape[0]
        crops = [cut_out(image, [v * scale for v in p.box], MARGIN, SIZE) for p in seen]
        made = _probe_rows(encoder, np.asarray(image), crops, [p.reference for p in seen], rng)
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
    """By stream (persons, D): the crop; the frame with the person's own sentence, with another
    person's, with one about nobody in particular."""
    *texts, neutral = encoder.encode_text([*references, "the person"])
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
        "none": np.repeat(encoder.fuse(whole, neutral), len(texts), axis=0),
    }


if __name__ == "__main__":
    app()
