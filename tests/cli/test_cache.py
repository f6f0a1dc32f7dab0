"""``rhas cache prune`` and unfinished trainings."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rhas.cli import app, cache


def test_all_lets_go_of_unfinished_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "work_root", lambda: tmp_path)
    place = tmp_path / "train" / "0a1b" / "checkpoint.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x" * 2_000_000)
    run = CliRunner().invoke
    assert run(app, ["cache", "prune"]).output == "removed 0 entries, 0.0 MB\n"
    said = run(app, ["cache", "prune", "--all", "--dry-run"]).output
    assert said == "would remove 0 entries and 1 unfinished trainings, 2.0 MB\n"
    assert place.exists()
    run(app, ["cache", "prune", "--all"])
    assert not place.exists()
