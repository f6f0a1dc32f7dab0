from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rhas.cli import app


def test_features_outside_the_project_names_the_missing_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["features", "a.mp4", "--ref", "the man", "--out", "out"])
    assert result.exit_code == 2
    assert "--params" in result.output
    assert "params.yaml" in result.output
    assert list(tmp_path.iterdir()) == []
