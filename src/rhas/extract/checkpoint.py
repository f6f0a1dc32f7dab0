"""Checkpoint folders of encoders: loaded whole or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rhas.base.checkpoints import hash_checkpoint, refuse_weights
from rhas.base.errors import RhasError
from rhas.base.pretrained import load_pretrained_model, load_pretrained_part

_NO_WEIGHT = "position_ids"  # a buffer that some versions of transformers store


def checkpoint_hash(folder: Path) -> str:
    """SHA-256 over names and content of the files that loading reads (no README).

    Raises:
        RhasError: not a folder with a config.json.
    """
    if not (folder / "config.json").is_file():
        raise RhasError(
            "no checkpoint",
            where=str(folder),
            expected="a folder with config.json, weights, tokenizer and preprocessor_config.json",
            do=f"`hf download NAME --local-dir {folder}`, see docs/ENCODERS.md",
        )
    return hash_checkpoint(folder)


def load_model(cls: Any, folder: Path) -> Any:
    """A model of class ``cls`` in float32, all its weights from ``folder`` and nothing left over.

    Raises:
        RhasError: weights are absent, missing, of another shape, or not of this model.
    """
    loaded = load_pretrained_model(
        cls,
        folder,
        f"cannot load a {cls.__name__}",
        "give a folder that `save_pretrained` of that class wrote",
    )
    refuse_weights(
        folder,
        [name for name in loaded.missing if not name.endswith(_NO_WEIGHT)],
        [name for name in loaded.unexpected if not name.endswith(_NO_WEIGHT)],
        loaded.shapes,
        f"give the folder of a matching checkpoint of a {cls.__name__}",
    )
    return loaded.model


def load_part(cls: Any, folder: Path) -> Any:
    """A tokenizer or an image processor of ``folder``.

    Raises:
        RhasError: its files are absent or damaged.
    """
    return load_pretrained_part(
        cls,
        folder,
        f"cannot load the checkpoint's {cls.__name__}",
        "add the tokenizer and preprocessor_config.json that belong to the weights",
    )
