"""A DVC project in Git with runs in its workspace, its commit, and an experiment."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from rhas.report.paper_tables.runs import EVALUATION

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


def write_run(root: Path, acc: float, params: dict[str, Any], path: str = EVALUATION) -> None:
    """A lock of three stages, and the figures that it names."""
    (root / "results").mkdir(exist_ok=True)
    text = json.dumps({"val": {}, "test": {"acc": acc}})
    (root / path).write_text(text)
    link = {"samples": "1" * 32, "model": "2" * 32}
    stages = {
        "chunk": {"outs": [{"path": "data/samples", "md5": link["samples"]}]},
        "train": {
            "deps": [{"path": "data/samples", "md5": link["samples"]}],
            "outs": [{"path": "models/m", "md5": link["model"]}],
        },
        "evaluate": {
            "deps": [{"path": "models/m", "md5": link["model"]}],
            "outs": [{"path": path, "md5": hashlib.md5(text.encode()).hexdigest()}],
        },
    }
    for name, stage in stages.items():
        stage["params"] = {"params.yaml": params[name]}  # type: ignore[assignment]
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def with_seed(seed: int) -> dict[str, Any]:
    return {s: {**v, "seed": seed} if s != "chunk" else v for s, v in PARAMS.items()}


def write_project(tmp_path: Path) -> Path:
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
