"""A training run: its state, its steps, and the checkpoint that holds all of it.

A step is ``accumulate`` batches. Each draws its random numbers from a seed of its own, made of the
run's seed, the epoch, the step and the batch's place in it. So neither a restart nor the number of
processes that share the batches changes what is drawn.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.engine.workcache import code_hash
from rhas.methods import Method, build, plain_config
from rhas.metrics.segmentation import Prediction, evaluate_predictions
from rhas.metrics.segments import BACKGROUND
from rhas.train.config import method_config
from rhas.train.samples import Held, batch_of, dims_of
from rhas.train.team import Team

CHECKPOINT = "checkpoint.safetensors"
COST_ONLY = ("processes", "save_minutes", "memory_gb")  # fields that change no result

Figures = dict[str, float]


def run_key(config: TrainConfig, samples: Path) -> str:
    """Name of the run's place in the work cache, where its checkpoint is; runs that differ in
    configuration or in the files of the folder ``samples`` have different ones."""
    state = hashlib.sha256(json.dumps(_deciding(config), sort_keys=True).encode())
    for path in sorted(samples.iterdir()):
        state.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return state.hexdigest()[:32]


def _deciding(config: TrainConfig) -> dict[str, Any]:
    """The fields that the result depends on."""
    return {name: v for name, v in config.key_values().items() if name not in COST_ONLY}


class Run:
    """The state of a training run; all of it is in the checkpoint or follows from the inputs.

    ``averaged`` are the weights that are kept; with ``patience`` those of the best validation, once
    the run has ended.
    """

    def __init__(self, train: Held, val: Held, config: TrainConfig, team: Team) -> None:
        self.train, self.val, self.config, self.team = train, val, config, team
        self.dims = dims_of(train[0])
        torch.manual_seed(config.seed)
        self.method = build(
            config.method,
            method_config(config),
            **asdict(self.dims),
        ).to(team.device)
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
        self.best: dict[str, Tensor] = {}
        self.best_epoch, self.best_figure = 0, -math.inf
        self.epoch = self.step = 0  # epochs that are whole, steps of all epochs
        self.sums: Figures = {}  # of the epoch at work: figures times samples
        self.curves: list[Figures] = []
        self.steps_per_epoch = math.ceil(len(train) / (config.batch_size * config.accumulate))

    def start(self) -> None:
        """Statistics of the training samples, before the first step."""
        self.method.adapt(self.train)
        self.averaged.load_state_dict(self.method.state_dict())

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or validations have stopped getting better."""
        if self.epoch == self.config.epochs:
            return True
        waited = [
            number
            for number, figures in enumerate(self.curves, 1)
            if number > self.best_epoch and self._monitored in figures
        ]
        return 0 < self.config.patience <= len(waited)

    def next_epoch(self, after_step: Callable[[], None]) -> Figures:
        """The rest of the epoch at work, and where one is due a validation."""
        config = self.config
        torch.manual_seed(_seed(config.seed, self.epoch))
        order = torch.randperm(len(self.train)).split(config.batch_size * config.accumulate)
        self.method.train()
        began, done = time.monotonic(), 0
        for numbers in order[self.step - self.epoch * self.steps_per_epoch :]:
            figures = self._step(numbers.tolist())
            done += len(numbers)
            for name, value in figures.items():
                self.sums[name] = self.sums.get(name, 0.0) + value * len(numbers)
            after_step()
        took = time.monotonic() - began
        figures = {f"train/{name}": total / len(self.train) for name, total in self.sums.items()}
        figures["train/learning_rate"] = self._rate(self.step - 1)
        if done:
            figures["train/samples_per_second"] = done / took
        self.epoch += 1
        self.sums = {}
        due = self.epoch % config.validate_every == 0 or self.epoch == config.epochs
        if due and len(self.val):
            figures |= self._validated()
        self.curves.append(figures)
        self._keep_best(figures)
        return figures

    def _step(self, numbers: list[int]) -> Figures:
        """One step on these samples; means of the losses over their real frames."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.step)
        self.optimizer.zero_grad()
        batches = [
            numbers[first : first + self.config.batch_size]
            for first in range(0, len(numbers), self.config.batch_size)
        ]
        weighed: dict[str, float] = {}
        weight = 0.0
        for place in range(self.team.rank, len(batches), self.team.size):
            share, terms = self._batch(batches[place], place)
            weight += share
            for name, value in terms.items():
                weighed[name] = weighed.get(name, 0.0) + share * value
        weight, weighed = self._added_up(weight, weighed)
        norm = torch.nn.utils.clip_grad_norm_(self._gradients(weight), self.config.clip)
        if not norm.isfinite():
            raise self._diverged("the gradient is not finite", numbers, {})
        self.optimizer.step()
        self.step += 1
        decay = min(self.config.ema, self.step / (9 + self.step)) if self.config.ema else 0.0
        with torch.no_grad():
            for kept, new in zip(self.averaged.parameters(), self.method.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
        terms = {name: value / max(weight, 1e-12) for name, value in weighed.items()}
        return {"loss": sum(terms.values()), **terms, "gradient_norm": float(norm)}

    def _batch(self, numbers: list[int], place: int) -> tuple[float, Figures]:
        """Adds a batch's gradient, times its share of real frames; that share and the terms."""
        batch = batch_of(self.train, numbers)
        terms = self._losses(self.method, batch, self._batch_seed(place))
        loss = torch.stack(list(terms.values())).sum()
        if not loss.isfinite():
            raise self._diverged("the loss is not finite", numbers, terms)
        share = float(batch["mask"].sum()) / (self.config.batch_size * self.dims.L)
        (loss * share).backward()
        return share, {name: float(term.detach()) for name, term in terms.items()}

    def _batch_seed(self, place: int) -> int:
        return _seed(self.config.seed, self.epoch, self.step, place)

    def _losses(self, method: Method, batch: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed)
        half = self.config.precision == "bfloat16"
        with torch.autocast(self.config.device, torch.bfloat16, enabled=half):
            return method.losses(batch)

    def _added_up(self, weight: float, weighed: Figures) -> tuple[float, Figures]:
        """Sums over the processes; one without a batch knows no names."""
        if self.team.size == 1:
            return weight, weighed
        total: Figures = {}
        gathered = self.team.gather((weight, weighed))
        for _, figures in gathered:
            for name, value in figures.items():
                total[name] = total.get(name, 0.0) + value
        return sum(part for part, _ in gathered), total

    def _gradients(self, weight: float) -> list[nn.Parameter]:
        """The parameters, their gradients made means over all processes' batches."""
        parameters = list(self.method.parameters())
        if self.team.size > 1:
            for p in parameters:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
            self.team.add_up([p.grad for p in parameters if p.grad is not None])
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(max(weight, 1e-12))
        return parameters

    def _diverged(self, what: str, numbers: list[int], terms: Mapping[str, Tensor]) -> RhasError:
        """The error that names the samples whose own loss is not finite."""
        single = {}
        with torch.no_grad():
            for number in numbers:
                batch = batch_of(self.train, [number])
                loss = sum(self._losses(self.method, batch, self.config.seed).values())
                single[number] = float(loss)
        bad = [self.train.name(number) for number, loss in single.items() if not np.isfinite(loss)]
        whole = [self.train.name(number) for number in numbers]
        some = 0 < len(bad) < len(whole)
        return RhasError(
            f"{what}, training diverged",
            where=f"epoch {self.epoch + 1}, step {self.step + 1}, "
            + (f"sample {', '.join(bad)}" if some else f"all of the samples {', '.join(whole)}"),
            got=", ".join(f"{name} {float(t.detach()):.3g}" for name, t in terms.items()),
            do="look at that sample's features: `rhas features`"
            if some
            else "lower train.learning_rate or train.clip",
        )

    def _rate(self, step: int) -> float:
        config = self.config
        if step < config.warmup:
            return config.learning_rate * (step + 1) / (config.warmup + 1)
        if config.schedule == "constant":
            return config.learning_rate
        last = config.epochs * self.steps_per_epoch
        done = (step - config.warmup) / max(last - config.warmup, 1)
        return config.learning_rate * (1 + math.cos(math.pi * done)) / 2

    @property
    def _monitored(self) -> str:
        return f"val/{self.config.monitor}"

    @torch.no_grad()
    def _validated(self) -> Figures:
        """Loss and clean metrics of the averaged weights, the same noise in every validation."""
        self.averaged.eval()
        rows = []
        for number in range(self.team.rank, len(self.val), self.team.size):
            batch = batch_of(self.val, [number])
            seed = self.config.seed + number
            loss = float(sum(self._losses(self.averaged, batch, seed).values()))
            generator = torch.Generator().manual_seed(seed)
            half = self.config.precision == "bfloat16"
            with torch.autocast(self.config.device, torch.bfloat16, enabled=half):
                said = self.averaged.scores(batch, generator)[0].float().cpu()
            mask = batch["mask"][0]
            truth = batch["labels"][0][mask].numpy() > 0
            rows.append((number, loss, truth, said[mask].numpy()))
        gathered = sorted(row for part in self.team.gather(rows) for row in part)
        losses, truths, scores = (list(column) for column in list(zip(*gathered, strict=True))[1:])
        figures = {"val/loss": sum(losses) / len(losses)}
        clean = asdict(
            evaluate_predictions(truths, [_prediction(score) for score in scores]).metrics
        )
        return figures | {f"val/{name}": v for name, v in clean.items() if np.isfinite(v)}

    def _keep_best(self, figures: Figures) -> None:
        figure = figures.get(self._monitored)
        if self.config.patience and figure is not None and figure > self.best_figure:
            self.best_epoch, self.best_figure = self.epoch, figure
            self.best = {k: v.clone() for k, v in self.averaged.state_dict().items()}

    def end(self) -> Method:
        """The method with the weights that are kept."""
        if self.best:
            self.averaged.load_state_dict(self.best)
        return self.averaged

    @functools.cached_property
    def fingerprint(self) -> dict[str, str]:
        """What a checkpoint must agree in to be continued."""
        config = _deciding(self.config) | {"method_config": plain_config(self.method.config)}
        code = f"{code_hash(type(self))} {code_hash(type(self.method))} torch {torch.__version__}"
        return {
            "configuration": hashlib.sha256(json.dumps(config).encode()).hexdigest(),
            "samples": f"{self.train.digest()} {self.val.digest()}",
            "code": code,
        }

    def save(self, path: Path) -> None:
        """Writes the checkpoint, all or nothing."""
        tensors = {f"method/{k}": v for k, v in self.method.state_dict().items()}
        tensors |= {f"averaged/{k}": v for k, v in self.averaged.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        for name, parameter in self.method.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer/{key}/{name}"] = value
        said = {
            "fingerprint": self.fingerprint,
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.sums,
            "curves": self.curves,
            "best": [self.best_epoch, self.best_figure],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary, metadata={"rhas": json.dumps(said)})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def restore(self, path: Path) -> str:
        """Continues from a checkpoint where there is one that fits; says what became of it."""
        if not path.is_file():
            return ""
        try:
            with safetensors.safe_open(path, "pt") as file:
                said = json.loads(file.metadata()["rhas"])
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError):
            return "the checkpoint is damaged, starting anew"
        own = self.fingerprint
        changed = [name for name in own if said["fingerprint"].get(name) != own[name]]
        if changed:
            return f"a checkpoint with other {' and '.join(changed)} is left aside, starting anew"
        parts: dict[str, dict[str, Tensor]] = {
            "method": {}, "averaged": {}, "best": {}, "optimizer": {},
        }  # fmt: skip
        for name, tensor in load_file(path).items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        self.method.load_state_dict(parts["method"])
        self.averaged.load_state_dict(parts["averaged"])
        parameters = dict(self.method.named_parameters())
        for name, tensor in parts["optimizer"].items():
            key, _, parameter = name.partition("/")
            self.optimizer.state[parameters[parameter]][key] = tensor.to(self.team.device)
        self.best = {k: v.to(self.team.device) for k, v in parts["best"].items()}
        self.best_epoch, self.best_figure = said["best"]
        self.epoch, self.step = said["epoch"], said["step"]
        self.sums, self.curves = said["sums"], said["curves"]
        return f"continuing after step {self.step}, epoch {self.epoch} of {self.config.epochs}"

    def report(self) -> dict[str, Any]:
        last: Figures = {}
        for figures in self.curves:
            last |= figures
        last.pop("train/samples_per_second", None)
        best = {"epoch": self.best_epoch, self._monitored: self.best_figure}
        return {
            "method": self.config.method,
            "preset": self.config.preset,
            "overrides": self.config.method_overrides,
            "parameters": sum(p.numel() for p in self.method.parameters()),
            "dims": asdict(self.dims),
            "samples": {"train": len(self.train), "val": len(self.val)},
            "epochs": self.epoch,
            "steps": self.step,
            "last": last,
            **({"best": best} if self.best else {}),
        }


def _seed(*parts: int) -> int:
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _prediction(score: NDArray[np.floating]) -> Prediction:
    """Label sets by the threshold that needs no fitting, 1/2."""
    active = score > 0.5
    top = np.where(active.any(axis=1), score.argmax(axis=1), BACKGROUND)
    return Prediction(score, active, top)
