"""``rhas report``: the page of the workspace's run with the spread over its siblings."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
from pathlib import Path

import dvc
import pytest
import yaml
from typer.testing import CliRunner
from written_run import SETTINGS, RunInputs

from rhas.base.errors import RhasError
from rhas.cli import app
from rhas.report.paper_tables.runs import read_experiments, write_runs


def test_the_page_has_the_spread(
    run: tuple[RunInputs, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    shutil.copytree(run[1].parent, root)
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    for words in ("init -q", "-c user.name=a -c user.email=a@b.example commit -qm a --allow-empty"):
        subprocess.run(["git", *words.split()], cwd=root, check=True)
    content = (root / "results" / "evaluation.json").read_bytes()
    evaluate = {
        "outs": [{"path": "results/evaluation.json", "md5": hashlib.md5(content).hexdigest()}],
        "params": {"params.yaml": SETTINGS},
    }
    (root / "dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate": evaluate}}))
    monkeypatch.chdir(root)
    # its handlers hold the streams of whatever test imported DVC first, which are closed by now
    monkeypatch.setattr(logging.getLogger(dvc.__name__), "handlers", [])

    def report(*words: str) -> str:
        done = CliRunner().invoke(app, ["report", "--out", "page.html", *words])
        assert done.exit_code == 0, done.exception
        return done.stdout.splitlines()[-1]  # DVC tells of its .gitignore before

    assert report() == "page.html: seed 0"
    assert "One run, seed 0" in Path("page.html").read_text("utf-8")
    (own,) = read_experiments(Path())
    metrics = json.loads(content)
    metrics["test"]["acc"] -= 4.0
    other = own.__class__({**own.settings, "seed": 5}, metrics, "other")
    write_runs([other], Path("others.jsonl"))
    assert report("--runs", "others.jsonl") == "page.html: seeds 0, 5"
    mean = json.loads(content)["test"]["acc"] - 2
    assert f"{mean:.1f} ± {8**0.5:.1f}" in Path("page.html").read_text("utf-8")
    Path("results/evaluation.json").write_text("{}")
    failed = CliRunner().invoke(app, ["report", "--out", "other.html"])
    assert isinstance(failed.exception, RhasError)
    assert not Path("other.html").exists()
