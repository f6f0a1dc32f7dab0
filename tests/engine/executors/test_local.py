from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from film_functions import make_job, write_device

from rhas.base.errors import RhasError
from rhas.engine.executors import EXECUTORS, Task, find_executor, local
from rhas.engine.workcache import Entry


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import the film functions."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def make_tasks(folder: Path, texts: dict[str, str]) -> list[Task]:
    jobs = [make_job(folder, text, movie=movie) for movie, text in texts.items()]
    return [Task(folder / "work", job.name, job) for job in jobs]


def test_a_killed_worker_stops_no_other_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RHAS_WORKERS", "2")
    tasks = make_tasks(tmp_path, {"a": "killed", "b": "fine", "c": "broken", "d": "fine"})
    outcomes = {task.job.name: outcome for task, outcome in local.execute(tasks)}
    assert "its worker process was killed" in str(outcomes["a"])
    assert "this film is broken" in str(outcomes["c"])
    assert isinstance(outcomes["b"], Entry)
    assert isinstance(outcomes["d"], Entry)
    assert "going on with 1" in capsys.readouterr().err


def test_each_worker_has_its_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "assign_devices", lambda jobs: ["0", "3"])
    tasks = [
        replace(task, job=replace(task.job, function=write_device))
        for task in make_tasks(tmp_path, {"a": "x", "b": "x"})
    ]
    outcomes = [outcome for _, outcome in local.execute(tasks)]
    found = {entry.result.read_text() for entry in outcomes if isinstance(entry, Entry)}
    assert found == {"0", "3"}


def test_an_unknown_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAS_EXECUTOR", "slrum")
    with pytest.raises(RhasError, match="slurm"):
        find_executor()


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_executor_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages that it needs when it runs."""
    monkeypatch.setenv("RHAS_EXECUTOR", name)
    assert find_executor().__module__ == f"rhas.engine.executors.{name}"
