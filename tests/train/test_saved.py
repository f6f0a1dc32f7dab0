"""config.json of a trained method: what is damaged in it is named before anything is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.train.saved import SavedConfig

SOUND = {"method": "linear", "config": {}, "dims": {"D": 4, "D_text": 4, "C": 3, "L": 8}}


@pytest.mark.parametrize(
    "change",
    [
        {"config": None}, {"config": 3}, {"dims": None}, {"dims": {**SOUND["dims"], "C": "3"}},
        {"dims": {**SOUND["dims"], "D": 0}}, {"dims": {**SOUND["dims"], "L": True}},
        {"dims": {**SOUND["dims"], "E": 3}}, {"train": 3}, {"versions": [1]}, {"classes": 7},
        {"classes": ["a"]},
    ],
)  # fmt: skip
def test_damaged_configuration(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**SOUND, **change}))
    with pytest.raises(RhasError, match=r"config\.json"):
        SavedConfig.read(tmp_path)


@pytest.mark.parametrize("text", ["[]", "3", "[" * 100_000, "{}"])
def test_other_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RhasError, match=r"config\.json"):
        SavedConfig.read(tmp_path)
