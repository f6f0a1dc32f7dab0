"""Experiments that DVC has stored: found by a name that says what they were made of.

The name ends in a hash of the parameters and of all code and checkpoints that the pipeline's
stages depend on, so an experiment of that name is the same experiment whichever commit it was
started from.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.engine.workcache import walk
from rhas.experiments.listing import Experiment, applied

_REFS = "refs/exps"
_HASH = 10  # characters


def experiment_name(experiment: Experiment, params: Mapping[str, Any], root: Path) -> str:
    """What the experiment is called in DVC: method, seed and the hash.

    Parameters of other methods in ``train.overrides`` do not count.

    Args:
        experiment: which one.
        params: params.yaml.
        root: of the repository.

    Raises:
        RhasError: dvc.yaml names a file that is not there.
    """
    values = applied(params, experiment)
    method = str(values["method"])
    train = dict(values["train"])
    train["overrides"] = (train.get("overrides") or {}).get(method)
    stages = yaml.safe_load((root / "dvc.yaml").read_text("utf-8"))["stages"]
    described = {
        "params": {**values, "train": train},
        "stages": stages,
        "sources": {path: _digest(root / path) for path in sorted(_sources(stages, values))},
    }
    text = json.dumps(described, sort_keys=True)
    return f"{method}-s{experiment.seed}-{hashlib.sha256(text.encode()).hexdigest()[:_HASH]}"


def stored(root: Path) -> dict[str, str]:
    """Commits of all stored experiments by name."""
    listed = git(root, "for-each-ref", "--format=%(objectname) %(refname)", f"{_REFS}/*/*/*")
    found = {}
    for line in listed.splitlines():
        commit, ref = line.split(" ", 1)
        found[ref.rsplit("/", 1)[1]] = commit
    return found


def git(root: Path, *arguments: str) -> str:
    """What a git command prints.

    Raises:
        RhasError: it fails.
    """
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise RhasError(f"git {arguments[0]} failed", where=str(root), got=done.stderr.strip())
    return done.stdout


def _sources(stages: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """What stages depend on and no stage makes."""
    made = {_filled(out, values) for stage in stages.values() for out in _paths(stage, "outs")}
    for stage in stages.values():
        for dep in _paths(stage, "deps"):
            if (path := _filled(dep, values)) not in made:
                yield path


def _paths(stage: Mapping[str, Any], kind: str) -> Iterator[str]:
    for item in stage.get(kind, []):
        yield item if isinstance(item, str) else next(iter(item))


def _filled(path: str, values: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), path)


@cache
def _digest(path: Path) -> str:
    """Of a file or of a folder's files; large ones once per process."""
    if not path.exists():
        raise RhasError("dvc.yaml depends on what is not there", where=str(path))
    files = [f for f in walk(path) if f.is_file() and "__pycache__" not in f.parts]
    state = hashlib.sha256()
    for file in files:
        name = file.relative_to(path) if path.is_dir() else file.name
        state.update(f"{name}\0{hash_file(file)}\n".encode())
    return state.hexdigest()
