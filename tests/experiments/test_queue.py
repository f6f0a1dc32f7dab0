"""The queue with DVC itself, on a pipeline of one quick stage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from rhas.base.errors import RhasError
from rhas.experiments import (
    Experiment,
    experiment_name,
    list_stored,
    queue,
    read_results,
    run_queue,
    write_results,
)
from rhas.experiments.listing import Listing
from rhas.experiments.stored import run_git as git

PARAMS: dict[str, Any] = {
    "method": "one", "seed": 0, "sleep": 0, "until": "", "name": "",
    "train": {"overrides": {"one": {"x": 1}}},
}  # fmt: skip
TRAIN = """
import json, os, pathlib, sys, time, yaml
from rhas.thing import VALUE
params = yaml.safe_load(open("params.yaml"))
pathlib.Path("code.txt").write_text(VALUE)
time.sleep(params["sleep"])
while params["until"] and not os.path.exists(params["until"]):
    time.sleep(0.1)
if params["seed"] == 13:
    sys.exit("unlucky")
os.makedirs("models/" + params["method"], exist_ok=True)
json.dump({"parameters": 7}, open("models/" + params["method"] + "/report.json", "w"))
"""
EVALUATE = """
import json, os, yaml
os.makedirs("results", exist_ok=True)
json.dump(yaml.safe_load(open("params.yaml")), open("results/metrics.json", "w"))
json.dump({"chance": 1}, open("results/baselines.json", "w"))
"""
PIPELINE = {
    "stages": {
        "train": {
            "cmd": "python stages/train.py",
            "params": ["method", "seed", "sleep", "until", "train"],
            "deps": ["stages/train.py", "src"],
            "outs": ["models/${method}"],
        },
        "evaluate": {
            "cmd": "python stages/evaluate.py",
            "params": ["method", "seed", "name", "train"],
            "deps": ["stages/evaluate.py", "models/${method}"],
            "outs": ["results/baselines.json"],
            "metrics": [{"results/metrics.json": {"cache": False}}],
        },
    }
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with that pipeline, committed; its name has a blank and a quote."""
    root = tmp_path / "the film's"
    for folder in ("src/rhas", "stages"):
        (root / folder).mkdir(parents=True)
    files = {
        "stages/train.py": TRAIN, "stages/evaluate.py": EVALUATE, "src/rhas/__init__.py": "",
        "src/rhas/thing.py": "VALUE = 'here'\n", ".gitignore": "models/\ncode.txt\n",
        "params.yaml": yaml.safe_dump(PARAMS), "dvc.yaml": yaml.safe_dump(PIPELINE),
    }  # fmt: skip
    for name, text in files.items():
        (root / name).write_text(text)
    git(root, "init", "--quiet", ".")
    for key, value in (("user.name", "x"), ("user.email", "x@x")):
        git(root, "config", key, value)
    (root / ".dvc").mkdir()  # what `dvc init` would make
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (root / ".dvc" / ".gitignore").write_text("/tmp\n/cache\n/config.local\n")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "start")
    return root


def experiment(seed: int, **settings: Any) -> Experiment:
    return Experiment("table", "row", seed, settings)


def test_two_at_a_time_then_what_failed_and_nothing_twice(root: Path) -> None:
    name = "it's ünï, {odd}: [1]"
    experiments = [
        experiment(0), experiment(1, name=name, **{"train.overrides.one.y": [1, 2.5]}),
        experiment(13), experiment(0),
    ]  # fmt: skip
    lines: list[str] = []
    failed = run_queue(experiments, PARAMS, root=root, workers=2, report=lines.append)
    text = "\n".join(lines)
    assert failed == [experiments[2]], text
    assert "experiments: 3, done before: 0" in text
    assert "unlucky" in text
    assert "about 0:" in text, "time left"
    assert len(list_stored(root)) == 2
    assert git(root, "status", "--porcelain", "--untracked-files=no") == ""

    lines.clear()
    run_queue(experiments[:2], PARAMS, root=root, workers=2, report=lines.append)
    assert lines == ["experiments: 2, done before: 2"]

    listing = Listing("list", "A list", {"table": "Table"}, experiments[:3])
    file = root / "out" / "list.json"
    written = write_results(listing, PARAMS, root, file)
    first, second = written.experiments
    assert [(r.seed, r.metrics["name"]) for r in (first, second)] == [(0, ""), (1, name)]
    assert second.metrics["train"] == {"overrides": {"one": {"x": 1, "y": [1, 2.5]}}}
    assert first.model == {"parameters": 7}
    assert first.baselines == {"chance": 1}
    assert written.missing == ["table, row, seed 13"]
    assert read_results(file) == written

    for ref in git(root, "for-each-ref", "--format=%(refname)", "refs/exps").split():
        git(root, "update-ref", "-d", ref)
    assert write_results(listing, PARAMS, root, file) == written, "kept"
    later = write_results(listing, {**PARAMS, "sleep": 0.1}, root, file)
    assert (later.experiments, len(later.missing)) == ([], 3), "with other parameters"
    file.write_text("[]")
    with pytest.raises(RhasError, match="not the figures of a list"):
        write_results(listing, PARAMS, root, file)


