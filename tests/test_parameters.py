"""docs/PARAMETERS.md is what the dataclasses say."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from rhas.base.errors import RhasError
from rhas.check.parameters import SECTIONS
from rhas.methods import METHODS
from rhas.parameters import descriptions, page

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


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "PARAMETERS.md").read_text("utf-8")
    assert written == page(ROOT), "run `python -m rhas.parameters`"


def test_every_parameter_is_on_the_page() -> None:
    text = page(ROOT)

    def names(values: dict, prefix: str = "") -> list[str]:
        return [
            leaf
            for key, value in values.items()
            for leaf in (
                names(value, f"{prefix}{key}.")
                if isinstance(value, dict) and key != "overrides"
                else [f"{prefix}{key}"]
            )
        ]

    listed = names(yaml.safe_load((ROOT / "params.yaml").read_text("utf-8")))
    assert len(listed) > 60
    assert [name for name in listed if f"| `{name}` |" not in text] == []
    assert all(f"### `{method}`" in text for method in METHODS)


def test_defaults_are_those_of_params_yaml() -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    compared = []
    for section, (config, _) in SECTIONS.items():
        for field in dataclasses.fields(config):
            required = field.default is field.default_factory is dataclasses.MISSING
            if field.name in values[section] and not required and field.name != "overrides":
                made = field.default_factory
                default = field.default if made is dataclasses.MISSING else made()
                said = values[section][field.name]
                if dataclasses.is_dataclass(default):
                    default = dataclasses.asdict(default)
                compared.append((section, field.name, said, default))
    assert len(compared) > 40
    assert [row for row in compared if row[2] != row[3]] == []


def test_descriptions_from_both_places_and_from_parents() -> None:
    assert descriptions(Child) == {
        "one": "said in two lines, of which: the second.",
        "two": "Said anew.",
        "three": "said of both.",
        "four": "Said below.",
    }
    with pytest.raises(RhasError, match="nothing is said of a parameter"):
        descriptions(Silent)
