"""What a run was made from: folders of the stages before evaluate, parameters, dvc.lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rhas.base.yaml_files import parse_lock
from rhas.stores.dataset import DatasetPaths
from rhas.stores.samples import SampleIndex, SampleInfo

SETTINGS = (
    "dataset", "split", "fps", "frame_len", "vlm", "method", "seed",
    "mini", "decode", "ground", "crop", "extract", "chunk", "train", "evaluate",
)  # fmt: skip
"""The parameters that the report lists: all of params.yaml."""


@dataclass(frozen=True)
class RunInputs:
    """Where the inputs of a run lie.

    Args:
        stores: the folders of the data set; the page says which are absent.
        samples: ``data/samples``.
        model: ``models/<method>``.
        settings: the parameters by section, as in params.yaml.
        lock: ``dvc.lock``; it may be absent.
    """

    stores: DatasetPaths
    samples: Path
    model: Path
    settings: Mapping[str, Any]
    lock: Path

    @cached_property
    def info(self) -> SampleInfo:
        """What the samples have in common."""
        return SampleIndex.read(self.samples).info

    @property
    def features(self) -> Path:
        """The folder of feature stores that the samples come from."""
        return Path(self.info.features)


def read_locked_outputs(lock: Path) -> dict[str, str]:
    """MD5 by path of what the stages of ``dvc.lock`` wrote, except those of evaluate: while that
    stage runs, the lock still names what it wrote last time."""
    if not lock.is_file():
        return {}
    return {
        out["path"]: str(out.get("md5", ""))
        for name, stage in parse_lock(lock.read_bytes(), str(lock)).items()
        if name != "evaluate"
        for out in stage.get("outs", [])
    }
