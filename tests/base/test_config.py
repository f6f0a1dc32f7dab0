from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError


@dataclass(frozen=True)
class Inner:
    width: int = 3


@dataclass(frozen=True)
class Config:
    fps: float
    mode: Literal["fast", "slow"] = "fast"
    limit: int | None = None
    shares: tuple = (1, 2)
    inner: Inner = field(default_factory=Inner)
    rates: tuple[float, ...] = ()


def test_values_become_a_config() -> None:
    made = from_mapping(
        Config, {"fps": 15, "shares": [3], "limit": None, "inner": {"width": 4}}, "params.yaml"
    )
    assert made == Config(15.0, "fast", None, (3,), Inner(4))
    assert isinstance(made.fps, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fps": 1, "mod": "fast"}, "did you mean 'mode'"),
        ({"fps": 1, "zzz": 1}, "remove it"),
        ({}, "'fps' is missing"),
        ({"fps": "15"}, "params.yaml.fps"),
        ({"fps": 10**400}, "params.yaml.fps"),
        ({"fps": 1, "mode": "quick"}, "'fast' | 'slow'"),
        ({"fps": 1, "limit": True}, "int"),
        ({"fps": 1, "inner": {"with": 1}}, "did you mean 'width'"),
        ({"fps": 1, "rates": [1, "2"]}, "params.yaml.rates[1]"),
    ],
)
def test_mistakes_are_named(values: dict, message: str) -> None:
    with pytest.raises(RhasError) as caught:
        from_mapping(Config, values, "params.yaml")
    assert message in str(caught.value)


def test_items_of_a_list_become_what_they_are_declared_as() -> None:
    made = from_mapping(Config, {"fps": 1, "rates": [1, 0.5], "shares": ["a", 1]}, "params.yaml")
    assert (made.rates, made.shares) == ((1.0, 0.5), ("a", 1))
    assert isinstance(made.rates[0], float)
