"""benchmarks/method_cost.py: every method is measured, at small sizes."""

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
    """In this process instead of children, so without their memory."""
    monkeypatch.syspath_prepend(FOLDER)
    module = importlib.import_module("method_cost")

    def measure_here(script: str, arguments: list[str]) -> dict[str, float]:
        options = module.parser().parse_args(arguments)
        return module.measure_here(options.measure, options)

    monkeypatch.setattr(module, "measure_in_child", measure_here)
    monkeypatch.setattr(module, "gemm_gflops", lambda: 1.0)
    return module


def test_every_method_has_its_figures(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["method_cost.py", *SIZES, "--json"])
    benchmark.main()
    said = json.loads(capsys.readouterr().out)
    assert set(said["methods"]) == set(METHODS)
    for row in said["methods"].values():
        assert {"params", "train_step_s", "window_s", "train_peak_gib"} <= set(row)
        assert all(value > 0 for value in row.values())
    monkeypatch.setattr(sys, "argv", ["method_cost.py", *SIZES, "--methods", "linear"])
    benchmark.main()
    assert "linear" in capsys.readouterr().out
