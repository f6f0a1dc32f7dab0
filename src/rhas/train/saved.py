"""The folder a trained method lives in: its weights and the configuration that built it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

import rhas
from rhas.base.checkpoints import check_weights_fit
from rhas.base.classes import CLASSES
from rhas.base.config import from_mapping
from rhas.base.devices import check_device
from rhas.base.errors import RhasError
from rhas.base.files import read_json, write_json
from rhas.config.train import TrainConfig
from rhas.methods import Dims, Method, build_method, config_values, parse_config

MODEL, CONFIG = "model.safetensors", "config.json"
_AGAIN = "delete the folder and run `dvc repro train`"


@dataclass(frozen=True)
class SavedConfig:
    """What ``config.json`` of a trained method holds.

    Args:
        method: its name.
        config: the method's parameters.
        dims: sizes of the data.
        train: the fields of TrainConfig.
        versions: of rhas, python, torch and safetensors.
        classes: names of the C classes; None: nobody named them. In config.json only where they are
            not those of RHAS133.
    """

    method: str
    config: Mapping[str, Any]
    dims: Dims
    train: Mapping[str, Any]
    versions: Mapping[str, str]
    classes: tuple[str, ...] | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The C names; numbers where nobody named the classes."""
        return self.classes or tuple(f"class {number}" for number in range(self.dims.C))

    def write(self, folder: Path) -> None:
        values = asdict(self)
        if self.classes is None or self.classes == CLASSES:
            del values["classes"]
        write_json(folder / CONFIG, values)

    @classmethod
    def read(cls, folder: Path) -> SavedConfig:
        """Reads a trained method's ``config.json``.

        Raises:
            RhasError: it is missing or damaged.
        """
        path = folder / CONFIG
        _check_exists(path)
        values = read_json(path, do=_AGAIN)
        try:
            method, config = str(values["method"]), dict(values["config"])
            dims = from_mapping(Dims, values["dims"], "dims")
            more = dict(values.get("train", {})), dict(values.get("versions", {}))
            named = tuple(map(str, values.get("classes") or ()))
            if min(asdict(dims).values()) < 1:
                raise ValueError(f"sizes below 1: {dims}")
        except (ValueError, KeyError, TypeError, AttributeError, RhasError) as error:
            raise RhasError(
                "not a method's configuration",
                where=str(path),
                expected="JSON with method, config and dims",
                got=f"{type(error).__name__}: {error}",
                do=_AGAIN,
            ) from error
        published = CLASSES if dims.C == len(CLASSES) else None
        classes = named or published
        if classes is not None and len(classes) != dims.C:
            raise RhasError(
                "not a name per class",
                where=str(path),
                expected=str(dims.C),
                got=str(len(classes)),
                do=_AGAIN,
            )
        return cls(method, config, dims, *more, classes)


def save_method(
    method: Method,
    config: TrainConfig,
    dims: Dims,
    out: str | PathLike[str],
    classes: Sequence[str] | None = None,
) -> None:
    """Writes a method into a folder that :func:`load_method` reads; equal methods, equal bytes.

    Args:
        classes: names of the C classes.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in method.state_dict().items()}
    save_file(state, out / MODEL)
    versions = {
        "rhas": rhas.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "safetensors": safetensors.__version__,
    }
    values = config_values(method.config)
    names = tuple(classes) if classes else None
    SavedConfig(config.method, values, dims, config.key_values(), versions, names).write(out)


def load_method(folder: str | PathLike[str], device: str = "cpu") -> Method:
    """A trained method, ready for ``rhas.methods.predict``.

    Args:
        folder: ``out`` of ``rhas.train.fit``, or ``models/<method>`` of the pipeline.
        device: ``cpu`` or ``cuda``.

    Raises:
        RhasError: files missing or damaged, a method or parameter that this version does not
            know, or tensors that do not fit the configuration.
    """
    check_device(device, "device")
    folder = Path(folder)
    for name in (CONFIG, MODEL):
        _check_exists(folder / name)
    saved = SavedConfig.read(folder)
    method = build_method(saved.method, _parse_saved(saved, folder), saved.dims)
    try:
        state = load_file(folder / MODEL)
    except safetensors.SafetensorError as error:
        raise RhasError(
            "the weights cannot be read", where=str(folder / MODEL), got=str(error), do=_AGAIN
        ) from error
    expected = {key: tuple(value.shape) for key, value in method.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    check_weights_fit(folder / MODEL, expected, found, _AGAIN)
    method.load_state_dict(state)
    return method.to(device).eval()


def _parse_saved(saved: SavedConfig, folder: Path) -> Any:
    """The method's config; an error says which version of rhas wrote it."""
    try:
        return parse_config(saved.method, saved.config)
    except RhasError as error:
        version = saved.versions.get("rhas", "an unknown version")
        raise RhasError(
            f"the method's configuration is not one of this version: {error.what}",
            where=f"{folder / CONFIG}, {error.where}",
            expected=error.expected or f"what rhas {rhas.__version__} writes",
            got=error.got or f"trained with rhas {version}",
            do=f"train it again, or install rhas {version} (this is {rhas.__version__})",
        ) from error


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise RhasError(
            "no trained method",
            where=str(path),
            expected=f"a folder with {CONFIG} and {MODEL}",
            do="name the folder of a trained method, or run `dvc repro train`",
        )
