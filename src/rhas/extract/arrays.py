"""Features of frames in memory, as the stage extract makes them of films."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.extract.encoders import Encoder
from rhas.stores.features import Features


def encode_frames(
    encoder: Encoder,
    frames: NDArray[np.uint8],
    reference: str,
    crops: NDArray[np.uint8] | None = None,
    present: NDArray[np.bool_] | None = None,
    batch_size: int = 32,
) -> Features:
    """Features of one person over frames.

    Args:
        encoder: what `load_encoder` gave.
        frames: RGB, uint8 (n, height, width, 3).
        reference: the sentence that describes the person.
        crops: what is inside the person's box in each frame, uint8 (n, height, width, 3), of any
            size; None: the person is in none of the frames.
        present: bool (n,), the frames in which the person is; None: in all that have a crop.
            Where it is False, the crop is not looked at.
        batch_size: images that the model gets at once.

    Returns:
        ``holistic`` and ``partial`` float16 (n, D), ``present`` bool (n,), ``text`` float32
        (D_text,).

    Raises:
        RhasError: a wrong shape or type, or features that are not finite in float16.
    """
    encoder.check_images(frames)
    count = len(frames)
    if present is None:
        present = np.full(count, crops is not None)
    _check(crops, present, count)
    (text,) = encoder.encode_text([reference])
    partial = np.zeros((count, encoder.D), np.float16)
    holistic = np.zeros((count, encoder.D), np.float16)
    chosen = np.flatnonzero(present)
    for target, images, rows in (
        (holistic, frames, np.arange(count)),
        (partial, crops, chosen),
    ):
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            assert images is not None
            with np.errstate(over="ignore"):  # found below
                target[batch] = encoder.fuse(encoder.vision(images[batch]), text)
    for name, values in (("holistic", holistic), ("partial", partial)):
        if not np.isfinite(values).all():
            raise RhasError(
                "features are not finite in float16",
                where=f"encoder {encoder.name}, {name}",
                do="use another checkpoint",
            )
    return Features(holistic, partial, present, text.embedding)


def _check(crops: NDArray[np.uint8] | None, present: NDArray[np.bool_], count: int) -> None:
    if present.shape != (count,) or present.dtype != bool:
        raise RhasError(
            "not a flag per frame",
            where="present",
            expected=f"bool ({count},)",
            got=f"{present.dtype} {present.shape}",
        )
    if crops is None and present.any():
        raise RhasError("the person is present, and there is no crop", where="crops")
    if crops is not None and len(crops) != count:
        raise RhasError(
            "not a crop per frame", where="crops", expected=f"{count}", got=f"{len(crops)}"
        )
