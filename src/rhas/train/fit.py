"""Training of any method: AdamW, averaged weights, learning curves, restart where a run was killed.

The result depends on the samples, the configuration and the number of threads, on nothing else; a
resumed run equals an uninterrupted one bit for bit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from rhas.base.errors import RhasError
from rhas.base.threads import torch_threads
from rhas.config.train import TrainConfig
from rhas.train.run import CHECKPOINT, Figures, Run
from rhas.train.samples import Held, SampleSet
from rhas.train.saved import save_method
from rhas.train.team import team

_LOG_SECONDS = 20.0


class Curves(Protocol):
    """Where learning curves go: a ``dvclive.Live``."""

    def log_metric(self, name: str, val: float) -> Any: ...
    def next_step(self) -> Any: ...


def fit(
    train: SampleSet,
    val: SampleSet,
    config: TrainConfig,
    *,
    out: Path,
    resume: Path | None = None,
    live: Curves | None = None,
    progress: Callable[[int, int, Figures], None] | None = None,
) -> dict[str, Any]:
    """Trains a method and writes ``model.safetensors`` and ``config.json`` into ``out``.

    Started by torchrun, its processes share the work; the first alone writes and shows progress.

    Args:
        train: at least one sample.
        val: may be empty; then there are no val curves.
        out: a folder.
        resume: a folder for the checkpoint to restart from. One that another configuration,
            other samples or other code left there is not used. It is removed at the end.
        live: takes the curves, one step per epoch: ``train/loss``, each term of the loss,
            ``train/gradient_norm``, ``train/learning_rate``, ``train/samples_per_second``, and at
            validations of the averaged weights ``val/loss`` and the clean metrics, ``val/map``
            and so on, labels being those above 1/2.
        progress: called after each epoch with its number from 1, their count, and its figures;
            the default prints a line now and then.

    Returns:
        A report: method, sizes, steps, and the last figures.

    Raises:
        RhasError: no training sample, samples of different sizes, a loss that is not finite, early
            stopping without a label in ``val``.
    """
    if len(train) == 0:
        raise RhasError(
            "no training sample",
            where="data/samples/index.csv",
            do="add films, or change `split` or `chunk.fractions`",
        )
    with torch_threads(config.threads), torch.random.fork_rng(), team(config.device) as mates:
        leads = mates.rank == 0
        progress = progress or (_Log() if leads else _silent)
        held = Held(val, config.memory_gb)
        if config.patience:
            _check_labels(held)
        run = Run(Held(train, config.memory_gb), held, config, mates)
        checkpoint = resume / CHECKPOINT if resume else None
        found = run.restore(checkpoint) if checkpoint else ""
        if found and leads:
            _tell(found)
        if run.step == 0:
            run.start()
        for figures in run.curves:
            _log(live, figures)
        save = _Saver(run, checkpoint if leads else None, config.save_minutes)
        while not run.finished:
            figures = run.next_epoch(save)
            _log(live, figures)
            progress(run.epoch, config.epochs, figures)
        kept = run.end()
        report = run.report()
        if leads:
            settled = kept.settle(run.val)
            save_method(kept, config, run.dims, out)
            if checkpoint:
                checkpoint.unlink(missing_ok=True)
            report |= {"settled": settled} if settled else {}
        return report


def _check_labels(val: Held) -> None:
    if not any((sample["labels"][sample["mask"]] > 0).any() for sample in val):
        raise RhasError(
            "early stopping needs validation samples with labels",
            where="params.yaml, train.patience",
            got=f"{len(val)} samples, none with a label",
            do="set train.patience to 0, or add annotated films to the validation side",
        )


class _Saver:
    """Called after each step; writes the checkpoint when enough time has gone by."""

    def __init__(self, run: Run, path: Path | None, minutes: float) -> None:
        self._run, self._path, self._seconds = run, path, 60 * minutes
        self._saved = time.monotonic()

    def __call__(self) -> None:
        if self._path and time.monotonic() - self._saved >= self._seconds:
            self._run.save(self._path)
            self._saved = time.monotonic()


class _Log:
    """A line on stderr for the first epoch, the last, and now and then between."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()
        self._first = 0

    def __call__(self, epoch: int, epochs: int, figures: Figures) -> None:
        now = time.monotonic()
        first = not self._first
        self._first = self._first or epoch
        if first or epoch == epochs or now - self._shown >= _LOG_SECONDS:
            self._shown = now
            left = (now - self._began) / (epoch - self._first + 1) * (epochs - epoch)
            shown = ", ".join(
                f"{name} {figures[name]:.4g}"
                for name in ("train/loss", "val/loss", "val/map")
                if name in figures
            )
            _tell(f"epoch {epoch} of {epochs}, {shown}, {left:.0f} s left")


def _silent(epoch: int, epochs: int, figures: Figures) -> None:
    pass


def _tell(line: str) -> None:
    print(f"train: {line}", file=sys.stderr, flush=True)


def _log(live: Curves | None, figures: Figures) -> None:
    if live is not None:
        for name, value in figures.items():
            live.log_metric(name, value)
        live.next_step()