def test_what_is_not_committed_is_refused(root: Path) -> None:
    (root / "stages" / "train.py").write_text("# other\n")
    with pytest.raises(RhasError, match=r"(?s)not committed.*stages/train.py"):
        run_queue([experiment(0)], PARAMS, root=root, workers=1, report=print)


def test_a_name_says_what_the_experiment_is_made_of(root: Path) -> None:
    def name(seed: int = 0, **settings: Any) -> str:
        return experiment_name(experiment(seed, **settings), PARAMS, root)

    first = name()
    assert first.startswith("one-s0-")
    assert name(train=PARAMS["train"]) == first
    other = {"overrides": {**PARAMS["train"]["overrides"], "two": {"x": 3}}}
    assert name(train=other) == first, "another method's parameters do not count"
    assert len({first, name(1), name(sleep=2), name(**{"train.overrides.one.x": 2})}) == 4
    (root / "src" / "rhas" / "__pycache__").mkdir()
    (root / "src" / "rhas" / "__pycache__" / "thing.pyc").write_text("x")
    assert name() == first


def test_names_change_with_the_code(root: Path) -> None:
    before = experiment_name(experiment(0), PARAMS, root)
    (root / "src" / "rhas" / "thing.py").write_text("VALUE = 'there'\n")
    again = [sys.executable, "-c", CHILD_NAME, str(root)]
    name = subprocess.run(again, capture_output=True, text=True, check=True).stdout.strip()
    assert name.startswith("one-s0-")
    assert name != before


CHILD_NAME = """
import sys, yaml, pathlib
from rhas.experiments import Experiment, experiment_name
root = pathlib.Path(sys.argv[1])
params = yaml.safe_load((root / "params.yaml").read_text())
print(experiment_name(Experiment("table", "row", 0, {}), params, root))
"""

CHILD_RUN = """
import sys, yaml, pathlib
from rhas.experiments import Experiment, run_queue
root = pathlib.Path(sys.argv[1])
params = yaml.safe_load((root / "params.yaml").read_text())
experiments = [Experiment("table", "row", 0, {"until": sys.argv[2]})]
run_queue(experiments, params, root=root, workers=1, report=lambda line: print(line, flush=True))
"""


def start_and_kill(root: Path, until: Path, blow: signal.Signals) -> list[str]:
    """Kills a queue while its experiment is at work, which goes on until a file is there; the
    command that it was."""
    command = [sys.executable, "-c", CHILD_RUN, str(root), str(until)]
    background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]  # as with & in a script
    queue = subprocess.Popen(background, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while not list((root / ".dvc/tmp/exps/standalone").glob("*/code.txt")):
        assert time.monotonic() - began < 60
        time.sleep(0.1)
    os.kill(queue.pid, blow)
    queue.wait()
    return command


def run_stopped(
    root: Path, workers: int, begun: Event, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Two experiments that take long, in a queue that Ctrl-C stops once ``begun``; "began" and
    "ended" of those that did."""
    shell = "echo began >> told; sleep 3; echo ended >> told"

    def interrupted(*_: object) -> None:
        assert begun.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(queue, "_dvc_command", lambda name, experiment: ["sh", "-c", shell])
    monkeypatch.setattr(queue, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_queue([experiment(0), experiment(1)], PARAMS, root=root, workers=workers, report=print)
    return told(root).split()


def told(root: Path) -> str:
    path = root / "told"
    return path.read_text() if path.exists() else ""


def test_one_that_waits_to_be_started_is_not_once_the_queue_is_stopped(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Event()

    def nothing(log: Path) -> str:
        if told(root):
            begun.set()
        return ""

    monkeypatch.setattr(queue, "_read_log", nothing)
    assert run_stopped(root, 2, begun, monkeypatch) == ["began"]


def test_one_that_is_started_while_the_queue_is_stopped_is_ended(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is there and not yet known to the queue."""
    begun, start = Event(), subprocess.Popen

    def slow(command: Any, **how: Any) -> Any:
        process = start(command, **how)
        if command[0] == "sh":
            while not told(root):
                time.sleep(0.05)
            begun.set()
            time.sleep(0.5)
        return process

    monkeypatch.setattr(subprocess, "Popen", slow)
    assert run_stopped(root, 1, begun, monkeypatch) == ["began"]


def test_after_sigkill_the_next_queue_waits_for_what_is_at_work(root: Path, tmp_path: Path) -> None:
    done = tmp_path / "done"
    command = start_and_kill(root, done, signal.SIGKILL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as queue:
        assert queue.stdout is not None
        assert any("waiting for it" in line for line in queue.stdout)
        done.touch()
        assert "experiments: 1, done before: 1" in queue.stdout.read()
    assert queue.returncode == 0
    assert len(list_stored(root)) == 1


def test_sigterm_ends_what_is_at_work(root: Path, tmp_path: Path) -> None:
    start_and_kill(root, tmp_path / "never", signal.SIGTERM)
    assert not list_stored(root)
    assert not list((root / ".dvc/tmp/exps/standalone").glob("tmp*"))
    assert git(root, "status", "--porcelain", "--untracked-files=no") == ""
