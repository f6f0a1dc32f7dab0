"""Small untrained checkpoints of both encoders."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhas.extract.encoders.small import Sizes, make_blip2, make_clip

WORDS = ["the", "woman", "man", "in", "red", "blue", "coat", "tall"]
TINY = Sizes(
    image=32, patch=8, vision=32, vision_layers=2, vision_heads=2, text=48, text_layers=2,
    text_heads=4, queries=5, out=24, mlp=2,
)  # fmt: skip


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    make_blip2(folder / "blip2", WORDS, TINY)
    make_clip(folder / "clip", WORDS, TINY)
    return {"blip2": folder / "blip2", "clip": folder / "clip"}
