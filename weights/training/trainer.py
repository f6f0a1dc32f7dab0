"""The loop that the recipes share: updates, log, and a state to resume from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from training.state import Options, load_state, save_state

SAVE_EVERY = 100  # updates


class Stateful(Protocol):
    """Anything with torch's way to save and load its state."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


class Log:
    """Prints the means of values every so many updates."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.began = time.monotonic()
        self.sums: dict[str, Tensor] = {}

    def add_values(self, number: int, values: Mapping[str, Tensor]) -> None:
        """The values of update ``number``, from 1."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value.detach()
        if number % self.every == 0:
            means = "  ".join(f"{k} {float(v) / self.every:.3f}" for k, v in self.sums.items())
            print(f"{number:6d}  {time.monotonic() - self.began:5.0f} s  {means}", flush=True)
            self.sums = {}


class Trainer:
    """Updates modules and saves all that the next updates depend on."""

    def __init__(
        self, modules: Mapping[str, nn.Module], optimiser: Optimizer, schedule: LRScheduler,
        updates: int, path: Path, options: Options, *, device: str, clip: float | None = None,
        log_every: int = SAVE_EVERY, extras: Mapping[str, Stateful] | None = None,
    ) -> None:  # fmt: skip
        """Resumes from the state at ``path``, if it was saved with the same options.

        Args:
            modules: what is trained, by name.
            optimiser: of their parameters.
            schedule: of the optimiser's rates, by update.
            updates: how many in all.
            path: of the state.
            options: what the result depends on.
            device: torch's.
            clip: largest norm of the gradient; None does not clip.
            log_every: updates between two lines of the log.
            extras: what else is part of the state.
        """
        self.updates, self.number, self.path, self.options = updates, 0, path, options
        self.optimiser, self.schedule, self.clip = optimiser, schedule, clip
        self.parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self.log = Log(log_every)
        self.parts: dict[str, Stateful] = {
            **modules, "optimiser": optimiser, "schedule": schedule, **(extras or {}),
        }  # fmt: skip
        if state := load_state(path, options, device):
            self.number = state["step"]
            for name, part in self.parts.items():
                part.load_state_dict(state[name])

    def update(self, loss: Tensor, values: Mapping[str, Tensor]) -> None:
        """One update by the gradient of a scalar; ``values`` go into the log."""
        self.optimiser.zero_grad()
        loss.backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        self.schedule.step()
        self.number += 1
        self.log.add_values(self.number, values)

    def save_if_due(self) -> None:
        """Write the state after every `SAVE_EVERY` updates but the last."""
        if self.number % SAVE_EVERY == 0 and self.number < self.updates:
            self.save()

    def save(self) -> None:
        """Write the state."""
        states = {name: part.state_dict() for name, part in self.parts.items()}
        save_state(self.path, self.options, step=self.number, **states)
