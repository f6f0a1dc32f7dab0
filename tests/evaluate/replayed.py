"""Two persons of a val and a test movie, methods of known worth, and their evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from factory import write_features
from torch import Tensor

import rhas.evaluate.evaluation
from rhas.base.classes import CLASS_ID, CLASSES
from rhas.chunk import Samples, make_labels, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.evaluate import EvaluateConfig, ReadoutConfig
from rhas.data.annotations import TimedAction
from rhas.evaluate.evaluation import evaluate_method
from rhas.evaluate.fitted import Provenance
from rhas.stores.features import Features
from rhas.stores.manifest import Film

FPS, L, FRAMES, C = 10.0, 100, 250, len(CLASSES)
CODED = [CLASS_ID[name] for name in ("walking", "waving", "sitting", "hugging")]
WALK, WAVE, SIT, HUG = CODED
POWER = torch.ones(C).index_fill(0, torch.tensor([c for c in range(C) if c not in CODED]), 8)
FIGURES = {
    "acc", "edit", "f1_10", "f1_25", "f1_50", "map",
    "interval_f1_10", "interval_f1_25", "interval_f1_50", "label_set_iou",
}  # fmt: skip
TWO_PERSONS = {"v": ("the woman in the red coat", "the man"), "t": ("the boy", "the girl")}
REPLAYED = [
    ("walking", 0.0, 12.0), ("waving", 5.0, 8.0), ("sitting", 14.0, 20.0), ("walking", 22.0, 25.0)
]  # fmt: skip


class Seer:
    """Reads the truth from the features that ``samples`` hides it in; speaks up in the padding."""

    def compute_scores(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        assert set(batch) == {"holistic", "partial", "present", "mask", "text"}
        scores = torch.zeros(*batch["mask"].shape, C)
        scores[..., CODED] = batch["holistic"]
        scores[~batch["mask"]] = 0.9
        return scores


class Constant:
    def compute_scores(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        scores = torch.zeros(*batch["mask"].shape, C)
        scores[..., WALK] = 0.8
        return scores


class Dice:
    """Scores from the generator alone; low ones for the classes not in CODED."""

    def compute_scores(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        return torch.rand(*batch["mask"].shape, C, generator=generator) ** POWER


def samples(
    folder: Path,
    *,
    val: list[tuple[str, float, float]] | None = None,
    test: list[tuple[str, float, float]] | None = None,
    found: bool = True,
) -> Path:
    """Two persons of 250 frames in a val and a test movie, three windows each; the features of
    frame t are the labels of CODED, so that a method can know the truth."""
    actions = {"v": REPLAYED if val is None else val, "t": REPLAYED if test is None else test}
    films = [
        Film(movie, f"{movie}.mp4", "", TWO_PERSONS[movie], {"v": "val", "t": "test"}[movie])
        for movie, listed in actions.items()
        if listed
    ]
    rows = []
    for film in films:
        persons = []
        for person in range(len(film.references)):
            own = [TimedAction(film.movie, person, *action) for action in actions[film.movie]]
            frames = [(CLASS_ID[r.action], int(r.start_s * FPS), int(r.end_s * FPS)) for r in own]
            coded = make_labels(frames, 0, FRAMES)[:, CODED].astype(np.float16)
            present = (np.arange(FRAMES) % 100 >= 10) & found
            persons.append(Features(coded, coded, present, np.ones(3, np.float32)))
            rows += own
        path = folder / "features" / f"{film.movie}.zarr"
        write_features(path, persons, film.references, fps=FPS)
    config = ChunkConfig(
        fps=FPS, frame_len=L, split="cross_movie", seed=0, fractions=(0.8, 0.1, 0.1),
        min_frames=20, boundary_sigma=2.0,
    )  # fmt: skip
    (folder / "samples").mkdir()
    write_samples(films, rows, folder / "features", config, folder / "samples")
    return folder / "samples"


ORIGIN = Provenance("0" * 64, "blip2", "1" * 64, FPS)


def evaluated(
    method: rhas.evaluate.scoring.Method,
    folder: Path,
    out: Path,
    *,
    readout: ReadoutConfig | None = None,
    further: Sequence[Callable[[Path], None]] = (),
) -> dict:
    test = Samples(folder, "test")
    evaluate_method(
        method,
        Samples(folder, "val"),
        test,
        EvaluateConfig(seed=0, readout=readout or ReadoutConfig()),
        names=CLASSES,
        fps=FPS,
        references=test.info.references,
        out=out,
        origin=ORIGIN,
        further=further,
    )
    return read(out / "evaluation.json")


def read(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))
