"""Makes the built-in encoder checkpoints, ``weights/blip2`` and ``weights/clip``, from scratch.

    python weights/train_encoders.py blip2
    python weights/train_encoders.py clip
    python weights/train_encoders.py probe blip2        # the figures in weights/README.md

The first command renders stills into a cache (`encoders.stills`), teaches a vision tower alone
(`encoders.tower`), then Q-Former and tower together (`encoders.reading`). The second starts from
the first one's stills and vision tower and learns by contrast of crops and captions, and by what
the picture's embedding tells of the person. A run that was cut goes on where it was, with the same
options: rendered stills stay, and the state of every 100th step lies among them. The checkpoint's
folder changes only when its training is done.

The stills have seeds of their own; no frame of a film is among them. Heads that only serve training
are dropped.

Legend: S stills, N persons in a batch, C actions, D width.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from checkpoint import new_checkpoint
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
from state import EVERY, load_state, save_state
from torch import Tensor, nn

from rhas.crop.film import cut_out
from rhas.engine.stage import run
from rhas.extract.encoders import Encoder, load_encoder
from rhas.extract.encoders.checkpoint import load_model, load_part
from rhas.extract.encoders.small import Sizes, make_blip2, make_clip, save_half
from rhas.evaluate.probe import probe_map
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
TOWER, READING, CONTRAST = 0, 1, 2  # which batches
WEIGHTS = Path(__file__).parent
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)  # of the image processors
app = typer.Typer(add_completion=False)
Device = Annotated[str, typer.Option(help="torch's, of the training")]
Threads = Annotated[int, typer.Option(help="of torch; they decide rounding")]


class Trainer:
    """What the recipes share: optimiser, schedule, log; goes on where a run that was cut was."""

    def __init__(
        self, taught: dict[str, nn.Module], rates: dict[str, float], steps: int, path: Path,
        made_with: dict[str, object],
    ) -> None:  # fmt: skip
        """``taught`` modules with their highest ``rates``; ``path`` of the state, and what the
        result depends on."""
        self.taught, self.steps, self.number = taught, steps, 0
        self.path, self.made_with = path, made_with
        groups = [{"params": list(m.parameters()), "lr": rates[n]} for n, m in taught.items()]
        self.parameters = [p for group in groups for p in group["params"]]
        device = torch.get_default_device().type
        self.optimiser = torch.optim.AdamW(
            groups, betas=(0.9, 0.98), weight_decay=0.02, fused=device == "cuda"
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self.began = time.monotonic()
        self.sums: dict[str, Tensor] = {}
        if kept := load_state(path, made_with, device):
            self.number = kept["step"]
            for name, module in taught.items():
                module.load_state_dict(kept["taught"][name])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.schedule.load_state_dict(kept["schedule"])

    def _rate(self, step: int) -> float:
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, step / self.steps)))
        return min(1, (step + 1) / 50) * fall

    def batches(self, stills: Stills, size: int, *seed: int) -> Iterator[Batch]:
        """A batch for each step that is left; chance in a step depends on its number alone."""
        while self.number < self.steps:
            batch = stills.drawn(size, *seed, self.number)
            torch.manual_seed(self.number)
            yield batch

    def step(self, losses: dict[str, Tensor]) -> None:
        """One update by the sum of the losses; logs and keeps the state now and then."""
        self.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.number += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, torch.zeros(())) + value.detach()
        if self.number % EVERY == 0:
            shown = "  ".join(f"{n} {float(total) / EVERY:.3f}" for n, total in self.sums.items())
            print(f"{self.number:6d}  {time.monotonic() - self.began:5.0f} s  {shown}", flush=True)
            self.sums = {}
            self.keep()

    def keep(self) -> None:
        """Keeps the state."""
        save_state(
            self.path, self.made_with, step=self.number,
            taught={name: module.state_dict() for name, module in self.taught.items()},
            optimiser=self.optimiser.state_dict(), schedule=self.schedule.state_dict(),
        )  # fmt: skip


def normalised(pictures: Tensor) -> Tensor:
    """As the image processors do, (n, 3, size, size) of values from 0 to 1."""
    return (pictures - MEAN.to(pictures)) / STD.to(pictures)


def tokens(tower: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Vision tokens of a batch's frames and of its crops, (S or N, 1 + K, width)."""
    pictures = normalised(torch.cat([batch.frames, batch.crops]))
    frame, crop = tower(pictures).last_hidden_state.split([len(batch.frames), len(batch.crops)])
    return frame, crop


def drawn_stills(cache: Path, scenes: int) -> Stills:
    """The stills in the cache, those that it lacks rendered first."""
    render(cache, scenes)
    return Stills(cache)


