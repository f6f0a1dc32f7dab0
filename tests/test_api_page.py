"""docs/API.md: its examples run, in order, on a short film."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from film_functions import in_this_process
from films import write_film

import rhas.pipeline.features

ROOT = Path(__file__).resolve().parents[1]


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    (tmp_path / "data" / "raw" / "films").mkdir(parents=True)
    write_film(tmp_path / "data" / "raw" / "films" / "mini_05.mp4", range(45))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rhas.pipeline.features, "try_jobs", in_this_process)
    page = (ROOT / "docs" / "API.md").read_text("utf-8")
    names: dict[str, Any] = {"__name__": "example"}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert names["scores"].shape == (40, 137)
    assert (tmp_path / "mini_05" / "index.html").is_file()
    (printed,) = re.findall(r"prints\n\n```\n(.*?)```", page, re.DOTALL)
    assert capsys.readouterr().out.endswith(printed)
