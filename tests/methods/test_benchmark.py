"""benchmarks/model.py: its plain form computes the same, and it prints what it says."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "model.py"
TINY = {"encoder_layers": 2, "feature_layers": [0, 1], "decoder_layers": 2, "sampling_steps": 3}
SIZES = ["--preset", "mini", "--width", "12", "--classes", "5", "--repeat", "1", "--overrides",
         json.dumps({**TINY, "stride": 1, "xlstm_chunk": 16})]  # fmt: skip


@pytest.fixture(scope="module")
def model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_model", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmarks_model"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    module.gemm_gflops = functools.partial(module.gemm_gflops, 1, 64)  # type: ignore[attr-defined]
    return module


def test_the_plain_form_gives_the_same_losses_gradients_and_scores(model: ModuleType) -> None:
    method = model.make_model("appendix", 40, 12, 5, {**TINY, "xlstm_chunk": 16})
    batch = model.make_batch(2, 40, 12, 5)
    method.train(False)

    def results() -> list[torch.Tensor]:
        torch.manual_seed(1)
        terms = list(method.losses(batch).values())
        found = torch.autograd.grad(torch.stack(terms).sum(), list(method.parameters()))
        return [*terms, *found, method.scores(batch, torch.Generator().manual_seed(2))]

    ours = results()
    with model.plainly():
        plain = results()
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-5)


def test_tables_and_plot(
    model: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "cost.png"
    lengths = ["--length", "48", "--lengths", "24", "48", "--reference-up-to", "24"]
    monkeypatch.setattr(sys, "argv", ["model.py", *SIZES, *lengths, "--plot", str(file)])
    model.main()
    said = capsys.readouterr().out
    assert "2.0 times the frames" in said
    for part in ("encoder convolution", "mLSTM", "spectrum", "decoder neighbours", "all"):
        assert part in said
    assert file.stat().st_size > 1000


def test_json_of_one_measurement(model: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process instead of children, so without their memory."""
    options = ["--length", "24", "--json"]
    monkeypatch.setattr(sys, "argv", ["model.py", *SIZES, *options])
    parsed = model.parser().parse_args()
    monkeypatch.setattr(model, "in_a_child", lambda what, _: model.measure(what, parsed))
    found = model.summary([])
    assert {"params", "train_step_s", "train_peak_gib", "sample_s", "sample_peak_gib"} <= set(found)
    assert all(value > 0 for value in found.values())
