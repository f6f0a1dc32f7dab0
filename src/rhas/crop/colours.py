"""The colours of a body: of head, chest, legs and feet, which it keeps from shot to shot.

Legend: N detections of a frame.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms

_BANDS = ((0.0, 0.18), (0.2, 0.45), (0.5, 0.72), (0.72, 0.95))  # of the box's height, from the top
_MIDDLE = (0.3, 0.7)  # of its width: arms and background are left out
_SPREAD = 12.0  # CIELAB, standard deviation of a channel between appearances of a body
_LAB = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)


def body_colours(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Median colour of four bands of each body, in CIELAB, where equal distances look equal.

    Args:
        picture: uint8 (height, width, 3), RGB.
        boxes: (N, 4) x1, y1, x2, y2 in pixels; what reaches beyond the picture is left out.

    Returns:
        float64 (N, 12): L, a, b of the bands from head to feet; of the nearest pixels where a band
        is outside the picture.
    """
    lab = lab_of(picture)
    height, width = lab.shape[:2]
    colours = np.zeros((len(boxes), len(_BANDS), 3))
    for n, (x1, y1, x2, y2) in enumerate(np.asarray(boxes, float)):
        columns = _span(x1, x2, _MIDDLE, width)
        for band, part in enumerate(_BANDS):
            rows = _span(y1, y2, part, height)
            colours[n, band] = np.median(lab[rows, columns].reshape(-1, 3), 0)
    return colours.reshape(len(boxes), 3 * len(_BANDS))


def lab_of(picture: np.ndarray) -> np.ndarray:
    """CIELAB (D50) of uint8 sRGB (..., 3) pictures: float32, L in [0, 100], a and b about ±100."""
    stored = np.asarray(ImageCms.applyTransform(Image.fromarray(picture), _LAB))
    lightness = stored[..., :1] * np.float32(100 / 255)
    return np.concatenate([lightness, stored[..., 1:].view(np.int8)], -1, dtype=np.float32)


def colours_apart(one: np.ndarray, other: np.ndarray, most: float) -> np.ndarray:
    """How far bodies differ in colour, in nats: mean over bands and channels, (n, m); 0 where
    colours are not known.

    Args:
        one: float64 (n, 12), as of `body_colours`, or (n, 0).
        other: float64 (m, 12), or (m, 0).
        most: nats at most that one channel of one band tells.
    """
    if not one.shape[1]:
        return np.zeros((len(one), len(other)))
    squared = (one[:, None] - other) ** 2 / (2 * _SPREAD**2)
    return np.minimum(squared, most).mean(2)


def _span(start: float, stop: float, part: tuple[float, float], length: int) -> slice:
    """The pixels of a part of ``start`` to ``stop``, at least one of ``length``."""
    low, high = (start + (stop - start) * p for p in part)
    first = min(max(int(low), 0), length - 1)
    return slice(first, max(first + 1, min(int(high), length)))
