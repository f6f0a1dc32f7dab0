"""A training run in a process of its own, for tests that kill it or start several.

    python tests/train_child.py FOLDER JSON

trains on toy samples into FOLDER with the fields of TrainConfig in JSON, and writes the report to
FOLDER/report.json.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from methods.toy import toy_samples

from rhas.config.train import TrainConfig
from rhas.train import fit, process_group

TINY = {
    "encoder_layers": 1,
    "encoder_maps": 8,
    "feature_layers": [0],
    "decoder_layers": 1,
    "decoder_maps": 8,
    "time_width": 8,
    "spectrum_width": 4,
    "sampling_steps": 2,
}


class Curve:
    """Keeps the figures of every epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = [{}]

    def log_metric(self, name: str, val: float) -> None:
        self.epochs[-1][name] = val

    def next_step(self) -> None:
        self.epochs.append({})


def train(folder: str, fields: dict[str, Any], die_at: int = 0, torn: bool = False) -> None:
    """A run that restarts from the checkpoint in the folder, if there is one.

    It kills itself with its ``die_at``-th checkpoint: ``torn`` between writing it and renaming it,
    else right after.
    """
    if die_at:
        os.replace = _deadly(os.replace, die_at, torn)
    torch.set_num_threads(1)
    config = TrainConfig(
        **{
            "method": "hopadiff",
            "seed": 1,
            "overrides": {"hopadiff": TINY},
            "threads": 1,
            "warmup": 2,
            **fields,
        }
    )
    samples = [toy_samples(count, L=48, seed=seed) for count, seed in ((5, 1), (2, 2))]
    out, curve = Path(folder), Curve()
    fit(*samples, config, out=out, resume=out, live=curve, progress=lambda *_: None)
    if process_group.process_rank() == 0:
        (out / "curve.json").write_text(json.dumps(curve.epochs))


def _deadly(replace: Callable[..., None], die_at: int, torn: bool) -> Callable[..., None]:
    calls = 0

    def replaced(*paths: Any) -> None:
        nonlocal calls
        calls += 1
        if calls < die_at or not torn:
            replace(*paths)
        if calls == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    return replaced


if __name__ == "__main__":
    wanted = json.loads(sys.argv[2])
    if wanted.get("processes", 1) > 1 and not process_group.under_torchrun():
        process_group.launch_torchrun(wanted["processes"])
    train(sys.argv[1], wanted)
    sys.stdout.flush()
    os._exit(0)
