"""A run whose films and references try to break the page, evaluated, with its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from factory import write_features as write_feature_store
from PIL import Image
from torch import Tensor

from rhas.base.classes import CLASS_ID, CLASSES
from rhas.chunk import Samples, make_labels, write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.evaluate import EvaluateConfig
from rhas.data.annotations import TimedAction
from rhas.evaluate.evaluation import evaluate_method
from rhas.evaluate.features import write_features
from rhas.evaluate.fitted import Provenance as Fitted
from rhas.evaluate.grounding import write_grounding
from rhas.report.inputs import RunInputs
from rhas.report.run import write_report
from rhas.stores.dataset import DatasetPaths
from rhas.stores.features import Features
from rhas.stores.manifest import Film, Manifest

FPS, FRAMES, L = 10.0, 200, 100
EVIL = "<img src=x onerror=alert(1)> \"film\" 'ä' 映画"
REFERENCES = (
    '</bdi></script><script>alert(2)</script> die Frau & "der" Mann',
    "الرجل ذو القبعة",
    "a man whose reference is " + "very " * 60 + "long",
    "somebody who does nothing",
)
ACTIONS = ("walking", "waving", "sitting", "hugging")
FILMS = {"learnt": "train", "chosen": "val", EVIL: "test"}
SETTINGS: dict[str, Any] = {
    "dataset": "own", "split": "cross_movie", "fps": FPS, "frame_len": L, "vlm": "blip2",
    "method": "linear", "seed": 0, "ground": {"backend": "transformers", "top_k": 5},
    "train": {"preset": "mini", "overrides": {"linear": {"inputs": "<both>"}}, "compile": False},
}  # fmt: skip


class Blurred:
    """Knows the truth of the features, and doubts it."""

    def compute_scores(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        scores = 0.1 * torch.rand(*batch["mask"].shape, len(CLASSES), generator=generator)
        known = batch["holistic"] * batch["present"][..., None]
        scores[..., [CLASS_ID[action] for action in ACTIONS]] += 0.8 * known
        return scores


def write_run(root: Path) -> RunInputs:
    """The files of the stages before evaluate, in ``root/data``, without films and boxes."""
    data = root / "data"
    stores = DatasetPaths(data / "raw", data / "frames", data / "boxes", data / "tracks")
    for folder in (stores.raw, stores.frames, stores.tracks, data / "features", data / "samples"):
        folder.mkdir(parents=True)
    films = [Film(m, f"films/{m}.mp4", "0" * 64, REFERENCES, side) for m, side in FILMS.items()]
    Manifest("own", tuple(films)).write(stores.raw)
    rows = [
        TimedAction(film.movie, person, action, 1.0 + person + 4 * n, 6.0 + 4 * n)
        for film in films
        for person in range(3)
        for n, action in enumerate(ACTIONS[: 4 - person])
    ]
    rows.append(TimedAction(EVIL, 3, "yawning", 100, 101))  # outside the film: nothing is left
    reports: dict[str, Any] = {}
    for film in films:
        stored, persons, missing = [], [], []
        for person in range(len(REFERENCES)):
            own = [r for r in rows if (r.movie, r.person) == (film.movie, person)]
            times = [(CLASS_ID[r.action], int(r.start_s * FPS), int(r.end_s * FPS)) for r in own]
            coded = make_labels(times, 0, FRAMES)[:, [CLASS_ID[a] for a in ACTIONS]]
            present = np.arange(FRAMES) % 20 >= 4 * person
            half = coded.astype(np.float16)
            stored.append(Features(half, half, present, np.ones(3, np.float32)))
            missing.append(int((~present).sum()))
            persons.append({"person": person, "detected": FRAMES - missing[-1] - 20,
                            "interpolated": 20, "missing": missing[-1]})  # fmt: skip
        write_feature_store(
            data / "features" / f"{film.movie}.zarr", stored, REFERENCES, fps=FPS,
            checkpoint="weights/<blip2>", checkpoint_hash="ab",
        )  # fmt: skip
        reports[film.movie] = {
            "features": {"frames": FRAMES, "persons": 4, "missing": missing,
                         "dropped_text_tokens": [0, 0, 7, 0]},
            "tracks": {"frames": FRAMES, "persons": persons},
            "frames": {"frames": FRAMES, "lost_frames": 3 if film.movie == EVIL else 0},
        }  # fmt: skip
    for folder in ("features", "tracks", "frames"):
        own_report = {movie: report[folder] for movie, report in reports.items()}
        (data / folder / "report.json").write_text(json.dumps(own_report))
    config = ChunkConfig(
        fps=FPS,
        frame_len=L,
        split="cross_movie",
        seed=0,
        fractions=(0.8, 0.1, 0.1),
        min_frames=20,
        boundary_sigma=2.0,
    )
    write_samples(films, rows, data / "features", config, data / "samples")
    model = root / "models" / "linear"
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps(
        {"method": "linear", "config": {"inputs": "both"}, "versions": {"torch": "1"}}
    ))  # fmt: skip
    (root / "dvc.lock").write_text(
        "stages:\n  train:\n    outs:\n    - {path: models/linear, md5: abc.dir}\n"
        "  evaluate:\n    outs:\n    - {path: results/metrics.json, md5: of_last_time}\n"
    )
    return RunInputs(stores, data / "samples", model, SETTINGS, root / "dvc.lock")


def evaluate(origin: RunInputs, out: Path) -> None:
    """As the stage does."""
    train, val, test = (Samples(origin.samples, side) for side in ("train", "val", "test"))
    config = EvaluateConfig(seed=0)
    evaluate_method(
        Blurred(), val, test, config, names=CLASSES, fps=FPS,
        references=test.info.references, out=out,
        origin=Fitted("0" * 64, "toy", "0" * 64, FPS),
        further=[
            partial(write_grounding, origin.stores),
            partial(write_features, train, test, config.probe),
            write_sheet,
            partial(write_report, origin),
        ],
    )  # fmt: skip


def write_sheet(folder: Path) -> None:
    """A contact sheet of noise: too heavy to be taken as it is."""
    (folder / "contact_sheets").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1920, 3), np.uint8)
    Image.fromarray(noise).save(folder / "contact_sheets" / f"{EVIL}.jpg", quality=95)
