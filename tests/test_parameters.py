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
    """Words alone.

    Args:
        two: said anew.
        four: said last.
    """

    two: int
    four: int = 3


@dataclass(frozen=True)
class Silent:
    """Words."""

    one: int


def test_descriptions_of_a_dataclass_and_of_its_parents() -> None:
    assert descriptions(Child) == {
        "one": "said in two lines, of which: the second.",
        "two": "said anew.",
        "three": "said of both.",
        "four": "said last.",
    }
    with pytest.raises(RhasError, match="without a description"):
        list_parameters(Silent)
