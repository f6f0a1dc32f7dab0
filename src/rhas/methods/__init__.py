"""Methods that turn a batch (:class:`Batch`) into per-frame class probabilities.

A method is a package in this folder with a :class:`MethodSpec` named ``METHOD``; it is found by its
folder's name, without a list to keep. docs/ADD_A_METHOD.md shows how to add one. ``layers`` holds
the modules that several methods share. A method is built by :func:`build_method`, trained by
``rhas.train.fit``, and applied by :func:`predict`.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rhas.base.batch import Batch, add_batch_dimension
from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.base.formatting import format_size
from rhas.base.memory import read_free_memory
from rhas.base.names import unknown_name
from rhas.methods.base import ClassText, Dims, Method, MethodSpec
from rhas.methods.memory import keep_freed_memory

__all__ = [
    "METHODS",
    "Batch",
    "ClassText",
    "Dims",
    "Method",
    "MethodSpec",
    "build_method",
    "config_values",
    "find_method",
    "make_config",
    "parse_config",
    "predict",
    "reads_text",
    "reads_tokens",
]

METHODS = tuple(
    sorted(m.name for m in pkgutil.iter_modules(__path__) if m.ispkg and m.name != "layers")
)


def find_method(method: str) -> MethodSpec:
    """What a method's package offers.

    Raises:
        RhasError: unknown method.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS, "params.yaml, method")
    return importlib.import_module(f"{__name__}.{method}").METHOD


def make_config(method: str, preset: str, overrides: Mapping[str, Any] | None = None) -> Any:
    """A method's config: a preset with some fields replaced.

    Raises:
        RhasError: unknown method, preset or field, or a value that does not fit.
    """
    presets = find_method(method).presets
    if preset not in presets:
        raise unknown_name("preset", preset, presets, f"method {method}")
    return parse_config(method, {**config_values(presets[preset]), **(overrides or {})})


def parse_config(method: str, values: Mapping[str, Any]) -> Any:
    """A method's config from the plain values that :func:`config_values` gave."""
    return from_mapping(find_method(method).config, values, f"method {method}")


def config_values(config: Any) -> dict[str, Any]:
    """A config as JSON-able values."""
    values = dataclasses.asdict(config)
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def reads_tokens(method: str) -> bool:
    """Whether a method's batch has to hold query tokens (:class:`Batch`).

    Raises:
        RhasError: unknown method.
    """
    return find_method(method).tokens


def reads_text(method: str) -> bool:
    """Whether a method is given sentences about the classes (:class:`ClassText`).

    Raises:
        RhasError: unknown method.
    """
    return find_method(method).reads_text


def build_method(method: str, config: Any, dims: Dims) -> Method:
    """A method with fresh parameters, drawn from torch's generator.

    From then on the process keeps the memory it frees (``rhas.methods.memory``).

    Args:
        method: one of ``METHODS``, the packages in this folder.
        config: the method's config, or a preset's name.
        dims: sizes that come from the data.

    Raises:
        RhasError: sizes for which there is no such network, or no memory.
    """
    spec = find_method(method)
    keep_freed_memory()
    if isinstance(config, str):
        config = make_config(method, config)
    try:
        if config not in spec.presets.values():
            _check_memory(spec, config, dims)
        return spec.build(config, dims)
    except (RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
        raise RhasError(
            "the method cannot be built with these parameters",
            where=f"train.preset, train.overrides.{method}",
            got=f"{type(error).__name__}: {str(error).partition(chr(10))[0]}; {dims}",
            do="choose other sizes",
        ) from error


def _check_memory(spec: MethodSpec, config: Any, dims: Dims) -> None:
    """Raises MemoryError where the parameters take more than half of the free memory: to draw them
    takes minutes, nothing is left to train them, and the system may end the process."""
    with torch.device("meta"):
        sizes = [p.numel() * p.element_size() for p in spec.build(config, dims).parameters()]
    if 2 * sum(sizes) > (free := read_free_memory()):
        raise MemoryError(f"{format_size(sum(sizes))} of parameters, {format_size(free)} are free")


def predict(method: Method, batch: Batch, *, seed: int = 0) -> NDArray[np.float32]:
    """Probabilities of every frame and class.

    Args:
        method: from ``rhas.train.load_method`` or :func:`build_method`.
        batch: samples (B, L, ·), or a single one (L, ·); labels and boundary are not read.
        seed: of the noise that diffusion starts from; every sample draws the same.

    Returns:
        (B, L, C), or (L, C) of a single sample, in [0, 1], 0 on padding.
    """
    single = batch["mask"].ndim == 1
    scores = method.compute_scores(
        add_batch_dimension(batch) if single else batch, torch.Generator().manual_seed(seed)
    )
    return (scores[0] if single else scores).cpu().numpy()
