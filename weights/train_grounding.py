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

A run that was cut goes on where it was, with the same options: rendered scenes stay, the state of
every 100th step lies beside them, and the learned backbone. A finished run leaves no state but
the backbone, which later runs take if they would learn the same. The checkpoint's folder changes
only when its training is done.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import nn

from checkpoint import new_checkpoint
from grounding_training.backbone import Log, backbone_state, train_backbone
from grounding_training.batches import Batch, Batches
from grounding_training.losses import detection_loss
from grounding_training.model import (
    SIZE,
    make_model,
    make_processor,
    more_queries,
    quicken,
    save_checkpoint,
)
from grounding_training.phrases import CLASSES, VISIBLE
from grounding_training.scenes import Scene, load_scenes, render_scenes
from rhas.config.ground import Policy
from rhas.engine.stage import run
from rhas.ground.huggingface import TransformersGrounder, load
from rhas.ground.model import Execution
from state import EVERY, load_learned, load_state, save_state
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor
from transformers.loss.loss_for_object_detection import box_iou

FOLDER = Path(__file__).resolve().parent / "grounding"
CACHE = Path(tempfile.gettempdir()) / "rhas_grounding_scenes"
HELD_OUT = 160  # of the cached scenes, the last ones


def train(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: Batches,
    options: argparse.Namespace, processor: GroundingDinoProcessor, held_out: list[Scene],
) -> None:  # fmt: skip
    """Fits the model and writes the running average of its weights; every 100 steps keeps beside
    the cached scenes all that the next steps depend on."""
    path, steps = options.cache.with_suffix(".state.pt"), options.steps
    trained = [*model.parameters(), *table.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=1e-4)

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / 100, max(0.01, (steps - step) / options.decay))

    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    floating = [k for k, v in average.items() if v.dtype.is_floating_point]
    model.train()
    model.model.backbone.to(memory_format=torch.channels_last)
    log, done = Log(25), 0
    if kept := load_state(path, vars(options), options.device):
        model.load_state_dict(kept["model"])
        table.load_state_dict(kept["table"])
        optimiser.load_state_dict(kept["optimiser"])
        average, done = kept["average"], kept["step"]
    averaged = [average[k] for k in floating]
    chosen = batches.steps(done + 1, steps + 1, options.workers, options.device)
    for step, batch in enumerate(chosen, start=done + 1):
        for group in optimiser.param_groups:
            group["lr"] = options.rate * factor(step)
        loss, parts = detection_loss(model, table, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        keep = min(0.995, step / (step + 20))
        with torch.no_grad():
            now = model.state_dict()
            torch._foreach_lerp_(averaged, [now[k] for k in floating], 1 - keep)
        log.add(parts)
        if step % EVERY == 0 and step < steps:
            save_state(
                path, vars(options), step=step, model=model.state_dict(), table=table.state_dict(),
                average=average, optimiser=optimiser.state_dict(),
            )  # fmt: skip
    with new_checkpoint(options.out) as folder:
        save_checkpoint(model, average, processor, folder)
    print(f"held-out scenes: {found_people(options.out, held_out, options.device)}", flush=True)
    path.unlink(missing_ok=True)


def fit_table(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: Iterable[Batch]
) -> None:
    """The table of attributes that a trained model tells and reads; the model stays as it is."""
    model.requires_grad_(False)
    optimiser = torch.optim.AdamW(table.parameters(), lr=0.01, weight_decay=0.0)
    for batch in batches:
        loss, _ = detection_loss(model, table, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.requires_grad_(True)


def found_people(folder: Path, scenes: Sequence[Scene], device: str) -> str:
    """The share of people whose reference's best box is right (IoU 0.5), by policy; chance."""
    grounders = {
        p: TransformersGrounder(str(folder), p, 1, 0.0, execution=Execution(device))
        for p in get_args(Policy)
    }
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, default=32000)
    parser.add_argument("--backbone-steps", type=int, default=2400)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--decay", type=int, default=1300, help="last steps, of a falling rate")
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=CACHE, help="rendered scenes, made once")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--device", default="cpu", help="torch's, of the training")
    parser.add_argument("--threads", type=int, default=1, help="of torch; they decide rounding")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    options = parser.parse_args()
    if not options.steps and not options.start:
        parser.error("--steps 0 writes the checkpoint of --start anew: name one")
    known = None if options.start else known_backbone(options)
    torch.manual_seed(options.seed)
    processor = make_processor()
    torch.set_num_threads(options.threads)
    render_scenes(options.cache, options.seed, options.scenes, SIZE, os.cpu_count() or 1)
    scenes = load_scenes(options.cache)
    scenes, held_out = scenes[:-HELD_OUT], scenes[-HELD_OUT:]
    model = make_model(len(processor.tokenizer)).to(options.device)
    quicken(model)
    table = nn.Linear(model.config.d_model, len(CLASSES), bias=False).to(options.device)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} million parameters", flush=True)
    batches = Batches(scenes, processor, options.batch, options.seed)
    if options.start:
        weights = GroundingDinoForObjectDetection.from_pretrained(options.start).float()
        model.load_state_dict(more_queries(weights.state_dict(), model.config.num_queries))
        if options.steps:
            steps = batches.steps(options.steps + 1, options.steps + 61, 0, options.device)
            fit_table(model, table, steps)
        else:
            with new_checkpoint(options.out) as folder:
                save_checkpoint(model, model.state_dict(), processor, folder)
            return
    elif known:
        print(f"backbone from {backbone_path(options)}; delete it to learn it again", flush=True)
        model.load_state_dict(known["model"])
        table.load_state_dict(known["table"])
    else:
        pictures = Batches(scenes, processor, options.batch, options.seed, told=False)
        learn_backbone(model, table, pictures, options)
    train(model, table, batches, options, processor, held_out)


def known_backbone(options: argparse.Namespace) -> dict[str, Any] | None:
    """State of model and table that an earlier run has learned, from beside the cached scenes.

    Raises:
        RhasError: it was learned with other options.
    """
    return load_learned(backbone_path(options), backbone_options(options), options.device)


def learn_backbone(
    model: GroundingDinoForObjectDetection, table: nn.Linear, pictures: Batches,
    options: argparse.Namespace,
) -> None:  # fmt: skip
    """Trains backbone and table, and keeps them beside the cached scenes."""
    train_backbone(model, table, pictures, options, 2e-3)
    learned = {"model": model.state_dict(), "table": table.state_dict()}
    save_state(backbone_path(options), backbone_options(options), **learned)
    backbone_state(options).unlink(missing_ok=True)


def backbone_path(options: argparse.Namespace) -> Path:
    """Where the learned backbone is kept."""
    cache: Path = options.cache
    return cache.with_suffix(".backbone.pt")


def backbone_options(options: argparse.Namespace) -> dict[str, object]:
    """What it depends on."""
    names = ("scenes", "backbone_steps", "batch", "seed", "device", "threads")
    return {name: getattr(options, name) for name in names}


if __name__ == "__main__":
    run(main)
