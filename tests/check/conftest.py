from __future__ import annotations

from pathlib import Path

import pytest
from datafolder import write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder to change at will."""
    return write_data(tmp_path)
