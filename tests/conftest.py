"""Shape annotations are enforced in tests, and only there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

import rhas.base.compat  # noqa: F401  (before anything imports torchvision)

settings.register_profile("any speed", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("any speed")

install_import_hook(["rhas.methods", "rhas.metrics"], "beartype.beartype")

sys.path.insert(0, str(Path(__file__).parent))

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """A folder of real films and annotations beside the checkout; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no folder of real films beside the checkout")
    return SHARED


@pytest.fixture(autouse=True)
def _wide_as_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are not cut to the width of whatever terminal runs the tests."""
    monkeypatch.delenv("COLUMNS", raising=False)
