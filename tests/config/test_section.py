"""A section of params.yaml: what it accepts, and how mistakes are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from rhas.base.errors import RhasError
from rhas.config.section import Count, Section, describe_values, read_section


class Inner(Section):
    """A part of a section."""

    section: ClassVar[str] = "outer.inner"

    width: int = 3
    """Width."""


class Outer(Section):
    """A section."""

    section: ClassVar[str] = "outer"
    switches: ClassVar[tuple[str, ...]] = ("fps",)

    fps: float
    """A switch."""
    mode: Literal["fast", "slow"] = "fast"
    """Two
    lines."""
    limit: int | None = None
    """Optional."""
    share: float = Field(default=0.5, ge=0, le=1)
    """With limits."""
    size: Count | Literal["auto"] = 1
    """A number or a word."""
    inner: Inner = Inner()
    """A part."""
    rates: tuple[float, ...] = ()
    """A list."""
    paths: Mapping[str, str] = {}
    """A mapping."""
    parts: Mapping[str, Mapping[str, int | tuple[int | str, ...]]] = {}
    """A mapping of mappings."""


def test_values_become_a_section() -> None:
    built = Outer(fps=15, limit=None, inner={"width": 4}, rates=[1, 0.5], share=1, paths={"a": "b"})  # type: ignore[arg-type]
    assert built == Outer(fps=15.0, inner=Inner(width=4), rates=(1.0, 0.5), share=1.0,
                          paths={"a": "b"})  # fmt: skip
    assert isinstance(built.fps, float)
    assert isinstance(built.rates[0], float)
    assert Outer.model_fields["mode"].description == "Two\nlines."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fps": 1, "mod": "fast"}, "outer: unknown parameter 'mod'"),
        ({"fps": 1, "mod": "fast"}, "did you mean 'mode'"),
        ({"fps": 1, "zzz": 1}, "remove it"),
        ({}, "params.yaml: parameter 'fps' is missing"),
        ({"fps": "15"}, "fps: parameter has a wrong value"),
        ({"fps": True}, "expected: number"),
        ({"fps": 1, "mode": "quick"}, "expected: `fast` or `slow`"),
        ({"fps": 1, "limit": True}, "expected: whole number or nothing"),
        ({"fps": 1, "limit": 1.0}, "outer.limit"),
        ({"fps": 1, "inner": {"with": 1}}, "did you mean 'width'"),
        ({"fps": 1, "inner": {"width": "x"}}, "outer.inner.width: parameter has a wrong value"),
        ({"fps": 1, "rates": [1, "2"]}, "outer.rates[1]"),
        ({"fps": 1, "rates": 3}, "expected: list of numbers"),
        ({"fps": 1, "share": 2}, "outer.share: parameter out of range"),
        ({"fps": 1, "share": 2}, "expected: number, 0 to 1"),
        ({"fps": 1, "share": float("nan")}, "out of range"),
        ({"fps": 1, "size": 0}, "expected: whole number, 1 to 1,000,000,000 or `auto`"),
        ({"fps": 1, "size": "all"}, "outer.size"),
        ({"fps": 1, "paths": {"a": 3}}, "outer.paths.a: parameter has a wrong value"),
        ({"fps": 1, "paths": {"a": 3}}, "expected: text"),
        ({"fps": 1, "parts": {"a": 3}}, "outer.parts.a: parameter has a wrong value"),
        ({"fps": 1, "parts": {"a": {"b": None}}}, "outer.parts.a.b: parameter has a wrong value"),
        ({"fps": 1, "parts": {"a": {"b": [None]}}}, "expected: whole number or list of them"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(RhasError) as caught:
        Outer(**values)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_a_section_is_read_with_its_switches() -> None:
    values = {"fps": 2, "vlm": "clip", "outer": {"limit": 4}}
    assert read_section(Outer, values) == Outer(fps=2.0, limit=4)
    for wrong in (None, 5, [1]):
        with pytest.raises(RhasError, match="not a section"):
            read_section(Outer, {"fps": 2, "outer": wrong})
    with pytest.raises(RhasError, match="unknown parameter 'fps'"):
        read_section(Outer, {"fps": 2, "outer": {"fps": 3}})


def test_a_copy_is_checked_and_the_original_frozen() -> None:
    section = Outer(fps=1.0)
    assert section.replace(share=1).share == 1.0
    with pytest.raises(RhasError, match="out of range"):
        section.replace(share=2)
    with pytest.raises(ValueError, match="frozen"):
        section.share = 1.0  # type: ignore[misc]


def test_results_depend_on_defaults_too() -> None:
    assert Outer(fps=1.0).key_values() == Outer(fps=1, mode="fast", inner=Inner()).key_values()
    assert Outer(fps=1.0).key_values()["inner"] == {"width": 3}


def test_values_in_words() -> None:
    share = Outer.model_fields["share"]
    assert describe_values(share.annotation, share.metadata) == "number, 0 to 1"
    assert describe_values(bool) == "`true` or `false`"
    assert describe_values(tuple[int, ...]) == "list of whole numbers"
    assert describe_values(tuple[Count, ...]) == "list of whole numbers, 1 to 1,000,000,000"
