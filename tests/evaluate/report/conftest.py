from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import project


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[project.Origin, Path]:
    """Where a run came from, and its results; do not change them."""
    root = tmp_path_factory.mktemp("run")
    origin = project.write_run(root)
    project.evaluate(origin, root / "results")
    return origin, root / "results"
