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
    ("text", "message"),
    [
        ("[" * 100_000, "not a manifest"),
        ("{", "not a manifest"),
        ("[]", "not a manifest"),
        ("{}", "not a manifest"),
        ('{"dataset": "own", "films": [{"movie": "a"}]}', "not a manifest"),
        ('{"dataset": "own", "films": [3]}', "not a manifest"),
        ('{"films": []}', "not a manifest"),
        (
            '{"dataset": "own", "films": [{"movie": 1, "file": "", "sha256": "", '
            '"references": []}]}', "not a manifest",
        ),
        (
            '{"dataset": "own", "films": [{"movie": "a", "file": "", "sha256": "", '
            '"references": "she"}]}', "not a manifest",
        ),
        (
            '{"dataset": "own", "films": [{"movie": "../a", "file": "", "sha256": "", '
            '"references": []}]}', "is a path",
        ),
        (
            '{"dataset": "own", "films": [{"movie": "a", "file": "../../x", "sha256": "", '
            '"references": []}]}', "a film outside the folder",
        ),
    ],
)  # fmt: skip
def test_another_content(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RhasError, match=message) as error:
        Manifest.read(tmp_path)
    assert error.value.do
