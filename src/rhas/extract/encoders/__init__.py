"""Vision-language encoders: features of images, conditioned on a sentence about a person.

Every module of this folder is an encoder: it defines one subclass of `rhas.extract.encoder.Encoder`
whose ``name`` is the module's. No list names them; docs/ADD_AN_ENCODER.md has a template.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from os import PathLike
from pathlib import Path

from rhas.base.checkpoints import checkpoint_folder
from rhas.base.devices import check_device
from rhas.base.errors import RhasError
from rhas.config.section import ENCODERS
from rhas.extract.checkpoint import checkpoint_hash
from rhas.extract.encoder import Encoder, Text

__all__ = ["ENCODERS", "Encoder", "Text", "checkpoint_folder", "checkpoint_hash", "load_encoder"]


def load_encoder(
    vlm: str,
    folder: str | PathLike[str],
    device: str = "cpu",
    dtype: str = "float32",
    compile: bool = False,
) -> Encoder:
    """The encoder ``vlm`` with the checkpoint in ``folder``; cached for the process's next film.

    The other arguments are those of `Encoder`.

    Raises:
        RhasError: unknown encoder, a device that is not here, or a checkpoint that is absent,
            partial or of another model.
    """
    check_device(device, "extract.device")
    path = Path(folder)
    return _load_cached(vlm, path, device, dtype, compile, checkpoint_hash(path))


@lru_cache(maxsize=1)
def _load_cached(
    vlm: str, folder: Path, device: str, dtype: str, compile: bool, content: str
) -> Encoder:
    return find_encoder(vlm)(folder, device, dtype, compile)


def find_encoder(vlm: str) -> type[Encoder]:
    """The class of an encoder.

    Raises:
        RhasError: no module of this name.
    """
    if vlm not in ENCODERS:
        raise RhasError(
            "unknown encoder", where="vlm", expected=" or ".join(ENCODERS), got=repr(vlm)
        )
    module = importlib.import_module(f"rhas.extract.encoders.{vlm}")
    (encoder,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Encoder)
        and value.__module__ == module.__name__
    )
    assert encoder.name == vlm, f"{module.__name__}: name = {encoder.name!r}"
    return encoder
