"""docs/PARAMETERS.md is what the dataclasses say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.config.page import descriptions, list_parameters

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Parent:
    """Words.

    Args:
        one: said
            in two lines, of which: the second.
        two, three: said of both.

    Further words: not of a field.
    """

    one: int
    two: int
    three: int


@dataclass(frozen=True)
class Child(Parent):
    """Words alone."""

    two: int
    """Said anew."""
    four: int = 3
    """Said
    below."""


@dataclass(frozen=True)
class Silent:
    """Words."""

    one: int


def test_descriptions_from_both_places_and_from_parents() -> None:
    assert descriptions(Child) == {
        "one": "said in two lines, of which: the second.",
        "two": "Said anew.",
        "three": "said of both.",
        "four": "Said below.",
    }
    with pytest.raises(RhasError, match="without a description"):
        list_parameters(Silent)
