"""Train the built-in encoder checkpoints, ``weights/blip2`` and ``weights/clip``, from scratch.

    python weights/train_encoders.py blip2
    python weights/train_encoders.py clip
    python weights/train_encoders.py probe blip2        # the figures in weights/README.md

The first command renders stills into a cache (`encoders.stills`), trains the vision tower alone
(`encoders.tower`), then Q-Former and tower together (`encoders.reading`). The second starts from
the stills and the vision tower of the first, and trains by contrast of crops and captions and by
readouts of the picture's embedding. An interrupted run resumes when started again with the same
options: rendered stills stay, and the state of every 100th update lies among them. The checkpoint's
folder changes only when its training is done.

The stills have seeds of their own; no frame of a film is among them. Heads that only serve training
are dropped.

Legend: S stills, N persons in a batch, C actions, D width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from encoders.contrast import (
    UNTRAINED,
    contrastive_loss,
    copy_tower,
    find_equal,
    find_trained,
    make_caption,
)
from encoders.probing import probe_encoder
from encoders.reading import (
    AttentionRecorder,
    ReadingHeads,
    compute_reading_losses,
    initialise_qformer,
    tokenise,
)
from encoders.stills import CACHE, CLASS, SIZE, TRAIN_SEED, Batch, Stills, render_stills
from encoders.tower import DenseReadout, PersonReadout, neighbour_attention, whiten_patches
from torch import Tensor, nn
from training.checkpoint import new_checkpoint
from training.state import Options
from training.trainer import Trainer

from rhas.base.program import run_script
from rhas.extract.checkpoint import load_model, load_part
from rhas.extract.small import Sizes, make_blip2, make_clip, save_half

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


def make_trainer(
    modules: dict[str, nn.Module], rates: dict[str, float], updates: int, path: Path,
    options: Options,
) -> Trainer:  # fmt: skip
    """AdamW with a rate per module that rises for 50 updates and falls as a cosine.

    Args:
        modules: what is trained.
        rates: their highest rates.
        updates: how many.
        path: of the state to resume from.
        options: what the result depends on.
    """
    device = torch.get_default_device().type
    groups = [{"params": list(m.parameters()), "lr": rates[n]} for n, m in modules.items()]
    optimiser = torch.optim.AdamW(
        groups, betas=(0.9, 0.98), weight_decay=0.02, fused=device == "cuda"
    )

    def find_factor(update: int) -> float:
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, update / updates)))
        return min(1, (update + 1) / 50) * fall

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, find_factor)
    return Trainer(modules, optimiser, schedule, updates, path, options, device=device, clip=1.0)


def draw_batches(trainer: Trainer, stills: Stills, size: int, *seed: int) -> Iterator[Batch]:
    """A batch for each update that is left; its randomness depends on the update's number alone."""
    while trainer.number < trainer.updates:
        batch = stills.draw_batch(size, *seed, trainer.number)
        torch.manual_seed(trainer.number)
        yield batch


def update(trainer: Trainer, losses: dict[str, Tensor]) -> None:
    """One update by the sum of the losses."""
    trainer.update(torch.stack(list(losses.values())).sum(), losses)
    trainer.save_if_due()


def normalise_images(pictures: Tensor) -> Tensor:
    """As the image processors do, (n, 3, size, size) of values from 0 to 1."""
    return (pictures - MEAN.to(pictures)) / STD.to(pictures)


