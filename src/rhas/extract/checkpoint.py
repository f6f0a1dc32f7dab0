"""Checkpoint folders in the format of ``transformers``: loaded whole or not.

Files from outside are not trusted: weights in pickle files load with ``weights_only``, code that a
checkpoint brings along is not run, and no kernel that it asks for is fetched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rhas.base.compat  # noqa: F401  before torchvision, which transformers imports
from rhas.base.checkpoints import hash_checkpoint, refuse_weights, silence_transformers
from rhas.base.errors import RhasError

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
    from pickle import UnpicklingError

    import torch
    from safetensors import SafetensorError

    try:
        with silence_transformers():
            model, info = cls.from_pretrained(
                folder,
                dtype=torch.float32,
                attn_implementation="sdpa",
                weights_only=True,
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise RhasError(
            f"cannot load a {cls.__name__}",
            where=str(folder),
            got=str(error).splitlines()[0],
            do="give a folder that `save_pretrained` of that class wrote",
        ) from error
    refuse_weights(
        folder,
        [name for name in info["missing_keys"] if not name.endswith(_NO_WEIGHT)],
        [name for name in info["unexpected_keys"] if not name.endswith(_NO_WEIGHT)],
        {name: (found, expected) for name, found, expected in info["mismatched_keys"]},
        f"give the folder of a matching checkpoint of a {cls.__name__}",
    )
    return model


def load_part(cls: Any, folder: Path) -> Any:
    """A tokenizer or an image processor of ``folder``.

    Raises:
        RhasError: its files are absent or damaged.
    """
    try:
        with silence_transformers():
            return cls.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise RhasError(
            f"cannot load the checkpoint's {cls.__name__}",
            where=str(folder),
            got=str(error).splitlines()[0],
            do="add the tokenizer and preprocessor_config.json that belong to the weights",
        ) from error
