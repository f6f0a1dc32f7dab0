"""What every method offers, and the sizes that come from the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rhas.base.batch import Batch


@dataclass(frozen=True)
class Dims:
    """Sizes that come from the data.

    Args:
        D: feature width.
        D_text: width of the pooled text embedding.
        C: action classes.
        L: frames of a sample.
    """

    D: int
    D_text: int
    C: int
    L: int


@dataclass(frozen=True)
class ClassText:
    """Sentences about the classes, in a space that pictures share (CLIP, SigLIP).

    Args:
        phrasings: of each of the C classes, one or more.
        embed: embeddings float32 (n, D) of n sentences, of the features' width.
        scale: what the encoder multiplies the cosine of picture and sentence by.
    """

    phrasings: Sequence[Sequence[str]]
    embed: Callable[[Sequence[str]], NDArray[np.float32]]
    scale: float


class Method(nn.Module):
    """What every method offers; ``config`` is what it was built from.

    The results of a sample depend on its real frames alone: not on the other samples of the batch,
    not on the values in the padding.
    """

    config: Any

    def fit_statistics(self, samples: Iterable[Batch]) -> None:
        """Takes statistics of the training samples (no batch dimension) before training starts."""

    def fit_text(self, text: ClassText) -> None:
        """Takes sentences about the classes; for methods with ``MethodSpec.reads_text``.

        Raises:
            RhasError: the sentences do not fit the features or the labels.
        """
        raise NotImplementedError

    def compute_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Named loss terms, scalars; their sum is the loss. Random draws use torch's generator."""
        raise NotImplementedError

    def compile_losses(self, mode: str | None = None) -> None:
        """Passes what the losses compute through ``torch.compile`` (`train.compile`); nothing
        unless a method says so. ``mode`` is of ``torch.compile``."""

    def fit_fusion(self, samples: Iterable[Batch]) -> dict[str, float]:
        """Fits on the val samples how branches are weighted, once training is over.

        Args:
            samples: without batch dimension; may be empty.

        Returns:
            The fitted values by name, for the report; empty for a method without such weights.
        """
        return {}

    def compute_scores(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Probabilities, float32 (B, L, C) in [0, 1], 0 on padding; without gradient.

        Every sample of the batch draws the same noise, so its scores do not depend on the others.

        Args:
            batch: labels and boundary are not read.
            generator: a CPU generator, for methods that draw noise.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class MethodSpec:
    """What a method's package offers under the name ``METHOD``.

    Args:
        config: the type of its parameters, a frozen dataclass with a default for every field.
        presets: configurations by name; ``paper`` and ``mini`` at least.
        build: makes the method with fresh parameters, drawn from torch's generator.
        tokens: whether its batch has to hold query tokens.
        reads_text: whether it is given sentences about the classes before training.
    """

    config: type[Any]
    presets: Mapping[str, Any]
    build: Callable[[Any, Dims], Method]
    tokens: bool = False
    reads_text: bool = False
