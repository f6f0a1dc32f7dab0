from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rhas.cli import app

ROOT = Path(__file__).resolve().parents[2]


def test_the_script_of_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RHAS_SLURM", "--partition=gpu")
    result = CliRunner().invoke(app, ["slurm", "script", "extract", "--films", "3"])
    assert result.exit_code == 0, result.output
    assert "#SBATCH --array=0-2\n" in result.output
    assert "#SBATCH --partition=gpu\n" in result.output
    assert f"cd {tmp_path}\n" in result.output
    assert not (tmp_path / ".dvc").exists()


def test_an_unknown_step(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["slurm", "script", "train"])
    assert result.exit_code != 0
    assert "step" in str(result.exception)
