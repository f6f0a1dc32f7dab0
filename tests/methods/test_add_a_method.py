"""The template of docs/ADD_A_METHOD.md works as printed."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import rhas
import rhas.methods
from rhas.base.errors import RhasError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ADD_A_METHOD.md"


def test_the_template_is_found_trained_and_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, example = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "mlp").mkdir()
    (tmp_path / "mlp" / "__init__.py").write_text(template, "utf-8")
    monkeypatch.setattr(rhas.methods, "__path__", [*rhas.methods.__path__, str(tmp_path)])
    monkeypatch.setattr(rhas.methods, "METHODS", (*rhas.methods.METHODS, "mlp"))
    monkeypatch.setattr("rhas.train.config.METHODS", rhas.methods.METHODS)
    monkeypatch.chdir(tmp_path)
    importlib.invalidate_caches()
    names: dict[str, object] = {}
    try:
        exec(example, names)
    finally:
        sys.modules.pop("rhas.methods.mlp", None)
    scores = names["scores"]
    assert isinstance(scores, np.ndarray)
    assert scores.shape == (256, 5)
    assert (scores[200:] == 0).all()
    assert (scores[:200] > 0).all()


def test_arrays_that_do_not_fit_are_named() -> None:
    rows, text, present = np.zeros((9, 4), np.float32), np.zeros(3, np.float32), np.ones(9, bool)
    with pytest.raises(RhasError, match=r"\(n, D\)(.|\n)*partial float32 \(8, 4\)"):
        rhas.Features(rows, rows[:8], present, text)
    features = rhas.Features(rows, rows, present, text)
    with pytest.raises(RhasError, match=r"'labels' does not fit(.|\n)*\(9, C\)(.|\n)*\(8, 2\)"):
        rhas.make_sample(features, np.zeros((8, 2)))
    with pytest.raises(RhasError, match="longer than its length"):
        rhas.make_sample(features, np.zeros((9, 2)), length=8)
