"""Training of any method: AdamW, averaged weights, learning curves, restart where a run was killed.

The result depends on the samples, the configuration and the number of threads, on nothing else:
every epoch seeds its own random numbers, so a resumed run equals an uninterrupted one bit for bit.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import rhas
from rhas.base.errors import RhasError
from rhas.engine.workcache import code_hash
from rhas.methods import Dims, Method, build, config_from, config_of, plain_config
from rhas.metrics.clean import average_precision

MODEL, CONFIG, CHECKPOINT = "model.safetensors", "config.json", "checkpoint.safetensors"
_LOG_SECONDS = 20.0

Figures = dict[str, float]


class SampleSet(Protocol):
    """A side of the split; items are rows of the batch of DESIGN.md, see ``rhas.chunk``."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Mapping[str, Tensor]: ...


class Curves(Protocol):
    """Where learning curves go: a ``dvclive.Live``."""

    def log_metric(self, name: str, val: float) -> Any: ...
    def next_step(self) -> Any: ...


@dataclass(frozen=True)
class TrainConfig:
    """How a method is trained.

    Args:
        method: which one, see ``rhas.methods``.
        seed: of parameters, order and noise.
        preset: of the method's parameters.
        overrides: single parameters of the method that differ from the preset.
        epochs: passes over the training samples.
        batch_size: B.
        learning_rate: AdamW's, after the warm-up.
        schedule: of the learning rate after the warm-up: ``constant``, or ``cosine`` to 0.
        warmup: steps in which the learning rate grows from 0.
        weight_decay: AdamW's, on matrices; biases and norms have none.
        ema: decay of the averaged weights, which are those that are kept; 0 keeps the last ones.
            Early on it is less, (1 + steps) / (10 + steps).
        clip: largest norm of the gradient.
        validate_every: epochs between validations; the last epoch is always validated.
        save_every: epochs between checkpoints to restart from; never changes the result.
        threads: of torch; another number gives other rounding.
        device: ``cpu`` or ``cuda``.
        memory_gb: samples are kept in memory up to this size, the others read anew in every
            epoch; never changes the result.
    """

    method: str
    seed: int
    preset: str = "mini"
    overrides: dict = field(default_factory=dict)
    epochs: int = 30
    batch_size: int = 4
    learning_rate: float = 2e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: int = 20
    weight_decay: float = 0.01
    ema: float = 0.99
    clip: float = 1.0
    validate_every: int = 10
    save_every: int = 5
    threads: int = 2
    device: Literal["cpu", "cuda"] = "cpu"
    memory_gb: float = 2.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "validate_every", "save_every", "threads"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("learning_rate", "clip"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in ("warmup", "weight_decay", "memory_gb"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(0 <= self.ema < 1, "ema", "from 0, below 1", self.ema)
        if self.device == "cuda":
            _require(torch.cuda.is_available(), "device", "cpu (torch finds no GPU)", "cuda")


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

    Args:
        train: at least one sample.
        val: may be empty; then there are no val curves.
        out: a folder.
        resume: a folder for the checkpoint to restart from. One that another configuration,
            other samples or other code left there is not used. It is removed at the end.
        live: takes the curves, one step per epoch: ``train/loss``, each term of the loss,
            ``train/gradient_norm``, ``train/learning_rate``, and at validations ``val/loss`` and
            ``val/map`` (frame mAP over the classes of val, 0-100, of the averaged weights).
        progress: called after each epoch with its number from 1, their count, and its figures;
            the default prints a line now and then.

    Returns:
        A report: method, sizes, steps, and the last figures.

    Raises:
        RhasError: no training sample, samples of different sizes, a loss that is not finite.
    """
    if len(train) == 0:
        raise RhasError(
            "no training sample",
            where="data/samples/index.csv",
            do="add films, or change `split` or `chunk.fractions`",
        )
    progress = progress or _Log()
    with _surroundings(config):
        run = _Run(_Held(train, config.memory_gb), _Held(val, config.memory_gb), config)
        checkpoint = resume / CHECKPOINT if resume else None
        if checkpoint is None or not run.restore(checkpoint):
            run.start()
        for figures in run.curves:
            _log(live, figures)
        while run.epoch < config.epochs:
            figures = run.next_epoch()
            _log(live, figures)
            if checkpoint and (run.epoch % config.save_every == 0 or run.epoch == config.epochs):
                run.save(checkpoint)
            progress(run.epoch, config.epochs, figures)
        save_method(run.averaged, config, run.dims, out)
        if checkpoint:
            checkpoint.unlink()
        return run.report()


class _Run:
    """The state of a training run; all of it is in the checkpoint or follows from the inputs."""

    def __init__(self, train: _Held, val: _Held, config: TrainConfig) -> None:
        self.train, self.val, self.config = train, val, config
        self.dims = dims_of(train[0])
        torch.manual_seed(config.seed)
        self.method = build(
            config.method,
            config_of(config.method, config.preset, config.overrides),
            **asdict(self.dims),
        ).to(config.device)
        matrices = [p for p in self.method.parameters() if p.ndim > 1]
        others = [p for p in self.method.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ]
        )
        self.averaged = copy.deepcopy(self.method).requires_grad_(False)
        self.epoch = self.step = 0
        self.curves: list[Figures] = []
        self.steps = config.epochs * math.ceil(len(train) / config.batch_size)

    def start(self) -> None:
        """Statistics of the training samples, before the first step."""
        self.method.adapt(self.train)
        self.averaged.load_state_dict(self.method.state_dict())

    def next_epoch(self) -> Figures:
        """One pass over the training samples, and where one is due a validation."""
        config = self.config
        seed = hashlib.sha256(f"{config.seed}:{self.epoch}".encode()).digest()
        torch.manual_seed(int.from_bytes(seed[:8], "big") >> 1)
        sums: dict[str, float] = {}
        self.method.train()
        for numbers in torch.randperm(len(self.train)).split(config.batch_size):
            for name, value in self._step(numbers.tolist()).items():
                sums[name] = sums.get(name, 0.0) + value * len(numbers)
        self.epoch += 1
        figures = {f"train/{name}": total / len(self.train) for name, total in sums.items()}
        figures["train/learning_rate"] = self._rate(self.step - 1)
        due = self.epoch % config.validate_every == 0 or self.epoch == config.epochs
        if due and len(self.val):
            figures |= self._validated()
        self.curves.append(figures)
        return figures

    def _step(self, numbers: list[int]) -> Figures:
        terms = self.method.losses(batch_of(self.train, numbers))
        loss = torch.stack(list(terms.values())).sum()
        if not loss.isfinite():
            raise RhasError(
                "the loss is not finite, training diverged",
                where=f"epoch {self.epoch + 1}, step {self.step + 1}, samples {numbers}",
                got=", ".join(f"{name} {float(t.detach()):.3g}" for name, t in terms.items()),
                do="lower train.learning_rate or train.clip",
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.step)
        self.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.method.parameters(), self.config.clip)
        self.optimizer.step()
        self.step += 1
        decay = min(self.config.ema, self.step / (9 + self.step)) if self.config.ema else 0.0
        with torch.no_grad():
            for kept, new in zip(self.averaged.parameters(), self.method.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
        figures = {name: float(term.detach()) for name, term in terms.items()}
        return {"loss": float(loss.detach()), **figures, "gradient_norm": float(norm)}

    def _rate(self, step: int) -> float:
        config = self.config
        if step < config.warmup:
            return config.learning_rate * (step + 1) / (config.warmup + 1)
        if config.schedule == "constant":
            return config.learning_rate
        done = (step - config.warmup) / max(self.steps - config.warmup, 1)
        return config.learning_rate * (1 + math.cos(math.pi * done)) / 2

    @torch.no_grad()
    def _validated(self) -> Figures:
        self.averaged.eval()
        torch.manual_seed(self.config.seed)  # the same noise in every validation
        loss = 0.0
        truths, scores = [], []
        for number in range(len(self.val)):
            batch = batch_of(self.val, [number])
            loss += float(torch.stack(list(self.averaged.losses(batch).values())).sum())
            generator = torch.Generator().manual_seed(self.config.seed + number)
            said = self.averaged.scores(batch, generator)[0].cpu()
            mask = batch["mask"][0]
            scores.append(said[mask].numpy())
            truths.append(batch["labels"][0][mask].numpy() > 0)
        ap = average_precision(truths, scores)
        figures = {"val/loss": loss / len(self.val)}
        if not np.isnan(ap).all():
            figures["val/map"] = float(np.nanmean(ap))
        return figures

    @functools.cached_property
    def fingerprint(self) -> dict[str, str]:
        """What a checkpoint must agree in to be continued."""
        config = asdict(self.config)
        for name in ("save_every", "memory_gb"):
            del config[name]
        config["method_config"] = plain_config(self.method.config)
        return {
            "configuration": hashlib.sha256(json.dumps(config).encode()).hexdigest(),
            "samples": f"{self.train.digest()} {self.val.digest()}",
            "code": f"{code_hash(fit)} {code_hash(type(self.method))} torch {torch.__version__}",
        }

    def save(self, path: Path) -> None:
        """Writes the checkpoint, all or nothing."""
        tensors = {f"method/{k}": v for k, v in self.method.state_dict().items()}
        tensors |= {f"averaged/{k}": v for k, v in self.averaged.state_dict().items()}
        for name, parameter in self.method.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer/{key}/{name}"] = value
        said = {
            "fingerprint": self.fingerprint,
            "epoch": self.epoch,
            "step": self.step,
            "curves": self.curves,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary, metadata={"rhas": json.dumps(said)})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def restore(self, path: Path) -> bool:
        """Continues from a checkpoint; False where there is none that fits."""
        if not path.is_file():
            return False
        try:
            with safetensors.safe_open(path, "pt") as file:
                said = json.loads(file.metadata()["rhas"])
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError):
            _tell("the checkpoint is damaged, starting anew")
            return False
        own = self.fingerprint
        changed = [name for name in own if said["fingerprint"].get(name) != own[name]]
        if changed:
            _tell(f"a checkpoint with other {' and '.join(changed)} is left aside, starting anew")
            return False
        parts: dict[str, dict[str, Tensor]] = {"method": {}, "averaged": {}, "optimizer": {}}
        for name, tensor in load_file(path).items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        self.method.load_state_dict(parts["method"])
        self.averaged.load_state_dict(parts["averaged"])
        parameters = dict(self.method.named_parameters())
        for name, tensor in parts["optimizer"].items():
            key, _, parameter = name.partition("/")
            where = "cpu" if key == "step" else self.config.device
            self.optimizer.state[parameters[parameter]][key] = tensor.to(where)
        self.epoch, self.step, self.curves = said["epoch"], said["step"], said["curves"]
        _tell(f"continuing after epoch {self.epoch} of {self.config.epochs}")
        return True

    def report(self) -> dict[str, Any]:
        last: Figures = {}
        for figures in self.curves:
            last |= figures
        return {
            "method": self.config.method,
            "preset": self.config.preset,
            "overrides": self.config.overrides,
            "parameters": sum(p.numel() for p in self.method.parameters()),
            "dims": asdict(self.dims),
            "samples": {"train": len(self.train), "val": len(self.val)},
            "epochs": self.epoch,
            "steps": self.step,
            "last": last,
        }


def save_method(method: Method, config: TrainConfig, dims: Dims, out: Path) -> None:
    """Writes a method into a folder that :func:`load_method` reads; equal methods, equal bytes."""
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in method.state_dict().items()}
    save_file(state, out / MODEL)
    said = {
        "method": config.method,
        "config": plain_config(method.config),
        "dims": asdict(dims),
        "train": asdict(config),
        "versions": {
            "rhas": rhas.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "safetensors": safetensors.__version__,
        },
    }
    text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False)
    (out / CONFIG).write_text(text + "\n", "utf-8")


def load_method(folder: Path, device: str = "cpu") -> Method:
    """A trained method, ready for ``scores``.

    Raises:
        RhasError: files missing or damaged, a method or parameter that this version does not
            know, or tensors that do not fit the configuration.
    """
    for name in (CONFIG, MODEL):
        if not (folder / name).is_file():
            raise RhasError(
                "no trained method", where=str(folder / name), do="run `dvc repro train`"
            )
    again = "delete the folder and run `dvc repro train`"
    try:
        said = json.loads((folder / CONFIG).read_text("utf-8"))
        name, values, dims = said["method"], said["config"], Dims(**said["dims"])
    except (ValueError, KeyError, TypeError) as error:
        raise RhasError(
            "not a method's configuration",
            where=str(folder / CONFIG),
            expected="JSON with method, config and dims",
            got=f"{type(error).__name__}: {error}",
            do=again,
        ) from error
    method = build(name, config_from(name, values), **asdict(dims))
    try:
        state = load_file(folder / MODEL)
    except safetensors.SafetensorError as error:
        raise RhasError(
            "the weights cannot be read", where=str(folder / MODEL), got=str(error), do=again
        ) from error
    expected = {key: tuple(value.shape) for key, value in method.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    odd = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
    if odd:
        raise RhasError(
            f"{len(odd)} weights do not fit the configuration",
            where=str(folder / MODEL),
            expected=f"{odd[0]} of shape {expected.get(odd[0], 'none')}",
            got=str(found.get(odd[0], "none")),
            do=again,
        )
    method.load_state_dict(state)
    return method.to(device).eval()


def dims_of(sample: Mapping[str, Tensor]) -> Dims:
    """The sizes that a sample's tensors have."""
    length, width = sample["holistic"].shape
    return Dims(D=width, D_text=len(sample["text"]), C=sample["labels"].shape[1], L=length)


def batch_of(samples: SampleSet, numbers: list[int]) -> dict[str, Tensor]:
    """Rows as a batch.

    Raises:
        RhasError: rows of different shapes.
    """
    rows = [samples[number] for number in numbers]
    for number, row in zip(numbers, rows, strict=True):
        for key, value in rows[0].items():
            if row[key].shape != value.shape:
                raise RhasError(
                    f"samples of different shapes in '{key}'",
                    where=f"sample {number}",
                    expected=str(tuple(value.shape)),
                    got=str(tuple(row[key].shape)),
                    do="run `dvc repro -f chunk`",
                )
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


class _Held:
    """Samples that stay in memory once read, up to a number of gigabytes."""

    def __init__(self, samples: SampleSet, gigabytes: float) -> None:
        self._samples = samples
        self._room = gigabytes * 1e9
        self._kept: dict[int, Mapping[str, Tensor]] = {}
        self._digest = ""

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Mapping[str, Tensor]:
        if number in self._kept:
            return self._kept[number]
        item = self._samples[number]
        size = sum(tensor.nbytes for tensor in item.values())
        if size <= self._room:
            self._kept[number] = item
            self._room -= size
        return item

    def digest(self) -> str:
        """SHA-256 of all samples' contents."""
        if not self._digest:
            state = hashlib.sha256()
            for sample in self:
                for key in sorted(sample):
                    value = sample[key].contiguous()
                    state.update(f"{key} {tuple(value.shape)} {value.dtype}\n".encode())
                    state.update(value.numpy().data)
            self._digest = state.hexdigest()
        return self._digest


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


def _tell(line: str) -> None:
    print(f"train: {line}", file=sys.stderr, flush=True)


def _log(live: Curves | None, figures: Figures) -> None:
    if live is not None:
        for name, value in figures.items():
            live.log_metric(name, value)
        live.next_step()


@contextmanager
def _surroundings(config: TrainConfig) -> Iterator[None]:
    """Torch's threads and random state, given back as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(threads)


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise RhasError(
            "parameter out of range",
            where=f"params.yaml, train.{name}",
            expected=expected,
            got=str(got),
        )
