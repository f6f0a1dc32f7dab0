from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from written_run import RunInputs, evaluate, write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunInputs, Path]:
    """Where a run came from, and its results; do not change them."""
    root = tmp_path_factory.mktemp("run")
    origin = write_run(root)
    evaluate(origin, root / "results")
    return origin, root / "results"
