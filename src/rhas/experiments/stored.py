"""Experiments that DVC has stored, found by their names."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rhas.base.errors import RhasError

_REFS = "refs/exps"


def list_stored(root: Path) -> dict[str, str]:
    """Commits of all stored experiments by name."""
    listed = run_git(root, "for-each-ref", "--format=%(objectname) %(refname)", f"{_REFS}/*/*/*")
    commits = {}
    for line in listed.splitlines():
        commit, ref = line.split(" ", 1)
        commits[ref.rsplit("/", 1)[1]] = commit
    return commits


def run_git(root: Path, *arguments: str) -> str:
    """What a git command prints.

    Raises:
        RhasError: it fails.
    """
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise RhasError(f"git {arguments[0]} failed", where=str(root), got=done.stderr.strip())
    return done.stdout
