"""Colours of a body: of head, chest, legs and feet, which are the same from shot to shot.

Legend: N detections of a frame.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms

from rhas.crop.constants import BAND_WIDTH, BANDS, COLOUR_SPREAD

_LAB = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)


def measure_colours(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Median colour of four bands of each body, in CIELAB, where equal distances look equal.

    Args:
        picture: uint8 (height, width, 3), RGB.
        boxes: (N, 4) x1, y1, x2, y2 in pixels; parts outside the picture are left out.

    Returns:
        float64 (N, 12): L, a, b of the bands from head to feet; of the nearest pixels where a band
        is outside the picture.
    """
    lab = convert_to_lab(picture)
    height, width = lab.shape[:2]
    colours = np.zeros((len(boxes), len(BANDS), 3))
    for n, (x1, y1, x2, y2) in enumerate(np.asarray(boxes, float)):
        columns = _find_pixels(x1, x2, BAND_WIDTH, width)
        for band, part in enumerate(BANDS):
            rows = _find_pixels(y1, y2, part, height)
            colours[n, band] = np.median(lab[rows, columns].reshape(-1, 3), 0)
    return colours.reshape(len(boxes), 3 * len(BANDS))


def convert_to_lab(picture: np.ndarray) -> np.ndarray:
    """CIELAB (D50) of uint8 sRGB (..., 3) pictures: float32, L in [0, 100], a and b about ±100."""
    stored = np.asarray(ImageCms.applyTransform(Image.fromarray(picture), _LAB))
    lightness = stored[..., :1] * np.float32(100 / 255)
    return np.concatenate([lightness, stored[..., 1:].view(np.int8)], -1, dtype=np.float32)


def compare_colours(one: np.ndarray, other: np.ndarray, most: float) -> np.ndarray:
    """Difference in colour between bodies in nats, mean over bands and channels, (n, m); 0 where
    colours are unknown.

    Args:
        one: float64 (n, 12), as of `measure_colours`, or (n, 0).
        other: float64 (m, 12), or (m, 0).
        most: nats that one channel of one band counts for, at most.
    """
    if not one.shape[1]:
        return np.zeros((len(one), len(other)))
    squared = (one[:, None] - other) ** 2 / (2 * COLOUR_SPREAD**2)
    return np.minimum(squared, most).mean(2)


def _find_pixels(start: float, stop: float, part: tuple[float, float], length: int) -> slice:
    """The pixels of a part of ``start`` to ``stop``, at least one of ``length``."""
    low, high = (start + (stop - start) * p for p in part)
    first = min(max(int(low), 0), length - 1)
    return slice(first, max(first + 1, min(int(high), length)))
