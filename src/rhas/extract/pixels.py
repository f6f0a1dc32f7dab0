"""A checkpoint's image processor as two operations on a whole batch.

The processors of ``transformers`` handle pictures one by one; what they compute is one resize of
bytes and one subtraction and division. Here resizing is apart from the rest, so that it can run
ahead in threads, on small squares from then on, and is skipped where the size fits already.
Legend: n pictures, s side of the square that the vision tower sees.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rhas.base.errors import RhasError

_MODES = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers, as in preprocessor_config.json


class Pixels:
    """Bytes to the vision tower's input, bit for bit as the image processor makes it.

    Save that nothing is cropped away: the whole picture is scaled to the square, since a person
    may stand at its edge.

    Args:
        processor: image processor of a checkpoint.
        size: side of the square, pixels.

    Raises:
        RhasError: a processor that does something else than resize, rescale and normalise.
    """

    def __init__(self, processor: Any, size: int) -> None:
        steps = all(getattr(processor, f"do_{s}") for s in ("resize", "rescale", "normalize"))
        mode = _MODES.get(int(processor.resample))
        if not steps or mode is None:
            raise RhasError(
                "an image processor of another kind",
                where="preprocessor_config.json",
                expected="do_resize, do_rescale and do_normalize, and resample 2 or 3",
                got=f"resample {int(processor.resample)}, " + ", ".join(
                    f"do_{s} {getattr(processor, f'do_{s}')}"
                    for s in ("resize", "rescale", "normalize")
                ),
            )  # fmt: skip
        self._size, self._mode = size, mode
        scale = 1.0 / processor.rescale_factor  # the processor folds it into mean and deviation
        self._mean = torch.tensor(processor.image_mean)[:, None, None] * scale  # (3, 1, 1)
        self._std = torch.tensor(processor.image_std)[:, None, None] * scale

    def resized(self, images: np.ndarray) -> np.ndarray:
        """Pictures of one size, uint8 (n, height, width, 3), as uint8 (n, s, s, 3)."""
        square = (self._size, self._size)
        if images.shape[1:3] == square:
            return images
        pictures = torch.tensor(images).permute(0, 3, 1, 2)  # (n, 3, height, width)
        small = F.interpolate(pictures, square, mode=self._mode, antialias=True)
        return small.permute(0, 2, 3, 1).contiguous().numpy()  # (n, s, s, 3)

    def normalised(self, images: np.ndarray, device: torch.device) -> Tensor:
        """Resized pictures, uint8 (n, s, s, 3), as float32 (n, 3, s, s) on the device."""
        pictures = torch.tensor(images).to(device).permute(0, 3, 1, 2)
        pixels = pictures.to(torch.float32, memory_format=torch.contiguous_format)
        return pixels.sub_(self._mean.to(device)).div_(self._std.to(device))
