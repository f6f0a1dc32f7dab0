"""Pixels are those of the checkpoint's image processor, bit for bit, however they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import BlipImageProcessor, CLIPImageProcessor, SiglipImageProcessor

from rhas.base.errors import RhasError
from rhas.extract.pixels import Pixels

SIZE = 48
PROCESSORS: dict[str, Any] = {
    "blip2": BlipImageProcessor(size={"height": SIZE, "width": SIZE}),
    "clip": CLIPImageProcessor(size={"shortest_edge": SIZE}),
    "siglip2": SiglipImageProcessor(size={"height": SIZE, "width": SIZE}, resample=2),
}
CPU = torch.device("cpu")


def pictures(height: int, width: int, n: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(SIZE, SIZE), (31, 31), (96, 96), (135, 240), (20, 90), (1, 1)])
@pytest.mark.parametrize("kind", PROCESSORS)
def test_equal_to_the_processor(kind: str, size: tuple[int, int]) -> None:
    images, processor = pictures(*size), PROCESSORS[kind]
    want = processor(
        [torch.tensor(image).permute(2, 0, 1) for image in images],
        size={"height": SIZE, "width": SIZE}, do_center_crop=False, return_tensors="pt",
    )["pixel_values"]  # fmt: skip
    made = Pixels(processor, SIZE)
    got = made.normalised(made.resized(images), CPU)
    assert got.dtype == torch.float32
    assert got.is_contiguous()
    torch.testing.assert_close(got, want, atol=0, rtol=0)


def test_one_by_one_or_together_and_twice() -> None:
    made, images = Pixels(PROCESSORS["blip2"], SIZE), pictures(70, 50)
    together = made.resized(images)
    np.testing.assert_array_equal(
        together, np.concatenate([made.resized(image[None]) for image in images])
    )
    assert made.resized(together) is together  # no second scaling


def test_read_only_pictures_are_taken() -> None:
    """Decoders give such arrays, which torch warns of."""
    images = pictures(SIZE, SIZE)
    images.flags.writeable = False
    Pixels(PROCESSORS["clip"], SIZE).normalised(images, CPU)


@pytest.mark.parametrize(
    "change",
    [{"resample": 1}, {"do_normalize": False}, {"do_rescale": False}, {"do_resize": False}],
)
def test_a_processor_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RhasError, match="image processor of another kind"):
        Pixels(BlipImageProcessor(**change), SIZE)
