"""Images as data URIs, made smaller where they would make the page heavy."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_BYTES = 500_000
_WIDTHS = (1600, 1280, 960, 640)


def embed_image(path: Path) -> str:
    """A JPEG or PNG file inside a page: as it is, or narrowed until it has `MOST_BYTES`."""
    content = path.read_bytes()
    kind = "png" if path.suffix == ".png" else "jpeg"
    if len(content) > MOST_BYTES:
        content = _shrink_image(content, kind)
    return _encode(content, kind)


def embed_thumbnail(image: NDArray[np.uint8], side: int) -> str:
    """An image (H, W, 3) as a data URI of a JPEG, its longer side at most ``side`` pixels."""
    thumbnail = Image.fromarray(image)
    thumbnail.thumbnail((side, side))
    buffer = io.BytesIO()
    thumbnail.save(buffer, "JPEG", quality=80)
    return _encode(buffer.getvalue(), "jpeg")


def _encode(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _shrink_image(content: bytes, kind: str) -> bytes:
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGB")
    for width in (w for w in (image.width, *_WIDTHS) if w <= image.width):
        scaled = image.resize(
            (width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS
        )
        buffer = io.BytesIO()
        if kind == "png":
            scaled.quantize(64).save(buffer, "png", optimize=True)
        else:
            scaled.save(buffer, "jpeg", quality=80)
        if buffer.tell() <= MOST_BYTES:
            break
    return buffer.getvalue()