def trained_tower(
    stills: Stills, cache: Path, steps: int, size: int, seed: int
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
    first = stills.drawn(150, seed)
    whiten_patches(tower, normalised(torch.cat([first.frames, first.crops])))
    dense = Dense(SIZES.vision, GRID, first)
    rates = {"tower": TOWER_RATE, "dense": 2 * TOWER_RATE}
    made_with = {
        "steps": steps, "size": size, "seed": seed, "device": torch.get_default_device().type,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    path = cache / "tower.pt"
    trainer = Trainer({"tower": tower, "dense": dense}, rates, steps, path, made_with)
    for batch in trainer.batches(stills, size, seed, TOWER):
        trainer.step(dense.losses(*tokens(tower, batch), batch))
    trainer.keep()
    return tower, dense


@app.command()
def blip2(
    scenes: int = 96_000, tower_steps: int = 6000, steps: int = 4000, size: int = 32,
    rate: float = 1.2e-3, seed: int = 0, cache: Path = CACHE, out: Path = WEIGHTS / "blip2",
    start: Path | None = None, device: Device = "cpu", threads: Threads = 1,
) -> None:  # fmt: skip
    """Trains BLIP-2: what the features tell of whom the sentence means, where the queries look,
    matching, contrast.

    With ``start`` it goes on from that checkpoint, with another ``seed`` on other batches; what
    only serves training is learned anew.
    """
    made_with = {
        "tower_steps": tower_steps, "steps": steps, "size": size, "rate": rate, "seed": seed,
        "start": start, "device": device, "threads": threads,
    }  # fmt: skip
    torch.set_default_device(device)
    torch.set_num_threads(threads)
    stills = drawn_stills(cache, scenes)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval

    with new_checkpoint(out) as folder:
        make_blip2(folder, stills.words(), SIZES, seed)
        model = load_model(Blip2ForImageTextRetrieval, start or folder).to(device).train()
        tokenizer = load_part(AutoTokenizer, folder)
        first = stills.drawn(150, seed)
        if start:
            torch.manual_seed(seed)
            dense = Dense(SIZES.vision, GRID, first)
        else:
            tower, dense = trained_tower(stills, cache, tower_steps, size, seed)
            torch.manual_seed(seed)
            model.vision_model.load_state_dict(tower.state_dict())
            said = [s[0] for t in stills.told for s in t["persons"]]
            start_reading(model, dense, tokenizer, said[:20_000])
        heads, looks = Heads(SIZES.text, first), Looks(model)
        trainer = Trainer(
            {"model": model, "heads": heads, "dense": dense},
            {"model": rate, "heads": 2 * rate, "dense": 2 * rate},
            steps, cache / "blip2.pt", made_with,
        )  # fmt: skip
        for batch in trainer.batches(stills, size, seed, READING):
            frame, crop = tokens(model.vision_model, batch)
            told = dense.losses(frame, crop, batch)
            losses = reading_losses(
                model, heads, looks, tokenizer, frame, crop, batch, GRID,
                whole=trainer.number % 4 == 0,
            )  # fmt: skip
            trainer.step({**{f"cell.{k}": 0.5 * v for k, v in told.items()}, **losses})
        save_half(folder, model)
    trainer.path.unlink(missing_ok=True)


@app.command()
def clip(
    steps: int = 3000, size: int = 32, rate: float = 1e-3, seed: int = 0, cache: Path = CACHE,
    start: Path = WEIGHTS / "blip2", out: Path = WEIGHTS / "clip", device: Device = "cpu",
    threads: Threads = 1,
) -> None:  # fmt: skip
    """Trains CLIP: contrast of crops and captions, and what the embedding tells of the person.

    The vision tower starts as that of the BLIP-2 checkpoint ``start``, the stills are those of its
    cache.
    """
    made_with = {
        "steps": steps, "size": size, "rate": rate, "seed": seed, "start": start,
        "device": device, "threads": threads,
    }  # fmt: skip
    torch.set_default_device(device)
    torch.set_num_threads(threads)
    stills = Stills(cache)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval, CLIPModel

    with new_checkpoint(out) as folder:
        make_clip(folder, stills.words() | {"is", "and", *CLASS}, CLIP_SIZES, seed)
        model = load_model(CLIPModel, folder).to(device).train()
        tokenizer = load_part(AutoTokenizer, folder)
        take_over(model.vision_model, load_model(Blip2ForImageTextRetrieval, start).vision_model)
        torch.manual_seed(seed)
        heads = Telling(CLIP_SIZES.out).start(stills.drawn(150, seed))
        trainer = Trainer(
            {"model": model, "heads": heads}, {"model": rate, "heads": 2 * rate},
            steps, cache / "clip.pt", made_with,
        )  # fmt: skip
        for batch in trainer.batches(stills, size, seed, CONTRAST):
            person = model.get_image_features(pixel_values=normalised(batch.crops)).pooler_output
            pairs = zip(batch.references, batch.actions, strict=True)
            captions = [caption(reference, actions) for reference, actions in pairs]
            ids, mask = tokens_of(tokenizer, captions)
            text = model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
            n = len(person)
            told = heads.losses(person, batch, torch.arange(n), torch.ones(n))
            scale = model.logit_scale.exp().clamp(max=100)
            trainer.step({**told, "contrast": contrastive(person, text, equal(captions), scale)})
        save_half(folder, model)
    trainer.path.unlink(missing_ok=True)


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


def caption(reference: str, actions: Tensor) -> str:
    """The sentence, half of the time with what the person does: "the tall man is waving"."""
    doing = [name for name, number in CLASS.items() if actions[number]]
    if not doing or torch.rand(()) < 0.5:
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
    run(app)
