"""Pictures as data URIs, made smaller where they would make the page heavy."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

MOST_BYTES = 500_000
_WIDTHS = (1600, 1280, 960, 640)


def data_uri(path: Path, most: int = MOST_BYTES) -> str:
    """A JPEG or PNG file inside a page: as it is, or narrowed until it has ``most`` bytes."""
    content = path.read_bytes()
    kind = "png" if path.suffix == ".png" else "jpeg"
    if len(content) > most:
        content = _smaller(content, kind, most)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _smaller(content: bytes, kind: str, most: int) -> bytes:
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGB")
    for width in (w for w in (image.width, *_WIDTHS) if w <= image.width):
        scaled = image.resize(
            (width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS
        )
        made = io.BytesIO()
        if kind == "png":
            scaled.quantize(64).save(made, "png", optimize=True)
        else:
            scaled.save(made, "jpeg", quality=80)
        if made.tell() <= most:
            break
    return made.getvalue()
