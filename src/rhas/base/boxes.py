"""Boxes ``x1, y1, x2, y2`` in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def box_iou(boxes: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.floating]:
    """Intersection over union of boxes, 0-1.

    Args:
        boxes, others: (..., 4), broadcast against each other: ``(N, 1, 4)`` and ``(M, 4)`` give
            every pair, ``(N, M)``.

    Returns:
        (...); 0 where a box has no area or is NaN.
    """
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [np.clip(b[..., 2:] - b[..., :2], 0, None).prod(-1) for b in (boxes, others)]
    union = areas[0] + areas[1] - shared
    with np.errstate(invalid="ignore"):
        return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
