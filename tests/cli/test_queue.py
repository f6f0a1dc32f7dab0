"""``rhas queue`` as a command, on the project's own list."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rhas.base.errors import RhasError
from rhas.cli import app

ROOT = Path(__file__).resolve().parents[2]


def test_a_dry_run_lists_every_experiment_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = ["queue", "benchmarks/ablations.yaml", "--dry-run", "--only", "table_5"]
    lines = CliRunner().invoke(app, command).output.splitlines()
    assert len(lines) == 18
    assert len({line.rsplit("(", 1)[1] for line in lines}) == 18
    assert all(line.startswith(("done: table_5, ", "to do: table_5, ")) for line in lines)


def test_costs_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    said = CliRunner().invoke(app, ["queue", "benchmarks/ablations.yaml", "--costs", "none.json"])
    assert isinstance(said.exception, RhasError)


def test_outside_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["queue", str(ROOT / "benchmarks/ablations.yaml")])
    assert isinstance(said.exception, RhasError)
    assert "no params.yaml" in str(said.exception)


def test_a_file_of_something_else_is_refused_before_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rhas.experiments.run_queue", lambda *_, **__: pytest.fail("it ran"))
    (tmp_path / "ablations.json").write_text("[]")
    command = ["queue", "benchmarks/ablations.yaml", "--out", str(tmp_path)]
    said = CliRunner().invoke(app, command)
    assert isinstance(said.exception, RhasError)
    assert "not the figures of a list" in str(said.exception)
    assert (tmp_path / "ablations.json").read_text() == "[]"
