"""On two Ray nodes of this machine; skips where Ray is absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from film_functions import make_job, note_process

from rhas.base.errors import RhasError
from rhas.engine.executors import Outcome, Task
from rhas.engine.executors.ray import execute
from rhas.engine.workcache import Entry

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The head has no worker, two nodes one each."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.delenv("RHAS_WORKERS", raising=False)
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    found = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    found.nodes = [found.add_node(num_cpus=1) for _ in range(2)]
    monkeypatch.setenv("RAY_ADDRESS", found.address)
    yield found
    ray.shutdown()
    found.shutdown()


def make_tasks(folder: Path, texts: dict[str, str]) -> list[Task]:
    jobs = [make_job(folder, text, movie=movie) for movie, text in texts.items()]
    return [Task(folder / "work", job.name, job) for job in jobs]


def run(tasks: list[Task]) -> dict[str, Outcome]:
    return {task.job.name: outcome for task, outcome in execute(tasks)}


def calls(folder: Path) -> list[str]:
    return sorted((folder / "calls").read_text().split())


def test_films_errors_and_lost_workers(
    cluster: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {"a": "killed", "b": "fine", "c": "broken", "d": "bug", "e": "fine"}
    outcomes = run(make_tasks(tmp_path, texts))
    assert "its worker was lost 3 times" in str(outcomes["a"])
    assert "this film is broken" in str(outcomes["c"])
    assert "ZeroDivisionError: a bug" in str(outcomes["d"])
    for name in "be":
        entry = outcomes[name]
        assert isinstance(entry, Entry)
        assert entry.result.read_text() == "FINE!"
    assert calls(tmp_path) == ["a", "a", "a", "b", "c", "d", "e"]
    [large] = make_tasks(tmp_path, {"f": "large"})
    with pytest.raises(RhasError, match="no node of the Ray cluster"):
        run([replace(large, job=replace(large.job, memory=1 << 60))])


def test_a_lost_nodes_films_run_elsewhere(cluster: Any, tmp_path: Path) -> None:
    tasks = [
        replace(task, job=replace(task.job, function=note_process))
        for task in make_tasks(tmp_path, dict.fromkeys("abcdef", "x"))
    ]
    outcomes: dict[str, Outcome] = {}
    ended = execute(tasks)
    for task, outcome in ended:
        if not outcomes:
            cluster.remove_node(cluster.nodes[0], allow_graceful=False)
        outcomes[task.job.name] = outcome
    assert sorted(outcomes) == list("abcdef")
    found = [o.result.read_text() for o in outcomes.values() if isinstance(o, Entry)]
    assert len(found) == 6
    assert len(set(found)) <= 3  # a process serves film after film
