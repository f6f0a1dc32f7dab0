"""A training run: its state, its updates, and its validations.

An update is one optimizer step, on ``accumulate`` batches. Each batch draws its random numbers from
a seed of its own, made of the run's seed, the epoch, the update and the batch's place in it. So
neither a restart nor the number of processes that share the batches changes what is drawn.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.engine.code import code_hash
from rhas.methods import (
    Batch,
    ClassText,
    Method,
    build_method,
    config_values,
    reads_text,
)
from rhas.metrics.segmentation import Prediction, evaluate_predictions
from rhas.metrics.segments import BACKGROUND
from rhas.train.checkpoint import Checkpoint, Fingerprint, result_fields
from rhas.train.config import method_config
from rhas.train.process_group import ProcessGroup
from rhas.train.records import EpochValues, RunProgress, TrainReport
from rhas.train.samples import CachedSamples, infer_dims, make_batch


class TrainingRun:
    """The state of a training run; all of it is in the checkpoint or follows from the inputs.

    ``averaged`` are the weights that are retained; with ``patience`` those of the best validation,
    once the run has ended.
    """

    def __init__(
        self, train: CachedSamples, val: CachedSamples, config: TrainConfig, group: ProcessGroup
    ) -> None:
        self.train, self.val, self.config, self.group = train, val, config, group
        self.dims = infer_dims(train[0])
        torch.manual_seed(config.seed)
        built = build_method(config.method, method_config(config), self.dims)
        self.method = built.to(group.device)
        matrices = [p for p in self.method.parameters() if p.ndim > 1]
        others = [p for p in self.method.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            fused=True,
        )
        self.averaged = copy.deepcopy(self.method).requires_grad_(False)
        if config.compile:
            self.method.compile_losses()
        self.best: dict[str, Tensor] = {}
        self.progress = RunProgress()
        self.samples_per_second: float | None = None
        self.updates_per_epoch = math.ceil(len(train) / (config.batch_size * config.accumulate))

    def start(self, text: ClassText | None) -> None:
        """Gives the method sentences about the classes, if it reads them, and takes statistics of
        the training samples, before the first update.

        A method without a parameter that takes a gradient is fitted by then; it is validated here.

        Raises:
            RhasError: the method reads sentences, and there are none.
        """
        if reads_text(self.config.method):
            if text is None:
                raise RhasError(
                    "the method needs sentences about the classes",
                    where=f"method {self.config.method}",
                    do="run it in the pipeline, or by `rhas segment --actions`",
                )
            self.method.fit_text(text)
        self.method.fit_statistics(self.train)
        self.averaged.load_state_dict(self.method.state_dict())
        if not self._has_updates and len(self.val):
            self.progress.curves.append(self._validate())

    @property
    def _has_updates(self) -> bool:
        return any(p.requires_grad for p in self.method.parameters())

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or validations have stopped getting better."""
        if self.progress.epoch == self.config.epochs or not self._has_updates:
            return True
        return 0 < self.config.patience <= self.progress.count_waiting(self._monitored)

    def run_epoch(self, after_update: Callable[[], None]) -> EpochValues:
        """The rest of the current epoch, and a validation where one is due.

        Its speed is no part of the values: two equal runs have equal values.
        """
        config, progress = self.config, self.progress
        torch.manual_seed(_derive_seed(config.seed, progress.epoch))
        order = torch.randperm(len(self.train)).split(config.batch_size * config.accumulate)
        self.method.train()
        began, done = time.monotonic(), 0
        for numbers in order[progress.update - progress.epoch * self.updates_per_epoch :]:
            values = self._update(numbers.tolist())
            done += len(numbers)
            for name, value in values.items():
                progress.sums[name] = progress.sums.get(name, 0.0) + value * len(numbers)
            after_update()
        took = time.monotonic() - began
        means = {f"train/{name}": total / len(self.train) for name, total in progress.sums.items()}
        means["train/learning_rate"] = self._learning_rate(progress.update - 1)
        self.samples_per_second = done / took if done else None
        progress.epoch += 1
        progress.sums = {}
        due = progress.epoch % config.validate_every == 0 or progress.epoch == config.epochs
        if due and len(self.val):
            means |= self._validate()
        progress.curves.append(means)
        self._retain_best(means)
        return means

    def _update(self, numbers: list[int]) -> EpochValues:
        """One optimizer step on these samples; means of the losses over their real frames."""
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = self._learning_rate(self.progress.update)
        self.optimizer.zero_grad()
        size = self.config.batch_size
        batches = [numbers[first : first + size] for first in range(0, len(numbers), size)]
        weighted: dict[str, float] = {}
        weight = 0.0
        for place in range(self.group.rank, len(batches), self.group.size):
            share, terms = self._add_gradient(batches[place], place)
            weight += share
            for name, value in terms.items():
                weighted[name] = weighted.get(name, 0.0) + share * value
        weight, weighted = self._sum_over_processes(weight, weighted)
        norm = torch.nn.utils.clip_grad_norm_(self._mean_gradients(weight), self.config.clip)
        if not norm.isfinite():
            raise self._describe_divergence("the gradient is not finite", numbers, {})
        self.optimizer.step()
        self.progress.update += 1
        self._average_weights()
        terms = {name: value / max(weight, 1e-12) for name, value in weighted.items()}
        return {"loss": sum(terms.values()), **terms, "gradient_norm": float(norm)}

    @torch.no_grad()
    def _average_weights(self) -> None:
        update, ema = self.progress.update, self.config.ema
        decay = min(ema, update / (9 + update)) if ema else 0.0
        means, new = list(self.averaged.parameters()), list(self.method.parameters())
        get_ema_multi_avg_fn(decay)(means, new, update)

    def _add_gradient(self, numbers: list[int], place: int) -> tuple[float, EpochValues]:
        """Adds a batch's gradient, times its share of real frames; that share and the terms."""
        batch = make_batch(self.train, numbers)
        terms = self._compute_losses(self.method, batch, self._batch_seed(place))
        loss = torch.stack(list(terms.values())).sum()
        if not loss.isfinite():
            raise self._describe_divergence("the loss is not finite", numbers, terms)
        share = float(batch["mask"].sum()) / (self.config.batch_size * self.dims.L)
        (loss * share).backward()
        return share, {name: float(term.detach()) for name, term in terms.items()}

    def _batch_seed(self, place: int) -> int:
        return _derive_seed(self.config.seed, self.progress.epoch, self.progress.update, place)

    def _compute_losses(self, method: Method, batch: Batch, seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed)
        with self._autocast():
            return method.compute_losses(batch)

    def _autocast(self) -> torch.autocast:
        enabled = self.config.precision == "bfloat16"
        return torch.autocast(self.config.device, torch.bfloat16, enabled=enabled)

    def _sum_over_processes(
        self, weight: float, weighted: EpochValues
    ) -> tuple[float, EpochValues]:
        """Sums over the processes; one without a batch has no names."""
        if self.group.size == 1:
            return weight, weighted
        total: EpochValues = {}
        gathered = self.group.gather_values((weight, weighted))
        for _, values in gathered:
            for name, value in values.items():
                total[name] = total.get(name, 0.0) + value
        return sum(part for part, _ in gathered), total

    def _mean_gradients(self, weight: float) -> list[nn.Parameter]:
        """The parameters, with gradients that are means over all processes' batches."""
        parameters = list(self.method.parameters())
        if self.group.size > 1:
            for p in parameters:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
            self.group.sum_tensors([p.grad for p in parameters if p.grad is not None])
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(max(weight, 1e-12))
        return parameters

    def _describe_divergence(
        self, what: str, numbers: list[int], terms: Mapping[str, Tensor]
    ) -> RhasError:
        """The error that names the samples whose own loss is not finite."""
        single = {}
        with torch.no_grad():
            for number in numbers:
                batch = make_batch(self.train, [number])
                losses = self._compute_losses(self.method, batch, self.config.seed)
                single[number] = float(sum(losses.values()))
        describe = self.train.describe_sample
        bad = [describe(number) for number, loss in single.items() if not np.isfinite(loss)]
        every = [describe(number) for number in numbers]
        some = 0 < len(bad) < len(every)
        samples = f"sample {', '.join(bad)}" if some else f"all of the samples {', '.join(every)}"
        epoch, update = self.progress.epoch + 1, self.progress.update + 1
        return RhasError(
            f"{what}, training diverged",
            where=f"epoch {epoch}, update {update}, {samples}",
            got=", ".join(f"{name} {float(t.detach()):.3g}" for name, t in terms.items()),
            do="look at that sample's features: `rhas features`"
            if some
            else "lower train.learning_rate or train.clip",
        )

    def _learning_rate(self, update: int) -> float:
        config = self.config
        if update < config.warmup:
            return config.learning_rate * (update + 1) / (config.warmup + 1)
        if config.schedule == "constant":
            return config.learning_rate
        last = config.epochs * self.updates_per_epoch
        done = (update - config.warmup) / max(last - config.warmup, 1)
        return config.learning_rate * (1 + math.cos(math.pi * done)) / 2

    @property
    def _monitored(self) -> str:
        return f"val/{self.config.monitor}"

    @torch.no_grad()
    def _validate(self) -> EpochValues:
        """Loss and metrics of the averaged weights, the same noise in every validation."""
        self.averaged.eval()
        rows = []
        for number in range(self.group.rank, len(self.val), self.group.size):
            batch = make_batch(self.val, [number])
            seed = self.config.seed + number
            loss = float(sum(self._compute_losses(self.averaged, batch, seed).values()))
            generator = torch.Generator().manual_seed(seed)
            with self._autocast():
                scores = self.averaged.compute_scores(batch, generator)[0].float().cpu()
            mask = batch["mask"][0]
            truth = batch["labels"][0][mask].numpy() > 0
            rows.append((number, loss, truth, scores[mask].numpy()))
        gathered = sorted(
            (row for part in self.group.gather_values(rows) for row in part), key=_first
        )
        losses = [loss for _, loss, _, _ in gathered]
        truths = [truth for _, _, truth, _ in gathered]
        predictions = [_threshold_scores(scores) for _, _, _, scores in gathered]
        metrics = asdict(evaluate_predictions(truths, predictions).metrics)
        finite = {f"val/{name}": value for name, value in metrics.items() if np.isfinite(value)}
        return {"val/loss": sum(losses) / len(losses)} | finite

    def _retain_best(self, values: EpochValues) -> None:
        value = values.get(self._monitored)
        if self.config.patience and value is not None and value > self.progress.best_value:
            self.progress.best_epoch, self.progress.best_value = self.progress.epoch, value
            self.best = {k: v.clone() for k, v in self.averaged.state_dict().items()}

    def finish(self) -> Method:
        """The method with the weights that are retained."""
        if self.best:
            self.averaged.load_state_dict(self.best)
        return self.averaged

    @functools.cached_property
    def fingerprint(self) -> Fingerprint:
        """What a checkpoint must agree in to be continued."""
        config = result_fields(self.config)
        config |= {"method_config": config_values(self.method.config)}
        code = f"{code_hash(type(self))} {code_hash(type(self.method))} torch {torch.__version__}"
        return Fingerprint(
            configuration=hashlib.sha256(json.dumps(config).encode()).hexdigest(),
            samples=f"{self.train.hash_contents()} {self.val.hash_contents()}",
            code=code,
        )

    def save(self, path: Path) -> None:
        """Writes the checkpoint, all of it or nothing."""
        tensors = {f"method/{k}": v for k, v in self.method.state_dict().items()}
        tensors |= {f"averaged/{k}": v for k, v in self.averaged.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        for name, parameter in self.method.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer/{key}/{name}"] = value
        Checkpoint(self.fingerprint, self.progress, tensors).write(path)

    def restore(self, path: Path) -> str:
        """Continues from a checkpoint where there is one that fits.

        Returns:
            A message about it; empty where there is no checkpoint.
        """
        if not path.is_file():
            return ""
        checkpoint = Checkpoint.read(path)
        if checkpoint is None:
            return "the checkpoint is damaged, starting anew"
        changed = self.fingerprint.find_changes(checkpoint.fingerprint)
        if changed:
            return f"a checkpoint with other {' and '.join(changed)} is not used, starting anew"
        self.method.load_state_dict(checkpoint.select_part("method"))
        self.averaged.load_state_dict(checkpoint.select_part("averaged"))
        parameters = dict(self.method.named_parameters())
        for name, tensor in checkpoint.select_part("optimizer").items():
            key, _, parameter = name.partition("/")
            self.optimizer.state[parameters[parameter]][key] = tensor.to(self.group.device)
        best = checkpoint.select_part("best")
        self.best = {k: v.to(self.group.device) for k, v in best.items()}
        self.progress = checkpoint.progress
        update, epoch = self.progress.update, self.progress.epoch
        return f"continuing after update {update}, epoch {epoch} of {self.config.epochs}"

    def make_report(self, fusion: Mapping[str, float]) -> TrainReport:
        """What the run has done; ``fusion`` is what the method's ``fit_fusion`` returned."""
        progress = self.progress
        last: EpochValues = {}
        for values in progress.curves:
            last |= values
        best = {"epoch": progress.best_epoch, self._monitored: progress.best_value}
        return TrainReport(
            method=self.config.method,
            preset=self.config.preset,
            overrides=self.config.method_overrides,
            parameters=sum(p.numel() for p in self.method.parameters()),
            dims=self.dims,
            samples={"train": len(self.train), "val": len(self.val)},
            epochs=progress.epoch,
            updates=progress.update,
            last=last,
            best=best if self.best else {},
            fusion=fusion,
        )


def _derive_seed(*parts: int) -> int:
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _first(row: tuple[int, float, NDArray[np.bool_], NDArray[np.floating]]) -> int:
    return row[0]


def _threshold_scores(scores: NDArray[np.floating]) -> Prediction:
    """Label sets by the threshold that needs no fitting, 1/2."""
    active = scores > 0.5
    top = np.where(active.any(axis=1), scores.argmax(axis=1), BACKGROUND)
    return Prediction(scores, active, top)
