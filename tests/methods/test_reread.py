"""benchmarks/reread.py parts, and benchmarks/launches.py."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.nn.functional import softmax

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
TINY = {"encoder_layers": 2, "feature_layers": [0, 1], "decoder_layers": 2, "sampling_steps": 2}


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(FOLDER)
    return {name: importlib.import_module(name) for name in ("reread", "launches", "hopadiff_cost")}


def test_a_part_that_is_dropped_is_bypassed(benchmarks: dict[str, ModuleType]) -> None:
    """The same as a model that was built without it and has the other weights."""
    reread, cost = benchmarks["reread"], benchmarks["hopadiff_cost"]
    batch = cost.make_batch("hopadiff", 60, 12, 5)

    def score(method: torch.nn.Module) -> torch.Tensor:
        return method.compute_scores(batch, torch.Generator().manual_seed(0))

    for drop, option in ((reread.drop_xlstm, "hp_xlstm"), (reread.drop_bca, "bca")):
        whole = cost.make_model("appendix", 60, 12, 5, TINY)
        before = score(whole)
        without = cost.make_model("appendix", 60, 12, 5, {**TINY, option: False})
        weights = {k: v for k, v in whole.state_dict().items() if k in without.state_dict()}
        without.load_state_dict(weights)
        drop(whole)
        assert torch.equal(score(whole), score(without))
        assert not torch.equal(score(whole), before)
    whole = cost.make_model("appendix", 60, 12, 5, TINY)
    before = score(whole)
    with torch.no_grad():
        reread.drop_spectra(whole)
    assert all(not parameter.any() for parameter in whole.spectra.parameters())
    assert not torch.equal(score(whole), before)


def test_operators_are_counted_without_views(benchmarks: dict[str, ModuleType]) -> None:
    x = torch.rand(6, 4)
    counted = {
        "copies": (lambda: x.T.reshape(2, 12), 1),
        "views": (lambda: x.T.unsqueeze(0).expand(3, 4, 6)[1:].detach(), 0),
        "product, relu, softmax": (lambda: softmax((x @ x.T).relu(), -1), 3),
        "zeros": (lambda: torch.zeros(3), 1),
        "memory": (lambda: torch.empty(3), 0),
    }
    for name, (work, number) in counted.items():
        work()
        assert benchmarks["launches"].count_launches(work) == number, name