def encode_batch(tower: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Vision tokens of a batch's frames and of its crops, (S or N, 1 + K, width)."""
    pictures = normalise_images(torch.cat([batch.frames, batch.crops]))
    frame, crop = tower(pictures).last_hidden_state.split([len(batch.frames), len(batch.crops)])
    return frame, crop


def prepare_stills(cache: Path, scenes: int, seed: int) -> Stills:
    """The stills of a seed in the cache, those that it lacks rendered first."""
    render_stills(cache, scenes, seed)
    return Stills(cache)


def train_tower(
    stills: Stills, cache: Path, steps: int, size: int, seed: int
) -> tuple[Any, DenseReadout]:
    """Vision tower and the readout of its tokens; trained where the cache lacks them."""
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
    first = stills.draw_batch(150, seed)
    whiten_patches(tower, normalise_images(torch.cat([first.frames, first.crops])))
    dense = DenseReadout(SIZES.vision, GRID, first)
    rates = {"tower": TOWER_RATE, "dense": 2 * TOWER_RATE}
    options = {
        "steps": steps, "size": size, "seed": seed, "device": torch.get_default_device().type,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    path = cache / "tower.pt"
    trainer = make_trainer({"tower": tower, "dense": dense}, rates, steps, path, options)
    for batch in draw_batches(trainer, stills, size, seed, TOWER):
        update(trainer, dense.compute_losses(*encode_batch(tower, batch), batch))
    trainer.save()
    return tower, dense


def list_vocabulary(checkpoint: Path) -> set[str]:
    """The words that a BLIP-2 checkpoint's tokenizer knows whole."""
    from transformers import AutoTokenizer

    known = load_part(AutoTokenizer, checkpoint).get_vocab()
    return {word for word in known if word.isalpha() and len(word) > 1}


@app.command()
def blip2(
    scenes: int = 96_000, tower_steps: int = 6000, steps: int = 4000, size: int = 32,
    rate: float = 1.2e-3, seed: int = 0, cache: Path = CACHE, out: Path = WEIGHTS / "blip2",
    start: Path | None = None, device: Device = "cpu", threads: Threads = 1,
    still_seed: int = TRAIN_SEED,
) -> None:  # fmt: skip
    """Trains BLIP-2: what the features tell of whom the sentence means, where the queries look,
    matching, contrast.

    With ``start`` it goes on from that checkpoint, with another ``seed`` on other batches and with
    another ``still_seed`` on other stills; what only serves training is learned anew.
    """
    options = {
        "tower_steps": tower_steps, "steps": steps, "size": size, "rate": rate, "seed": seed,
        "start": start, "device": device, "threads": threads, "still_seed": still_seed,
    }  # fmt: skip
    torch.set_default_device(device)
    torch.set_num_threads(threads)
    stills = prepare_stills(cache, scenes, still_seed)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval

    with new_checkpoint(out) as folder:
        make_blip2(folder, list_vocabulary(start) if start else stills.list_words(), SIZES, seed)
        model = load_model(Blip2ForImageTextRetrieval, start or folder).to(device).train()
        tokenizer = load_part(AutoTokenizer, folder)
        first = stills.draw_batch(150, seed)
        if start:
            torch.manual_seed(seed)
            dense = DenseReadout(SIZES.vision, GRID, first)
        else:
            tower, dense = train_tower(stills, cache, tower_steps, size, seed)
            torch.manual_seed(seed)
            model.vision_model.load_state_dict(tower.state_dict())
            references = [s[0] for t in stills.sentences for s in t["persons"]]
            initialise_qformer(model, dense, tokenizer, references[:20_000])
        heads, attention = ReadingHeads(SIZES.text, first), AttentionRecorder(model)
        trainer = make_trainer(
            {"model": model, "heads": heads, "dense": dense},
            {"model": rate, "heads": 2 * rate, "dense": 2 * rate},
            steps, cache / "blip2.pt", options,
        )  # fmt: skip
        for batch in draw_batches(trainer, stills, size, seed, READING):
            frame, crop = encode_batch(model.vision_model, batch)
            dense_losses = dense.compute_losses(frame, crop, batch)
            losses = compute_reading_losses(
                model, heads, attention, tokenizer, frame, crop, batch, GRID,
                whole=trainer.number % 4 == 0,
            )  # fmt: skip
            update(trainer, {**{f"cell.{k}": 0.5 * v for k, v in dense_losses.items()}, **losses})
        save_half(folder, model)
    trainer.path.unlink(missing_ok=True)


@app.command()
def clip(
    steps: int = 3000, size: int = 32, rate: float = 1e-3, seed: int = 0, cache: Path = CACHE,
    start: Path = WEIGHTS / "blip2", out: Path = WEIGHTS / "clip", device: Device = "cpu",
    threads: Threads = 1,
) -> None:  # fmt: skip
    """Trains CLIP: contrast of crops and captions, and what the embedding tells of the person.

    People who do what `UNTRAINED` lists are left out. A batch is of ``size`` stills.

    The vision tower starts as that of the BLIP-2 checkpoint ``start``, the stills are those of its
    cache.
    """
    options = {
        "steps": steps, "size": size, "rate": rate, "seed": seed, "start": start,
        "device": device, "threads": threads,
    }  # fmt: skip
    torch.set_default_device(device)
    torch.set_num_threads(threads)
    stills = Stills(cache)
    from transformers import AutoTokenizer, Blip2ForImageTextRetrieval, CLIPModel

    with new_checkpoint(out) as folder:
        words = stills.list_words() | {"is", "and", *CLASS} - {*UNTRAINED}
        make_clip(folder, words, CLIP_SIZES, seed)
        model = load_model(CLIPModel, folder).to(device).train()
        model.config.untrained_actions = list(UNTRAINED)
        tokenizer = load_part(AutoTokenizer, folder)
        copy_tower(model.vision_model, load_model(Blip2ForImageTextRetrieval, start).vision_model)
        torch.manual_seed(seed)
        heads = PersonReadout(CLIP_SIZES.out).start_from(stills.draw_batch(150, seed))
        trainer = make_trainer(
            {"model": model, "heads": heads}, {"model": rate, "heads": 2 * rate},
            steps, cache / "clip.pt", options,
        )  # fmt: skip
        for batch in draw_batches(trainer, stills, size, seed, CONTRAST):
            trained = find_trained(batch)
            person = model.get_image_features(
                pixel_values=normalise_images(batch.crops[trained])
            ).pooler_output
            captions = [
                make_caption(batch.references[n], batch.actions[n]) for n in trained.tolist()
            ]
            ids, mask = tokenise(tokenizer, captions)
            text = model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
            losses = heads.compute_losses(person, batch, trained, torch.ones(len(trained)))
            scale = model.logit_scale.exp().clamp(max=100)
            losses["contrast"] = contrastive_loss(person, text, find_equal(captions), scale)
            update(trainer, losses)
        save_half(folder, model)
    trainer.path.unlink(missing_ok=True)


@app.command()
def probe(
    vlm: Annotated[str, typer.Argument()], scenes: int = 6000, seed: int = PROBE_SEED,
    folder: Path | None = None,
) -> None:  # fmt: skip
    """Frame mAP of a linear probe on fresh stills, fitted on half of the stories."""
    probe_encoder(vlm, folder or WEIGHTS / vlm, scenes, seed)


if __name__ == "__main__":
    run_script(app)
