"""The folder a trained method lives in: its weights and the configuration that built it."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from os import PathLike
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file

import rhas
from rhas.base.checkpoints import check_weights_fit
from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.config.train import TrainConfig
from rhas.methods import Dims, Method, build, config_from, plain_config

MODEL, CONFIG = "model.safetensors", "config.json"


def save_method(method: Method, config: TrainConfig, dims: Dims, out: Path) -> None:
    """Writes a method into a folder that :func:`load_method` reads; equal methods, equal bytes."""
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in method.state_dict().items()}
    save_file(state, out / MODEL)
    said = {
        "method": config.method,
        "config": plain_config(method.config),
        "dims": asdict(dims),
        "train": config.key_values(),
        "versions": {
            "rhas": rhas.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "safetensors": safetensors.__version__,
        },
    }
    write_json(out / CONFIG, said)


def load_method(folder: str | PathLike[str], device: str = "cpu") -> Method:
    """A trained method, ready for ``scores``.

    Raises:
        RhasError: files missing or damaged, a method or parameter that this version does not
            know, or tensors that do not fit the configuration.
    """
    folder = Path(folder)
    for name in (CONFIG, MODEL):
        if not (folder / name).is_file():
            raise RhasError(
                "no trained method", where=str(folder / name), do="run `dvc repro train`"
            )
    again = "delete the folder and run `dvc repro train`"
    try:
        said = json.loads((folder / CONFIG).read_text("utf-8"))
        name, values, dims = said["method"], said["config"], Dims(**said["dims"])
    except (ValueError, KeyError, TypeError) as error:
        raise RhasError(
            "not a method's configuration",
            where=str(folder / CONFIG),
            expected="JSON with method, config and dims",
            got=f"{type(error).__name__}: {error}",
            do=again,
        ) from error
    method = build(name, config_from(name, values), **asdict(dims))
    try:
        state = load_file(folder / MODEL)
    except safetensors.SafetensorError as error:
        raise RhasError(
            "the weights cannot be read", where=str(folder / MODEL), got=str(error), do=again
        ) from error
    expected = {key: tuple(value.shape) for key, value in method.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    check_weights_fit(folder / MODEL, expected, found, again)
    method.load_state_dict(state)
    return method.to(device).eval()
