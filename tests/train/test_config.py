"""The configuration of a method's training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.train import method_config, run_key


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"overrides": {"bca": {}}}, "no method 'bca'"),
        ({"overrides": {"linear": {"inputz": "both"}}}, "did you mean 'inputs'"),
        ({"overrides": {"bca": False}}, "below their method"),
        ({"overrides": [1]}, "not listed by method"),
        ({"preset": "big"}, "unknown preset"),
        ({"epoch": 3}, "epochs"),
        ({"epochs": 0}, "train.epochs"),
    ],
)
def test_mistakes(section: dict[str, Any], message: str) -> None:
    with pytest.raises(RhasError) as caught:
        method_config(TrainConfig(method="linear", seed=0, **section))
    assert message in str(caught.value)


def test_a_preset_with_the_overrides_of_the_method() -> None:
    overrides: Any = {"hopadiff": {"bca": False}, "linear": {"inputs": "partial"}}
    config = TrainConfig(method="linear", seed=0, overrides=overrides)
    assert method_config(config).inputs == "partial"


def test_runs_that_differ_have_places_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("sample\n")
    first = run_key(TrainConfig(method="linear", seed=0), tmp_path)
    assert run_key(TrainConfig(method="linear", seed=0, save_minutes=9.0), tmp_path) == first
    others = [
        TrainConfig(method="linear", seed=1),
        TrainConfig(method="fact", seed=0),
        TrainConfig(method="linear", seed=0, epochs=2),
    ]
    assert len({first, *(run_key(config, tmp_path) for config in others)}) == 4
    (tmp_path / "index.csv").write_text("sample\nother\n")
    assert run_key(TrainConfig(method="linear", seed=0), tmp_path) != first
