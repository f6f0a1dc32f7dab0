"""Checkpoints in the format of ``transformers``, loaded as data: nothing that they bring runs.

Files from outside are not trusted. Code of a checkpoint (``auto_map``) is not run and not asked
about, weights in pickle files load with ``weights_only``, the attention is not the one that a
configuration names (it can name a kernel of the hub), and nothing is fetched. Every call of
``from_pretrained`` in this project is in this module.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.base.checkpoints import Shape, silence_transformers
from rhas.base.errors import RhasError

_MAX_LINE = 300  # of an error of the library


@dataclass(frozen=True)
class PretrainedModel:
    """A model in float32, and how its weights differ from its configuration.

    Args:
        model: in its training mode, as loaded.
        missing: parameters that the checkpoint lacks.
        unexpected: weights that the model has no place for.
        shapes: of each weight of another shape, the checkpoint's and the model's.
    """

    model: Any
    missing: Sequence[str]
    unexpected: Sequence[str]
    shapes: dict[str, tuple[Shape, Shape]]


def load_pretrained_model(
    cls: Any, folder: Path, what: str, do: str, attention: str | None = "sdpa"
) -> PretrainedModel:
    """A model of a folder that ``save_pretrained`` wrote.

    Args:
        cls: of transformers; an Auto class, too.
        folder: a local one.
        what, do: of the error.
        attention: implementation for the whole model; None: the default of each of its classes.

    Raises:
        RhasError: files that are absent, damaged, or not of this class.
    """
    import torch

    with _guard_loading(folder, what, do):
        model, found = cls.from_pretrained(
            folder,
            trust_remote_code=False,
            local_files_only=True,
            weights_only=True,
            attn_implementation=attention,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # the caller names them
            output_loading_info=True,
        )
    shapes = {name: (own, wanted) for name, own, wanted in found["mismatched_keys"]}
    return PretrainedModel(
        model, sorted(found["missing_keys"]), sorted(found["unexpected_keys"]), shapes
    )


def load_pretrained_part(cls: Any, folder: Path | str, what: str, do: str) -> Any:
    """A configuration, a tokenizer or a processor.

    Args:
        cls: of transformers; an Auto class, too.
        folder: a local one, or a hub name whose files are in the hub's cache.
        what, do: of the error.

    Raises:
        RhasError: its files are absent or damaged.
    """
    with _guard_loading(folder, what, do):
        part = cls.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    if hasattr(part, "_attn_implementation"):  # of a configuration
        part._attn_implementation = None
    return part


@contextmanager
def _guard_loading(folder: Path | str, what: str, do: str) -> Iterator[None]:
    """Whatever the library raises as a `RhasError`, and nothing on the terminal: no bar, report or
    advice on kernels that are not used here."""
    try:
        with silence_transformers(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You'd better set embed_dim", UserWarning)
            yield
    except Exception as error:  # a stranger's configuration can raise anything
        lines = str(error).splitlines() or [""]
        raise RhasError(
            what,
            where=str(folder),
            expected="a folder written by save_pretrained",
            got=f"{type(error).__name__}: {lines[0]}"[:_MAX_LINE],
            do=do,
        ) from error
