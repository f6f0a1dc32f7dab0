"""Training of any method: AdamW, averaged weights, learning curves, restart where a run was killed.

The result depends on the samples, the configuration and the number of threads, on nothing else; a
resumed run equals an uninterrupted one bit for bit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from rhas.base.errors import RhasError
from rhas.base.threads import torch_threads
from rhas.config.train import TrainConfig
from rhas.methods import ClassText
from rhas.train.checkpoint import CHECKPOINT
from rhas.train.process_group import join_process_group
from rhas.train.records import EpochValues, TrainReport
from rhas.train.run import TrainingRun
from rhas.train.samples import CachedSamples, SampleSet
from rhas.train.saved import save_method

_LOG_SECONDS = 20.0

ShowEpoch = Callable[[int, int, EpochValues], None]


class Curves(Protocol):
    """Where learning curves go: a ``dvclive.Live``."""

    def log_metric(self, name: str, val: float) -> Any: ...
    def next_step(self) -> Any: ...


def fit(
    train: SampleSet,
    val: SampleSet,
    config: TrainConfig,
    *,
    out: str | Path,
    text: ClassText | None = None,
    resume: str | Path | None = None,
    live: Curves | None = None,
    progress: ShowEpoch | None = None,
    classes: Sequence[str] | None = None,
) -> TrainReport:
    """Trains a method and writes ``model.safetensors`` and ``config.json`` into ``out``.

    Under torchrun the processes share the work; only the first writes and shows progress.

    Args:
        train: at least one sample; a list of dicts as ``rhas.make_sample`` returns, or
            ``rhas.chunk.Samples``. Keys and shapes: ``rhas.methods.Batch``, without B.
        val: may be empty; then there are no val curves.
        config: the method and how it is trained.
        out: a folder, for :func:`rhas.train.load_method`.
        text: sentences about the classes, for methods that read them.
        resume: a folder for the checkpoint to restart from. One of another configuration, other
            samples or other code is not used. It is removed at the end.
        live: gets the curves, one step per epoch: ``train/loss``, each term of the loss,
            ``train/gradient_norm``, ``train/learning_rate``, and at validations of the averaged
            weights ``val/loss`` and the clean metrics, ``val/map`` and so on, of the labels above
            1/2. Equal runs have equal curves: there is no time in them.
        progress: called after each epoch with its number from 1, the number of epochs, and the
            epoch's values; the default prints a line now and then. Among the values is the speed,
            ``train/samples_per_second``.
        classes: names of the C classes, which the model keeps.

    Returns:
        Sizes, updates, and the last values of every curve.

    Raises:
        RhasError: no training sample, samples of different sizes, a device that this machine
            lacks, a loss that is not finite, early stopping without a label in ``val``.
    """
    config.check_machine()
    if len(train) == 0:
        raise RhasError(
            "no training sample",
            where="data/samples/index.csv",
            do="add films, or change `split` or `chunk.fractions`",
        )
    resume = Path(resume) if resume else None
    with (
        torch_threads(config.threads),
        torch.random.fork_rng(),
        join_process_group(config.device) as group,
    ):
        leads = group.rank == 0
        progress = progress or (_EpochLog() if leads else _show_nothing)
        cached_val = CachedSamples(val, config.memory_gb)
        if config.patience:
            _check_labels(cached_val)
        run = TrainingRun(CachedSamples(train, config.memory_gb), cached_val, config, group)
        checkpoint = resume / CHECKPOINT if resume else None
        message = run.restore(checkpoint) if checkpoint else ""
        if message and leads:
            _print_line(message)
        if run.progress.update == 0:
            run.start(text)
        for values in run.progress.curves:
            _log_values(live, values)
        save = _Saver(run, checkpoint if leads else None, config.save_minutes)
        while not run.finished:
            values = run.run_epoch(save)
            _log_values(live, values)
            speed = run.samples_per_second
            shown = values if speed is None else {**values, "train/samples_per_second": speed}
            progress(run.progress.epoch, config.epochs, shown)
        method = run.finish()
        fusion: dict[str, float] = {}
        if leads:
            fusion = method.fit_fusion(run.val)
            save_method(method, config, run.dims, out, classes)
            if checkpoint:
                checkpoint.unlink(missing_ok=True)
        return run.make_report(fusion)


def _check_labels(val: CachedSamples) -> None:
    if not any((sample["labels"][sample["mask"]] > 0).any() for sample in val):
        raise RhasError(
            "early stopping needs validation samples with labels",
            where="params.yaml, train.patience",
            got=f"{len(val)} samples, none with a label",
            do="set train.patience to 0, or add annotated films to the validation subset",
        )


class _Saver:
    """Called after each update; writes the checkpoint when enough time has passed."""

    def __init__(self, run: TrainingRun, path: Path | None, minutes: float) -> None:
        self._run, self._path, self._seconds = run, path, 60 * minutes
        self._saved = time.monotonic()

    def __call__(self) -> None:
        if self._path and time.monotonic() - self._saved >= self._seconds:
            self._run.save(self._path)
            self._saved = time.monotonic()


class _EpochLog:
    """A line on stderr for the first epoch, the last, and now and then between."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()
        self._first = 0

    def __call__(self, epoch: int, epochs: int, values: EpochValues) -> None:
        now = time.monotonic()
        first = not self._first
        self._first = self._first or epoch
        if first or epoch == epochs or now - self._shown >= _LOG_SECONDS:
            self._shown = now
            left = (now - self._began) / (epoch - self._first + 1) * (epochs - epoch)
            shown = [
                f"{name} {values[name]:.4g}"
                for name in ("train/loss", "val/loss", "val/map")
                if name in values
            ]
            if (speed := values.get("train/samples_per_second")) is not None:
                shown.append(f"{speed:.3g} samples/s")
            _print_line(f"epoch {epoch} of {epochs}, {', '.join(shown)}, {left:.0f} s left")


def _show_nothing(epoch: int, epochs: int, values: EpochValues) -> None:
    pass


def _print_line(line: str) -> None:
    print(f"train: {line}", file=sys.stderr, flush=True)


def _log_values(live: Curves | None, values: EpochValues) -> None:
    if live is not None:
        for name, value in values.items():
            live.log_metric(name, value)
        live.next_step()
