"""benchmarks/methods.py: every method is measured, at small sizes."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rhas.methods import METHODS

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SIZES = ["--preset", "mini", "--length", "60", "--width", "8", "--classes", "70"]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """In this process instead of children, so without their memory; the module it comes with is
    model.py."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setitem(sys.modules, "model", None)  # forgotten again after the test
    monkeypatch.delitem(sys.modules, "model")
    spec = importlib.util.spec_from_file_location("benchmarks_methods", FOLDER / "methods.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def here(what: str, method: str, options: object) -> dict[str, float]:
        arguments = module.parser().parse_args([*SIZES, "--methods", method])
        return module.measure(what, arguments)

    monkeypatch.setattr(module, "in_a_child", here)
    monkeypatch.setattr(module, "gemm_gflops", lambda: 1.0)
    return module


def test_every_method_has_its_figures(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["methods.py", *SIZES, "--json"])
    benchmark.main()
    said = json.loads(capsys.readouterr().out)
    assert set(said["methods"]) == set(METHODS)
    for row in said["methods"].values():
        assert {"params", "train_step_s", "window_s", "train_peak_gib"} <= set(row)
        assert all(value > 0 for value in row.values())
    monkeypatch.setattr(sys, "argv", ["methods.py", *SIZES, "--methods", "linear"])
    benchmark.main()
    assert "linear" in capsys.readouterr().out
