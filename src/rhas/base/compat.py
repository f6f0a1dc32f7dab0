"""Makes ``import torchvision`` work where its compiled extension does not match torch.

On a machine with a CPU build of torch, PyPI's torchvision cannot load its extension, and importing
it fails because the operators ``torchvision::nms`` and ``torchvision::qnms`` are not declared;
with it fails every model import of transformers. Declaring the two signatures repairs the import;
nothing here calls them. Where the extension loads, nothing is touched. Import this module before
torchvision, transformers or timm.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _extension_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    for library in Path(spec.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(library))
        except OSError:
            return False
    return hasattr(torch.ops.torchvision, "nms")


def _declare_operators() -> torch.library.Library | None:
    if _extension_loads():
        return None
    library = torch.library.Library("torchvision", "DEF")
    for signature in _SIGNATURES:
        library.define(signature)
    return library


_library = _declare_operators()
