"""Train the built-in grounding checkpoint: a small GroundingDINO trained on rendered scenes.

    python weights/train_grounding.py

Scenes come from ``rhas.mini.sample_scenes`` (never a film's frame). A prompt holds several phrases
about the people of a scene, "a . b . c .": whole references, single garments, "person", and phrases
true of nobody.

With the library's loss, from scratch, the model learns to find people in minutes, but not to read:
targets of whole phrases are rare and binary, and the class loss stays at their frequencies. So the
attributes that phrases state are trained directly, in one space for pictures and text: a table with
a vector per value of an attribute ("upper garment: red").

- First backbone and projections are trained alone: each cell within a person's box predicts,
  through the table, every attribute of that person (`train_backbone`); normalisation is then
  frozen, as the library has it. Encoder and decoder start close to passing this on unchanged.
- A word is drawn to the table's vector of the value that it states ("red" in "red coat"), so that
  its product with a box is that value's logit; boxes go on predicting the attributes.
- A token's target at a person is whether that word is true of the person, not the whole phrase;
  words that state nothing ("the") are as true as the phrase.
- A person is one target, matched to one query; proposals learn from the cells in the middle of
  each box, since the loss of ``transformers`` gives them no gradient.
- A ranking term per phrase over boxes and per box over phrases (InfoNCE), since inference asks
  which box a phrase describes.

An interrupted run resumes when started again with the same options: rendered scenes, the state of
every 100th update and the trained backbone lie beside each other. A finished run leaves only the
backbone, which later runs with the same options use. The checkpoint's folder changes only when its
training is done.
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

from grounding_training.backbone import backbone_state_path, train_backbone
from grounding_training.batches import Batch, TrainingBatches
from grounding_training.losses import detection_loss
from grounding_training.model import (
    SIZE,
    make_model,
    make_processor,
    add_queries,
    use_fast_attention,
    save_checkpoint,
)
from grounding_training.phrases import CLASSES, VISIBLE
from grounding_training.scenes import Scene, load_scenes, render_scenes
from rhas.base.pretrained import load_pretrained_model
from rhas.config.ground import GroundConfig, Policy
from rhas.base.program import run_script
from rhas.ground.huggingface import TransformersGrounder, load_checkpoint
from training.averaging import WeightAverage
from training.checkpoint import new_checkpoint
from training.state import load_result, save_state
from training.trainer import Trainer
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor
from transformers.loss.loss_for_object_detection import box_iou

FOLDER = Path(__file__).resolve().parent / "grounding"
CACHE = Path(tempfile.gettempdir()) / "rhas_grounding_scenes"
HELD_OUT = 160  # of the cached scenes, the last ones
TABLE_STEPS = 60  # that fit the table of attributes to a model that is gone on from


def train(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: TrainingBatches,
    options: argparse.Namespace, processor: GroundingDinoProcessor, held_out: list[Scene],
) -> None:  # fmt: skip
    """Train the model and write the running average of its weights. The state to resume from lies
    beside the cached scenes."""
    optimiser = torch.optim.AdamW(
        [*model.parameters(), *table.parameters()], lr=options.rate, weight_decay=1e-4
    )

    def find_factor(done: int) -> float:
        update = done + 1
        return min(1.0, (update + 1) / 100, max(0.01, (options.steps - update) / options.decay))

    model.train()
    average = WeightAverage(model)
    model.model.backbone.to(memory_format=torch.channels_last)
    trainer = Trainer(
        {"model": model, "table": table}, optimiser,
        torch.optim.lr_scheduler.LambdaLR(optimiser, find_factor), options.steps,
        options.cache.with_suffix(".state.pt"), vars(options), device=options.device, clip=1.0,
        log_every=25, extras={"average": average},
    )  # fmt: skip
    for batch in batches.load_batches(
        trainer.number + 1, options.steps + 1, options.workers, options.device
    ):
        trainer.update(*detection_loss(model, table, batch))
        average.add_weights(trainer.number)
        trainer.save_if_due()
    with new_checkpoint(options.out) as folder:
        save_checkpoint(model, average.values, processor, folder)
    accuracy = measure_accuracy(options.out, held_out, options.device)
    print(f"held-out scenes: {accuracy}", flush=True)
    trainer.path.unlink(missing_ok=True)


def fit_table(
    model: GroundingDinoForObjectDetection, table: nn.Linear, batches: Iterable[Batch]
) -> None:
    """Fit the table of attributes to a trained model, which stays as it is."""
    model.requires_grad_(False)
    optimiser = torch.optim.AdamW(table.parameters(), lr=0.01, weight_decay=0.0)
    for batch in batches:
        loss, _ = detection_loss(model, table, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.requires_grad_(True)


def measure_accuracy(folder: Path, scenes: Sequence[Scene], device: str) -> str:
    """The share of people whose reference's best box is right (IoU 0.5), by policy; chance."""
    kind = "cuda" if device.startswith("cuda") else "cpu"
    grounders = {
        p: TransformersGrounder(
            str(folder), GroundConfig(policy=p, top_k=1, min_score=0.0, device=kind)
        )
        for p in get_args(Policy)
    }
    load_checkpoint.cache_clear()
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
            found = grounder.find_boxes([frame], [p.reference for p in seen])[0]
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
    trained = None if options.start else load_backbone(options)
    torch.manual_seed(options.seed)
    processor = make_processor()
    torch.set_num_threads(options.threads)
    render_scenes(options.cache, options.seed, options.scenes, SIZE, os.cpu_count() or 1)
    scenes = load_scenes(options.cache)
    scenes, held_out = scenes[:-HELD_OUT], scenes[-HELD_OUT:]
    model = make_model(len(processor.tokenizer)).to(options.device)
    use_fast_attention(model)
    table = nn.Linear(model.config.d_model, len(CLASSES), bias=False).to(options.device)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} million parameters", flush=True)
    batches = TrainingBatches(scenes, processor, options.batch, options.seed)
    if options.start:
        weights = load_pretrained_model(
            GroundingDinoForObjectDetection, options.start, "no checkpoint", "check --start", None
        ).model
        model.load_state_dict(add_queries(weights.state_dict(), model.config.num_queries))
        if options.steps:
            first = options.steps + 1
            steps = batches.load_batches(first, first + TABLE_STEPS, 0, options.device)
            fit_table(model, table, steps)
        else:
            with new_checkpoint(options.out) as folder:
                save_checkpoint(model, model.state_dict(), processor, folder)
            return
    elif trained:
        print(f"backbone from {backbone_path(options)}; delete it to learn it again", flush=True)
        model.load_state_dict(trained["model"])
        table.load_state_dict(trained["table"])
    else:
        pictures = TrainingBatches(scenes, processor, options.batch, options.seed, prompted=False)
        learn_backbone(model, table, pictures, options)
    train(model, table, batches, options, processor, held_out)


def load_backbone(options: argparse.Namespace) -> dict[str, Any] | None:
    """State of model and table after an earlier run's `learn_backbone`, or None.

    Raises:
        RhasError: it was learned with other options.
    """
    return load_result(backbone_path(options), backbone_options(options), options.device)


def learn_backbone(
    model: GroundingDinoForObjectDetection, table: nn.Linear, pictures: TrainingBatches,
    options: argparse.Namespace,
) -> None:  # fmt: skip
    """Train backbone and table, and write them beside the cached scenes."""
    train_backbone(model, table, pictures, options, 2e-3)
    learned = {"model": model.state_dict(), "table": table.state_dict()}
    save_state(backbone_path(options), backbone_options(options), **learned)
    backbone_state_path(options).unlink(missing_ok=True)


def backbone_path(options: argparse.Namespace) -> Path:
    """Where the trained backbone lies."""
    cache: Path = options.cache
    return cache.with_suffix(".backbone.pt")


def backbone_options(options: argparse.Namespace) -> dict[str, object]:
    """What the trained backbone depends on."""
    names = ("scenes", "backbone_steps", "batch", "seed", "device", "threads")
    return {name: getattr(options, name) for name in names}


if __name__ == "__main__":
    run_script(main)
