"""``rhas queue`` as a command, on the project's own list."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.config.params import read_yaml
from rhas.experiments import Experiment, experiment_name, read_listing

ROOT = Path(__file__).resolve().parents[2]


def test_a_dry_run_lists_every_experiment_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = ["queue", "benchmarks/ablations.yaml", "--dry-run", "--only", "table_5"]
    lines = CliRunner().invoke(app, command).stdout.splitlines()
    rows, folds = 9, 5  # of table_5
    assert len(lines) == rows * folds
    assert len({line.rsplit("(", 1)[1] for line in lines}) == rows * folds
    states = ("done: table_5, ", "recorded: table_5, ", "to do: table_5, ")
    assert all(line.startswith(states) for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "fact ...\n{}", "[]", "{}", '{"length": 1, "preset": "mini", "methods": []}',
        '{"length": 1, "preset": "mini", "methods": {"fact": 1}}',
        '{"length": 1, "preset": "mini", "methods": {"fact": {"window_cpu_s": "1"}}}',
    ],
)  # fmt: skip
def test_costs_that_are_none_are_refused_before_the_runs(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rhas.experiments.run_queue", lambda *_, **__: pytest.fail("it ran"))
    costs = tmp_path / "costs.json"
    if text is not None:
        costs.write_text(text)
    command = ["queue", "benchmarks/ablations.yaml", "--out", tmp_path, "--costs", costs]
    said = CliRunner().invoke(app, [str(word) for word in command])
    assert isinstance(said.exception, RhasError)
    problem = {None: "no such file", "": "not JSON", "fact ...\n{}": "not JSON"}
    assert f"{costs}: {problem.get(text, 'no costs')}" in str(said.exception)


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


def test_figures_of_a_stopped_queue_are_kept_and_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue stores one experiment and is stopped; another clone has the others to do."""
    monkeypatch.chdir(ROOT)
    params = read_yaml(ROOT / "params.yaml")
    whole = read_listing(ROOT / "benchmarks/ablations.yaml", params)
    first, *others = whole.select_tables(["table_5"]).experiments
    missing = len(whole.experiments) - 1
    name = experiment_name(first, params, ROOT)
    asked = []

    def stopped(experiments: list[Experiment], *_: object, **__: object) -> None:
        asked.extend(experiments)
        monkeypatch.setattr("rhas.experiments.records.list_stored", lambda root: {name: "HEAD"})
        raise KeyboardInterrupt

    monkeypatch.setattr("rhas.experiments.records.list_stored", lambda root: {})
    monkeypatch.setattr("rhas.experiments.records._read_cached", lambda root, commit, path: None)
    monkeypatch.setattr("rhas.experiments.run_queue", stopped)
    command = ["queue", "benchmarks/ablations.yaml", "--only", "table_5", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code != 0
    assert asked == [first, *others]
    text = (tmp_path / "ablations.md").read_text()
    assert "| full" in text
    assert "no BCA" not in text

    asked.clear()
    monkeypatch.setattr("rhas.experiments.records.list_stored", lambda root: {})
    monkeypatch.setattr("rhas.experiments.run_queue", lambda todo, *_, **__: asked.extend(todo))
    said = CliRunner().invoke(app, command)
    assert asked == others
    assert "recorded in" in said.output
    assert f"{tmp_path / 'ablations.json'}: 1 experiments, {missing} missing" in said.output
    monkeypatch.undo()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("rhas.experiments.list_stored", lambda root: {})
    states = [
        line.split(":")[0]
        for line in CliRunner().invoke(app, [*command, "--dry-run"]).stdout.splitlines()
    ]
    assert states == ["recorded"] + ["to do"] * len(others)
