"""Checkpoints of small random models, and frames."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))
os.environ["HF_HUB_OFFLINE"] = "1"

import toy_models as models

REFERENCES = ["a man in a red coat", "the tall woman with long hair", "child"]


class Pair(NamedTuple):
    """Folders with the same weights for either implementation."""

    transformers: str
    official: str


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    model = models.random_model(models.swin_t_config())
    size = (96, 128)
    yield Pair(
        str(models.save_transformers(folder / "transformers", model, size)),
        str(models.save_official(folder / "official", model, size)),
    )
    shutil.rmtree(folder)  # 250 MB


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for transformers, quick."""
    model = models.random_model(models.tiny_config())
    return str(models.save_transformers(tmp_path_factory.mktemp("tiny"), model, (64, 96)))


@pytest.fixture(scope="session")
def frames() -> list[np.ndarray]:
    """Smooth pictures 120 × 90, all different."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (5, 9, 12, 3), dtype=np.uint8)
    return list(coarse.repeat(10, 1).repeat(10, 2))
