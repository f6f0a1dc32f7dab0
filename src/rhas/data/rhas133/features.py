"""Published features of one sample, in the form of a feature store.

Legend: T frames, Q query tokens, D feature width.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file
from rhas.data.audit import Audit
from rhas.data.rhas133.sources import PublishedSample
from rhas.stores.checking import guard_reading
from rhas.stores.features import Features

D_TEXT = 1  # the published files contain no embedding of the reference; a store needs one value
_BLOCK = 256


def read_features(sample: PublishedSample, audit: Audit) -> Features:
    """Features of the frames that labels, holistic and partial features have in common.

    Query tokens are averaged, as the published code does. Without partial features, and where
    they are all zero, the crop is missing.

    Raises:
        RhasError: a file that is not .npy, another shape or type, no frame, less than half of the
            frames in all, or a value that is not finite in float16.
    """
    holistic = _open_array(sample.holistic)
    lengths = {"labels": len(sample.frames), "holistic": len(holistic)}
    partial = None
    if sample.partial.is_file():
        partial = _open_array(sample.partial)
        lengths["partial"] = len(partial)
        if partial.shape[-1] != holistic.shape[-1]:
            raise RhasError("partial features of another width", got=str(partial.shape))
    else:
        audit.add("no partial features", f"{sample.name}: no {sample.partial}")
    frames = min(lengths.values())
    shown = ", ".join(f"{name} {count}" for name, count in lengths.items())
    if not frames:
        raise RhasError("no frame", got=shown)
    if frames < max(lengths.values()) / 2:
        raise RhasError(
            "labels and features contradict each other, most frames would be lost",
            got=f"frames: {shown}",
            do="look whether they are of the same sample and rate",
        )
    if len(set(lengths.values())) > 1:
        audit.add("features of another length than labels", f"{sample.name}: {shown}")
    whole = _average_tokens(holistic, frames)
    crops = np.zeros_like(whole) if partial is None else _average_tokens(partial, frames)
    if holistic.ndim == 3:
        audit.add("averaged over query tokens", f"{sample.name}: {holistic.shape}")
    present = (crops != 0).any(1)
    missing = int((~present).sum())
    if missing and partial is not None:
        audit.add("missing crop", f"{sample.name}: {missing} of {frames} frames")
    return Features(whole, crops, present, np.zeros(D_TEXT, np.float32))


def _open_array(path: Path) -> np.ndarray:
    """An array in its file, (T, D) or (T, Q, D) of floating-point numbers."""
    check_regular_file(path)
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise RhasError("not a .npy file", where=str(path))
    with guard_reading(path, "copy it again", "a damaged .npy file"):  # NumPy parses it as Python
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim not in (2, 3) or array.dtype.kind != "f" or array.shape[-1] == 0:
        raise RhasError(
            "not features", where=str(path), expected="floats (T, D) or (T, Q, D)",
            got=f"{array.dtype} {array.shape}",
        )  # fmt: skip
    return array


def _average_tokens(array: np.ndarray, frames: int) -> np.ndarray:
    """The first frames, query tokens averaged, float16 (frames, D)."""
    averaged = np.empty((frames, array.shape[-1]), np.float16)
    for start in range(0, frames, _BLOCK):
        block = np.asarray(array[start : min(start + _BLOCK, frames)], np.float32)
        with np.errstate(over="ignore"):
            averaged[start : start + len(block)] = block.mean(1) if block.ndim == 3 else block
    if not np.isfinite(averaged).all():
        first = int((~np.isfinite(averaged).all(1)).argmax())
        raise RhasError("features that are not finite in float16", got=f"frame {first}")
    return averaged
