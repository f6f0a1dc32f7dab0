"""Methods that turn a batch (DESIGN.md, The batch) into per-frame class probabilities.

Every method is built by :func:`build`, trained by ``rhas.train`` and read by ``rhas.evaluate``
through the functions of :class:`Method` alone. A method is a package in this folder that offers
``Config`` (a frozen dataclass), ``PRESETS`` (name to config) and ``make(config, dims)``, and with
``TOKENS = True`` asks for query tokens in its batch; no list has to be told of it. ``layers`` is
not a method, but what several of them are made of.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.methods.memory import keep_freed_memory

Batch = Mapping[str, Tensor]

METHODS = tuple(
    sorted(m.name for m in pkgutil.iter_modules(__path__) if m.ispkg and m.name != "layers")
)


@dataclass(frozen=True)
class Dims:
    """Sizes that come from the data: feature width, text width, classes, frames of a sample."""

    D: int
    D_text: int
    C: int
    L: int


class Method(nn.Module):
    """What every method offers; ``config`` is what it was made from.

    Results of a row depend on its real frames alone: not on the other rows of the batch, not on
    what stands in the padding.
    """

    config: Any

    def adapt(self, samples: Iterable[Batch]) -> None:
        """Takes statistics of the training samples (no batch dimension) before training starts."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Named loss terms, scalars; their sum is the loss. Random draws use torch's generator."""
        raise NotImplementedError

    def settle(self, samples: Iterable[Batch]) -> dict[str, float]:
        """Fits what training has left open, once it is over.

        Args:
            samples: those of val, each a batch's row: (L, ·), no batch dimension; may be none.

        Returns:
            Figures by name for the report; none where nothing was open.
        """
        return {}

    def scores(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Probabilities, float32 (B, L, C), 0 on padding; without gradient.

        Every row draws the same noise, so a row's scores do not depend on its batch.
        """
        raise NotImplementedError


def config_of(method: str, preset: str, overrides: Mapping[str, Any] | None = None) -> Any:
    """A method's config: a preset with some fields replaced.

    Raises:
        RhasError: unknown method, preset or field, or a value that does not fit.
    """
    presets = _module(method).PRESETS
    if preset not in presets:
        raise _unknown("preset", preset, presets, f"method {method}")
    values = dataclasses.asdict(presets[preset])
    return config_from(method, {**_plain(values), **(overrides or {})})


def config_from(method: str, values: Mapping[str, Any]) -> Any:
    """A method's config from the plain values that :func:`plain_config` gave."""
    return from_mapping(_module(method).Config, values, f"method {method}")


def reads_tokens(method: str) -> bool:
    """Whether a method's batch has to hold query tokens (DESIGN.md, The batch).

    Raises:
        RhasError: unknown method.
    """
    return getattr(_module(method), "TOKENS", False)


def plain_config(config: Any) -> dict[str, Any]:
    """A config as JSON-able values."""
    return _plain(dataclasses.asdict(config))


def build(method: str, config: Any, *, D: int, D_text: int, C: int, L: int) -> Method:
    """A method with fresh parameters, drawn from torch's generator.

    From then on the process keeps the memory it frees (``rhas.methods.memory``).

    Args:
        method: one of ``METHODS``, the packages in this folder.
        config: the method's config, or a preset's name.
        D: feature width.
        D_text: width of the pooled text embedding.
        C: action classes.
        L: frames of a sample.
    """
    module = _module(method)
    keep_freed_memory()
    if isinstance(config, str):
        config = config_of(method, config)
    return module.make(config, Dims(D, D_text, C, L))


def _module(method: str) -> Any:
    if method not in METHODS:
        raise _unknown("method", method, METHODS, "params.yaml, method")
    return importlib.import_module(f"{__name__}.{method}")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def _unknown(kind: str, got: str, known: Iterable[str], where: str) -> RhasError:
    names = list(known)
    near = difflib.get_close_matches(got, names, n=1)
    return RhasError(
        f"unknown {kind} '{got}'",
        where=where,
        expected=", ".join(names),
        do=f"did you mean '{near[0]}'?" if near else f"choose a known {kind}",
    )
