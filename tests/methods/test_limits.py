"""Numbers of methods that would take hours or have no network are refused where they are read."""

from __future__ import annotations

import dataclasses

import pytest

from rhas.base.errors import RhasError
from rhas.methods import METHODS, find_method, make_config

SIZES = [
    (method, item.name)
    for method in METHODS
    for item in dataclasses.fields(find_method(method).config)
    if item.name.endswith(("width", "layers")) or item.name == "stages"
    if item.type in ("int", int)
]


@pytest.mark.parametrize(("method", "name"), SIZES)
def test_layers_and_widths_have_limits(method: str, name: str) -> None:
    preset = next(iter(find_method(method).presets))
    wrong = 0 if name.endswith("width") else 1_000_000
    with pytest.raises(RhasError, match=rf"method {method}, {name}.*out of range"):
        make_config(method, preset, {name: wrong})


def test_every_method_with_layers_is_asked() -> None:
    assert {"asquery", "fact", "hopadiff", "ltcontext"} <= {method for method, _ in SIZES}
