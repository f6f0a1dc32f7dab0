"""Features of frames in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.extract.arrays import encode_frames
from rhas.extract.encoders import Encoder, load_encoder

ROOT = Path(__file__).resolve().parents[2]
FRAMES = np.random.default_rng(0).integers(0, 256, (5, 90, 160, 3), np.uint8)
CROPS = np.random.default_rng(1).integers(0, 256, (5, 40, 20, 3), np.uint8)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("clip", str(ROOT / "weights" / "clip"))


def test_a_row_is_what_the_encoder_gives(encoder: Encoder) -> None:
    present = np.array([True, False, True, True, False])
    found = encode_frames(encoder, FRAMES, "the man", CROPS, present, batch_size=2)
    (text,) = encoder.encode_text(["the man"])
    expected = encoder.fuse(encoder.vision(FRAMES), text)
    assert np.allclose(found.holistic, expected, atol=2e-3)
    expected = encoder.fuse(encoder.vision(CROPS), text)
    assert np.allclose(found.partial[present], expected[present], atol=2e-3)
    assert not found.partial[~present].any()
    assert found.present.tolist() == present.tolist()
    assert found.text.tolist() == text.embedding.tolist()


def test_without_crops_the_person_is_absent(encoder: Encoder) -> None:
    found = encode_frames(encoder, FRAMES, "the man")
    assert not found.present.any()
    assert not found.partial.any()


def test_wrong_arrays_are_named(encoder: Encoder) -> None:
    with pytest.raises(RhasError, match=r"uint8 \(n, height, width, 3\)"):
        encode_frames(encoder, FRAMES.astype(np.float32), "the man")
    with pytest.raises(RhasError, match="not a crop per frame"):
        encode_frames(encoder, FRAMES, "the man", CROPS[:3])
    with pytest.raises(RhasError, match="not a flag per frame"):
        encode_frames(encoder, FRAMES, "the man", CROPS, np.ones(4, bool))
