"""What ``import rhas`` offers. Each name is imported from its module when it is first used.

The packages ``rhas.metrics``, ``rhas.methods`` and ``rhas.stores`` are offered whole.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rhas import methods, metrics, stores
    from rhas.base.classes import CLASSES
    from rhas.base.errors import RhasError
    from rhas.calls import extract_features, segment_film
    from rhas.chunk.samples import make_sample
    from rhas.extract.arrays import encode_frames
    from rhas.extract.encoders import load_encoder
    from rhas.methods import predict
    from rhas.stores.features import Features
    from rhas.stores.simple import (
        open_frames,
        read_boxes,
        read_features,
        read_scores,
        read_tracks,
        write_features,
    )
    from rhas.train.arrays import train_method
    from rhas.train.saved import load_method

    __version__: str

__all__ = [
    "CLASSES",
    "Features",
    "RhasError",
    "__version__",
    "encode_frames",
    "extract_features",
    "load_encoder",
    "load_method",
    "make_sample",
    "methods",
    "metrics",
    "open_frames",
    "predict",
    "read_boxes",
    "read_features",
    "read_scores",
    "read_tracks",
    "segment_film",
    "stores",
    "train_method",
    "write_features",
]

_MODULES = {
    "CLASSES": "rhas.base.classes",
    "Features": "rhas.stores.features",
    "RhasError": "rhas.base.errors",
    "encode_frames": "rhas.extract.arrays",
    "extract_features": "rhas.calls",
    "load_encoder": "rhas.extract.encoders",
    "load_method": "rhas.train.saved",
    "make_sample": "rhas.chunk.samples",
    "open_frames": "rhas.stores.simple",
    "predict": "rhas.methods",
    "read_boxes": "rhas.stores.simple",
    "read_features": "rhas.stores.simple",
    "read_scores": "rhas.stores.simple",
    "read_tracks": "rhas.stores.simple",
    "segment_film": "rhas.calls",
    "train_method": "rhas.train.arrays",
    "write_features": "rhas.stores.simple",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name == "__version__":  # pyproject.toml has it
        from importlib.metadata import version

        return version("rhas")
    if name in __all__:
        return import_module(f"rhas.{name}")
    raise AttributeError(f"module 'rhas' has no attribute {name!r}")
