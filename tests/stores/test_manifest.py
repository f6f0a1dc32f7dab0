from __future__ import annotations

from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.stores.manifest import Film, Manifest


def test_manifest_round_trip(tmp_path: Path) -> None:
    manifest = Manifest("own", (Film("ü b", "films/ü b.mp4", "00", ("a", "b"), "val"),), truth=True)
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest


def test_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="dvc repro prepare"):
        Manifest.read(tmp_path)


def test_unknown_subset() -> None:
    with pytest.raises(RhasError, match="train, val, test"):
        Film("a", "a.mp4", "00", ("x",), "dev")


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "[" * 100_000, '{"dataset": "own"}', '{"dataset": "own", "films": [3]}',
     '{"dataset": "own", "films": [{"movie": 3, "file": "a", "sha256": "", "references": []}]}'],
)  # fmt: skip
def test_a_damaged_manifest_is_a_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RhasError, match="not a manifest"):
        Manifest.read(tmp_path)
