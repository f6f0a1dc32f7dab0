"""The configuration of a method's training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.train import TrainConfig, run_key, train_config

SECTION: dict[str, Any] = {
    "epochs": 3,
    "overrides": {"hopadiff": {"bca": False}, "fact": {"width": 32}},
}


def test_overrides_are_those_of_the_method() -> None:
    assert train_config("hopadiff", 1, SECTION).overrides == {"bca": False}
    assert train_config("fact", 1, SECTION).overrides == {"width": 32}
    config = train_config("linear", 4, SECTION)
    assert (config.method, config.seed, config.epochs, config.overrides) == ("linear", 4, 3, {})


@pytest.mark.parametrize("overrides", [None, {}])
def test_no_overrides(overrides: object) -> None:
    assert train_config("linear", 0, {"overrides": overrides}).overrides == {}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"overrides": {"bca": False}}, "no method 'bca'"),
        ({"overrides": [1]}, "not listed by method"),
        ({"epoch": 3}, "epochs"),
        ({"epochs": 0}, "train.epochs"),
    ],
)
def test_mistakes(section: dict[str, Any], message: str) -> None:
    with pytest.raises(RhasError) as caught:
        train_config("linear", 0, section)
    assert message in str(caught.value)


def test_runs_that_differ_have_places_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("sample\n")
    first = run_key(TrainConfig("linear", 0), tmp_path)
    assert run_key(TrainConfig("linear", 0, save_minutes=9.0), tmp_path) == first
    others = [TrainConfig("linear", 1), TrainConfig("fact", 0), TrainConfig("linear", 0, epochs=2)]
    assert len({first, *(run_key(config, tmp_path) for config in others)}) == 4
    (tmp_path / "index.csv").write_text("sample\nother\n")
    assert run_key(TrainConfig("linear", 0), tmp_path) != first
