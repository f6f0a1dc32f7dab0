"""The checkpoint of a training run, and the key of its place in the work cache."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from rhas.base.files import hash_file
from rhas.config.train import TrainConfig
from rhas.train.records import RunProgress

CHECKPOINT = "checkpoint.safetensors"
COST_ONLY = ("processes", "save_minutes", "memory_gb")  # fields that change no result
_METADATA = "rhas"


@dataclass(frozen=True)
class Fingerprint:
    """What a checkpoint must agree in to be continued, as hashes.

    Args:
        configuration: of training and method.
        samples: of train and val.
        code: of the modules that train, and torch's version.
    """

    configuration: str
    samples: str
    code: str

    def find_changes(self, other: Fingerprint) -> list[str]:
        """The names of the fields that differ."""
        return [name for name, value in asdict(self).items() if value != getattr(other, name)]


@dataclass(frozen=True)
class Checkpoint:
    """All of a run's state that does not follow from its inputs.

    Args:
        fingerprint: of the run.
        progress: of the run.
        tensors: by ``part/name``; the parts are method, averaged, best, optimizer.
    """

    fingerprint: Fingerprint
    progress: RunProgress
    tensors: dict[str, Tensor]

    def write(self, path: Path) -> None:
        """Writes all of it or nothing."""
        values = {"fingerprint": asdict(self.fingerprint), "progress": self.progress.to_json()}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        save_file(self.tensors, temporary, metadata={_METADATA: json.dumps(values)})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)

    @classmethod
    def read(cls, path: Path) -> Checkpoint | None:
        """The checkpoint of a file; None where it is damaged."""
        try:
            with safetensors.safe_open(path, "pt") as file:
                values = json.loads(file.metadata()[_METADATA])
            fingerprint = Fingerprint(**values["fingerprint"])
            progress = RunProgress.from_json(values["progress"])
            return cls(fingerprint, progress, load_file(path))
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError):
            return None

    def select_part(self, part: str) -> dict[str, Tensor]:
        """The tensors of one part, by name."""
        prefix = f"{part}/"
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def run_key(config: TrainConfig, samples: Path) -> str:
    """Name of the run's place in the work cache, where its checkpoint is.

    Runs that differ in configuration or in the files of the folder ``samples`` have different ones.
    """
    state = hashlib.sha256(json.dumps(result_fields(config), sort_keys=True).encode())
    for path in sorted(samples.iterdir()):
        state.update(f"{path.name}\0{hash_file(path)}\n".encode())
    return state.hexdigest()[:32]


def result_fields(config: TrainConfig) -> dict[str, Any]:
    """The fields that the result depends on."""
    return {name: v for name, v in config.key_values().items() if name not in COST_ONLY}
