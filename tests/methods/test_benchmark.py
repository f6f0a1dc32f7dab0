"""benchmarks/hopadiff_cost.py: its plain form computes the same, and it prints what it says."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
TINY = {"encoder_layers": 2, "feature_layers": [0, 1], "decoder_layers": 2, "sampling_steps": 3}
SIZES = ["--preset", "mini", "--width", "12", "--classes", "5", "--repeat", "1", "--overrides",
         json.dumps({**TINY, "stride": 1, "xlstm_chunk": 16})]  # fmt: skip


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    module = importlib.import_module("hopadiff_cost")
    monkeypatch.setattr(module, "gemm_gflops", lambda: 1.0)
    return module


def test_the_plain_form_gives_the_same_losses_gradients_and_scores(model: ModuleType) -> None:
    method = model.make_model("appendix", 40, 12, 5, {**TINY, "xlstm_chunk": 16})
    batch = model.make_batch("hopadiff", 40, 12, 5, 2)
    method.train(False)

    def results() -> list[torch.Tensor]:
        torch.manual_seed(1)
        terms = list(method.compute_losses(batch).values())
        found = torch.autograd.grad(torch.stack(terms).sum(), list(method.parameters()))
        return [*terms, *found, method.compute_scores(batch, torch.Generator().manual_seed(2))]

    ours = results()
    with model.plain_form():
        plain = results()
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-5)


def test_tables_and_plot(
    model: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "cost.png"
    lengths = ["--length", "48", "--lengths", "24", "48", "--reference-up-to", "24"]
    monkeypatch.setattr(sys, "argv", ["hopadiff_cost.py", *SIZES, *lengths, "--plot", str(file)])
    model.main()
    said = capsys.readouterr().out
    assert "2.0 times the frames" in said
    for part in ("encoder convolution", "mLSTM", "spectrum", "decoder neighbours", "all"):
        assert part in said
    assert file.stat().st_size > 1000


def test_json(model: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cost.json"
    lengths = ["--length", "24", "--lengths", "24"]
    monkeypatch.setattr(sys, "argv", ["hopadiff_cost.py", *SIZES, *lengths, "--json", str(file)])
    model.main()
    found = json.loads(file.read_text())
    assert found["parts"]["mLSTM"]["step_gflop"] > 0
    assert all(value > 0 for value in found["lengths"][0].values())
