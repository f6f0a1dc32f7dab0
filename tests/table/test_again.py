"""Which runs are siblings: those that differ in their seed alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.report.paper_tables.runs import Run
from rhas.report.seeds import find_siblings, write_page_with_seeds


def run(seed: int, name: str = "", **settings: Any) -> Run:
    return Run({"method": "fact", "seed": seed, **settings}, {"test": {}}, name)


def test_seeds_alone() -> None:
    own = run(1, "own")
    others = [own, run(0, "zero"), run(1, "again"), run(2, "other", vlm="clip"), run(0, "late")]
    assert {seed: found.name for seed, found in find_siblings(own, others).items()} == {
        0: "zero", 1: "own",
    }  # fmt: skip


def test_a_workspace_that_is_not_evaluated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (project / "results" / "evaluation.json").unlink()
    with pytest.raises(RhasError, match="not evaluated"):
        write_page_with_seeds(project / "page.html")
    assert not (project / "page.html").exists()
