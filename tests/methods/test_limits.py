"""Numbers of methods that would take hours or have no network are refused where they are read."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import pytest
import torch

import rhas.methods
from rhas.base.errors import RhasError
from rhas.config.train import TrainConfig
from rhas.methods import METHODS, Dims, build_method, find_method, make_config
from rhas.train.config import method_config

SIZES = [
    (method, item.name)
    for method in METHODS
    for item in dataclasses.fields(find_method(method).config)
    if item.name.endswith(("width", "maps", "ffn", "layers")) or item.name == "stages"
    if item.type in ("int", int)
]


@pytest.mark.parametrize(("method", "name"), SIZES)
def test_layers_and_widths_have_limits(method: str, name: str) -> None:
    preset = next(iter(find_method(method).presets))
    for wrong in (1_000_000,) if name.endswith(("layers", "stages")) else (0, 1_000_000):
        with pytest.raises(RhasError, match=rf"method {method}, {name}.*out of range"):
            make_config(method, preset, {name: wrong})


def test_every_method_with_layers_is_asked() -> None:
    assert {"asquery", "fact", "hopadiff", "ltcontext"} <= {method for method, _ in SIZES}


@pytest.mark.parametrize(
    ("method", "name"),
    [("actdiff", "decoder_maps"), ("fact", "width"), ("asquery", "width"),
     ("hopadiff", "time_width")],
)  # fmt: skip
def test_a_network_larger_than_memory_is_not_begun(
    method: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rhas.methods, "read_free_memory", lambda: 10**8)
    config = make_config(method, "paper", {name: 16_000})
    began = time.process_time()
    with pytest.raises(
        RhasError, match=rf"(?s)train\.overrides\.{method}.*of parameters, .* are free"
    ):
        build_method(method, config, Dims(D=8, D_text=4, C=3, L=30))
    assert time.process_time() - began < 5


def test_asking_for_the_size_draws_nothing() -> None:
    config = make_config("fact", "mini", {"tokens": 7})
    drawn = []
    for build in (lambda *sizes: build_method("fact", *sizes), find_method("fact").build):
        torch.manual_seed(0)
        method = build(config, Dims(D=8, D_text=4, C=3, L=30))
        drawn.append(torch.cat([p.flatten() for p in method.parameters()]))
    assert torch.equal(*drawn)


@pytest.mark.parametrize(
    ("method", "name"),
    [("ltcontext", "window"), ("ltcontext", "long_stride"), ("refatomnet", "feedforward"),
     ("fact", "tokens"), ("refatomnet", "text_tokens"), ("refatomnet", "agents"),
     ("asquery", "heads"), ("linear_window", "window"), ("zero_shot", "window"),
     ("asquery", "window")],
)  # fmt: skip
def test_what_is_multiplied_has_a_limit(method: str, name: str) -> None:
    with pytest.raises(RhasError, match=rf"{name}.*out of range"):
        make_config(method, "mini", {name: 1_000_000})


@pytest.mark.parametrize("method", METHODS)
def test_what_no_parameter_may_be_is_refused_by_its_name(method: str) -> None:
    for item in dataclasses.fields(find_method(method).config):
        for value in ("1e400", -1, math.nan, [10**400]):
            settings: Any = {method: {item.name: value}}
            with pytest.raises(RhasError) as caught:
                method_config(TrainConfig(method=method, seed=0, overrides=settings))
            assert method in caught.value.where, (item.name, value)
            assert item.name in caught.value.where, (item.name, value)


@pytest.mark.parametrize("name", ["bands", "feature_layers", "condition_masks"])
def test_lists_have_limits(name: str) -> None:
    value = list(getattr(find_method("hopadiff").presets["paper"], name)) * 101
    with pytest.raises(RhasError, match=rf"{name}(.|\n)*at most 100"):
        make_config("hopadiff", "paper", {name: value})
