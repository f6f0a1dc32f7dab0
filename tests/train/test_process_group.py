"""Accumulation, and processes under torchrun: the same losses as one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import train_child
from methods.toy import toy_samples
from safetensors.torch import load_file

from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.methods import Dims, build_method
from rhas.train import MODEL, make_batch, method_config
from rhas.train.process_group import ProcessGroup
from rhas.train.run import TrainingRun
from rhas.train.samples import CachedSamples

RUN = {
    "epochs": 3,
    "batch_size": 1,
    "accumulate": 4,
    "validate_every": 1,
    "learning_rate": 1e-4,  # AdamW makes rounding of small gradients as large as its steps
}


def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    """Five samples: the last step of an epoch leaves the second process without a batch."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    train_child.train(str(alone), RUN)
    script = Path(train_child.__file__)
    shared.mkdir()
    done = subprocess.run(
        [sys.executable, str(script), str(shared), json.dumps({**RUN, "processes": 2})],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, two = (json.loads((folder / "curve.json").read_text()) for folder in (alone, shared))
    assert len(one) == len(two) == RUN["epochs"] + 1
    for own, other in zip(one, two, strict=True):
        assert own == pytest.approx(other, rel=1e-5)
    weights = [load_file(folder / MODEL) for folder in (alone, shared)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-3, atol=1e-4)


def run_of(samples: list, **changes: object) -> TrainingRun:
    fields = {
        "overrides": {"hopadiff": {**train_child.TINY, "decoder_dropout": 0.0}},
        "threads": 1,
        **changes,
    }
    config = TrainConfig(method="hopadiff", seed=1, **fields)  # type: ignore[arg-type]
    group = ProcessGroup(0, 1, "cpu")
    run = TrainingRun(CachedSamples(samples, 1.0), CachedSamples([], 1.0), config, group)
    run.start(None)
    return run


def test_accumulated_gradients_are_means_over_real_frames() -> None:
    """The step's gradient is that of its batches, each weighed by its real frames."""
    samples = toy_samples(3, L=48, seed=4)
    run = run_of(samples, batch_size=2, accumulate=2)
    dims = Dims(D=24, D_text=8, C=137, L=48)
    method = build_method("hopadiff", method_config(run.config), dims)
    method.load_state_dict(run.method.state_dict())
    method.train()
    weights, gradients, losses = [], [], []
    for place, numbers in enumerate(([0, 1], [2])):
        method.zero_grad()
        batch = make_batch(samples, numbers)
        torch.manual_seed(run._batch_seed(place))
        loss = torch.stack(list(method.compute_losses(batch).values())).sum()
        loss.backward()
        losses.append(float(loss.detach()))
        weights.append(int(batch["mask"].sum()))
        gradients.append([p.grad.clone() for p in method.parameters() if p.grad is not None])
    figures = run._update([0, 1, 2])
    share = [w / sum(weights) for w in weights]
    assert figures["loss"] == pytest.approx(sum(s * x for s, x in zip(share, losses, strict=True)))
    expected = [share[0] * a + share[1] * b for a, b in zip(*gradients, strict=True)]
    norm = torch.stack([g.square().sum() for g in expected]).sum().sqrt()
    assert figures["gradient_norm"] == pytest.approx(float(norm), rel=1e-4)
    clipped = min(1.0, run.config.clip / float(norm))
    found = [p.grad for p in run.method.parameters() if p.grad is not None]
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other * clipped, rtol=1e-3, atol=1e-6)


def test_processes_must_share_the_batches_evenly() -> None:
    with pytest.raises(RhasError, match=r"train.processes(.|\n)*divisor of accumulate, 4"):
        TrainConfig(method="hopadiff", seed=0, accumulate=4, processes=3)
