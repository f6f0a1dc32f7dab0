from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dvc_project import write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A commit with seed 0, an experiment with seed 1, a workspace with seed 2."""
    return write_project(tmp_path)
