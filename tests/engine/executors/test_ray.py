"""On two Ray nodes of this machine; skips where Ray is absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from film_functions import make_job, note_process, tell_place

from rhas.base.errors import RhasError
from rhas.engine.executors import Outcome, Task
from rhas.engine.executors.ray import execute
from rhas.engine.stage import try_jobs
from rhas.engine.workcache import Entry, WorkCache

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


@pytest.fixture
def s3_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server of this machine, and a bucket."""
    server_module, s3fs = pytest.importorskip("moto.server"), pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem().mkdir("bucket")
    monkeypatch.setenv("RHAS_STORE", "s3://bucket/rhas")
    yield "s3://bucket/rhas"
    server.stop()


def test_machines_that_share_nothing(
    s3_store: str, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers see none of the driver's paths; a second step finds its inputs in the store."""
    monkeypatch.chdir(tmp_path)
    texts = {"a": "one", "b": "two", "c": "broken", "d": "killed"}
    tasks = make_tasks(Path("."), texts)
    outcomes = run([
        replace(task, root=tmp_path / "work", job=replace(task.job, function=tell_place))
        for task in tasks
    ])  # fmt: skip
    assert "this film is broken" in str(outcomes["c"])
    assert "its worker was lost 3 times" in str(outcomes["d"])
    for name in "ab":
        entry = outcomes[name]
        assert isinstance(entry, Entry)
        assert (entry.result / "text").read_text() == texts[name].upper()
        place, folder = (entry.result / "place").read_text().split("\n")
        assert "/rhas-" in place
        assert "/rhas-" in folder
        assert entry.folder.parent.parent == tmp_path / "work"
        assert entry.report == {"frames": 1}
    stored = fsspec_files(s3_store)
    assert len(stored) == 4 + 4  # inputs, and two files of a and of b


def test_parts_that_travel(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("EXECUTOR", "ray"), ("STORE", "store"), ("PART_FRAMES", "6")):
        monkeypatch.setenv(f"RHAS_{name}", str(tmp_path / value) if name == "STORE" else value)
    job = make_job(tmp_path, "firstssecondthirds")
    cache = WorkCache(tmp_path / "work")
    entries, failures = try_jobs(cache, "decode", [job])
    assert not failures
    assert entries["a"].result.read_text() == "FIRSTSSECONDTHIRDS!"
    assert calls(tmp_path) == ["a:0", "a:12", "a:6"]
    assert [entry.name for entry in cache.list_entries()] == ["a"]


def fsspec_files(store: str) -> list[str]:
    from fsspec import url_to_fs

    system, root = url_to_fs(store)
    system.invalidate_cache()
    return list(system.find(root))


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
