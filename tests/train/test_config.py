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
        ({"learning_rate": 1e300}, "train.learning_rate"),
        ({"learning_rate": 0.1, "weight_decay": 11}, "at most 10"),
        ({"overrides": {"linear": {"stride": 0}}}, "at least 1"),
        ({"overrides": {"linear": {"stride": 10**9}}}, "0 to 1,000,000"),
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


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_more_than_the_machine_can_serve_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    config = TrainConfig(method="linear", seed=0, accumulate=64, **{name: 64})  # type: ignore[arg-type]
    with pytest.raises(RhasError, match=rf"train.{name}(.|\n)*at most 32 on this machine"):
        config.check_machine()
    config.replace(**{name: 32}).check_machine()
