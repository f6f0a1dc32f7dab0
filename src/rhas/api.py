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
    from rhas.extract.arrays import encode_frames
    from rhas.extract.encoders import load_encoder
    from rhas.train.saved import load_method

    __version__: str

__all__ = [
    "CLASSES",
    "RhasError",
    "__version__",
    "encode_frames",
    "extract_features",
    "load_encoder",
    "load_method",
    "methods",
    "metrics",
    "segment_film",
    "stores",
]

_MODULES = {
    "CLASSES": "rhas.base.classes",
    "RhasError": "rhas.base.errors",
    "encode_frames": "rhas.extract.arrays",
    "extract_features": "rhas.calls",
    "load_encoder": "rhas.extract.encoders",
    "load_method": "rhas.train.saved",
    "segment_film": "rhas.calls",
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
