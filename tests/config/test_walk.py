"""Every parameter with every kind of bad value, through everything that reads params.yaml."""

from __future__ import annotations

import copy
import datetime
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import annotated_types as limits
import pytest
import yaml
from pydantic import BaseModel

from rhas.base.errors import RhasError
from rhas.check.parameters import check_parameters
from rhas.config.params import SECTIONS, FilmParams, Params, parse_params
from rhas.config.section import Section, read_section

ROOT = Path(__file__).resolve().parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
BAD: tuple[Any, ...] = (
    None, "", "x", "\x1b[31m", "0", "1e400", True, [], {}, [1, "x"], [None], {"a": 1}, {1: 2},
    {None: []}, [10**400, 0, 0],
    -1, 0, 2**31, 2**63, 10**400, -(10**30), 0.5, -0.5, 1e300, 5e-324, math.inf, -math.inf,
    math.nan, datetime.date(2020, 1, 1), b"x", {"a", "b"}, "cuda:7", [[[[[[]]]]]],
)  # fmt: skip


def list_places(values: dict[Any, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from list_places(value, (*before, name))


def change(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    values = copy.deepcopy(VALUES)
    inner = values
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return values


PLACES = [".".join(place) for place in list_places(VALUES)]


@pytest.mark.parametrize("place", PLACES)
def test_bad_values(place: str) -> None:
    """A value is taken or refused by a message that names the parameter; whoever reads it."""
    names = tuple(place.split("."))
    for value in BAD:
        values = change(names, value)
        problems = []
        readers = [Params, FilmParams, *SECTIONS]
        for kind in readers:
            try:
                if issubclass(kind, Section) and kind in SECTIONS:
                    read_section(kind, values)
                else:
                    parse_params(kind, values)
            except RhasError as error:
                problems.append(error)
        for error in problems:
            told = f"{error.where} {error.what} {error.expected}"
            assert any(name in told for name in names), (value, str(error))
        fails = [c for c in check_parameters(values) if c.level == "fail"]
        assert bool(fails) or not problems, value


def list_numbers(hint: Any, facts: Sequence[Any], place: str) -> Iterator[tuple[str, list[Any]]]:
    """Every number in a section's types, and what limits it."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        yield from list_numbers(inner[0], [*facts, *inner[1:]], place)
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, field in hint.model_fields.items():
            yield from list_numbers(field.annotation, field.metadata, f"{place}.{name}")
    elif hint in (int, float):
        yield place, [limit for fact in facts for limit in getattr(fact, "metadata", [fact])]
    elif typing.get_origin(hint) is not Mapping:  # train.overrides: tests/methods/test_limits.py
        for option in inner:
            facts = facts if typing.get_origin(hint) is not tuple else ()
            yield from list_numbers(option, facts, place)


NUMBERS = dict(list_numbers(Params, (), ""))


@pytest.mark.parametrize("place", NUMBERS)
def test_every_number_has_limits(place: str) -> None:
    assert any(isinstance(limit, limits.Ge | limits.Gt) for limit in NUMBERS[place])
    assert any(isinstance(limit, limits.Le | limits.Lt) for limit in NUMBERS[place])


def test_numbers_are_found_wherever_they_stand() -> None:
    assert {".seed", ".chunk.folds", ".chunk.fractions", ".evaluate.readout.median"} <= {*NUMBERS}
    assert len(NUMBERS) > 40
