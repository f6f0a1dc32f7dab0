"""Runs from a project's lock, commit and experiments, and from a file."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rhas.base.errors import RhasError
from rhas.table.runs import METRICS, Run, read_experiments, read_file, run_settings, write_file

PARAMS: dict[str, Any] = {
    "chunk": {"fps": 15, "frame_len": 3000, "split": "random", "vlm": "clip", "seed": 0},
    "train": {
        "method": "fact",
        "seed": 0,
        "train": {
            "preset": "mini",
            "overrides": {"hopadiff": {"bca": False}, "fact": {"inputs": "holistic"}},
            "epochs": 3,
            "threads": 2,
        },
    },
    "evaluate": {"method": "fact", "seed": 0, "evaluate": {"readout": {"median": 15}}},
}


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write_run(root: Path, acc: float, params: dict[str, Any]) -> None:
    """A lock of three stages, and the figures that it names."""
    (root / "results").mkdir(exist_ok=True)
    text = json.dumps({"val": {}, "test": {"acc": acc}})
    (root / METRICS).write_text(text)
    link = {"samples": "1" * 32, "model": "2" * 32}
    stages = {
        "chunk": {"outs": [{"path": "data/samples", "md5": link["samples"]}]},
        "train": {
            "deps": [{"path": "data/samples", "md5": link["samples"]}],
            "outs": [{"path": "models/m", "md5": link["model"]}],
        },
        "evaluate": {
            "deps": [{"path": "models/m", "md5": link["model"]}],
            "outs": [{"path": METRICS, "md5": hashlib.md5(text.encode()).hexdigest()}],
        },
    }
    for name, stage in stages.items():
        stage["params"] = {"params.yaml": params[name]}  # type: ignore[assignment]
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def with_seed(seed: int) -> dict[str, Any]:
    return {s: {**v, "seed": seed} if s != "chunk" else v for s, v in PARAMS.items()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A commit with seed 0, an experiment with seed 1, a workspace with seed 2."""
    root = tmp_path / "repo" / "a project"
    root.mkdir(parents=True)
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    git(root.parent, "init", "-q")
    git(root, "config", "user.email", "a@b.example")
    git(root, "config", "user.name", "a")
    (root / ".dvc" / ".gitignore").write_text("/tmp\n/cache\n")
    write_run(root, 10.0, PARAMS)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    head = git(root, "rev-parse", "HEAD")
    write_run(root, 20.0, with_seed(1))
    git(root, "commit", "-qam", "experiment")
    git(root, "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/tall-boat", "HEAD")
    git(root, "reset", "-q", "--hard", head)
    write_run(root, 30.0, with_seed(2))
    return root


def test_workspace_commit_and_experiments(project: Path) -> None:
    runs = read_experiments(project)
    assert [(run.name, run.settings["seed"], run.metrics["test"]["acc"]) for run in runs] == [
        ("workspace", 2, 30.0),
        ("HEAD", 0, 10.0),
        ("tall-boat", 1, 20.0),
    ]
    assert runs[0].settings["frame_len"] == 3000
    assert runs[0].settings["overrides"] == {"inputs": "holistic"}
    assert runs[0].settings["others"]["train.epochs"] == 3


def test_figures_of_other_settings_than_the_locks_are_left_out(project: Path) -> None:
    (project / METRICS).write_text('{"val": {}, "test": {"acc": 99.0}}')
    told: list[str] = []
    assert [run.name for run in read_experiments(project, skipped=told.append)] == [
        "HEAD", "tall-boat",
    ]  # fmt: skip
    assert len(told) == 1
    assert "workspace" in told[0]


def test_a_run_that_was_stopped_half_way_is_left_out(project: Path) -> None:
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    lock["stages"]["train"]["outs"][0]["md5"] = "3" * 32
    (project / "dvc.lock").write_text(yaml.safe_dump(lock))
    told: list[str] = []
    assert len(read_experiments(project, skipped=told.append)) == 2
    assert "do not belong together" in told[0]


def test_equal_settings_count_once(project: Path) -> None:
    write_run(project, 30.0, PARAMS)
    told: list[str] = []
    runs = read_experiments(project, skipped=told.append)
    assert [run.name for run in runs] == ["workspace", "tall-boat"]
    assert "HEAD: other figures" in told[0]


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="not a DVC project"):
        read_experiments(tmp_path)


def test_settings_are_those_that_the_run_reads() -> None:
    params = {
        "method": "hopadiff", "split": "random", "frame_len": 2000, "vlm": "clip", "seed": 3,
        "train": {"preset": "paper", "overrides": {"partial_branch": False}, "threads": 2},
        "extract": {"checkpoints": {"clip": "a", "blip2": "b"}, "dtype": "float32"},
    }  # fmt: skip
    settings = run_settings(params)
    assert settings["overrides"] == {"partial_branch": False}
    assert settings["others"] == {"extract.checkpoint": "a", "extract.dtype": "float32"}
    assert settings["preset"] == "paper"


def test_files(tmp_path: Path) -> None:
    run = Run({"method": "fact", "seed": 1}, {"test": {"acc": 1.5}}, "größe", {"test": {}})
    write_file([run, run], tmp_path / "runs.jsonl")
    assert read_file(tmp_path / "runs.jsonl") == [run, run]
    entry = (tmp_path / "runs.jsonl").read_text("utf-8").splitlines()[0]
    (tmp_path / "runs.json").write_text(f"[{entry}]", "utf-8")
    assert read_file(tmp_path / "runs.json") == [run]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "not a run"),
        ('{"name": "a"}', "not a run"),
        ('{"name": "a", "settings": {}, "metrics": {}, "more": 1}', "not a run"),
        ('{"name": "a", "settings": {"seed": 1}, "metrics": {"test": {}}}', "not a run"),
    ],
)
def test_files_that_hold_no_runs(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "runs.json").write_text(text)
    with pytest.raises(RhasError, match=said):
        read_file(tmp_path / "runs.json")
