"""HDR (PQ and HLG) to SDR.

Light is told in nits and divided by 203, the level of white paper in HDR (ITU-R BT.2408); the
brightest component of a pixel is compressed by the extended Reinhard curve, which maps 1,000 nits
to the display's white, and the others in proportion, so that hues stay. Display: BT.709 primaries,
BT.1886.
"""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np

Transfer = Literal["sdr", "pq", "hlg"]

_WHITE, _PEAK = 203.0, 1000.0  # nits
_BT2020_TO_BT709 = np.asarray(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)  # ITU-R BT.2087, inverse of its table
_BT2020_LUMA = np.asarray([0.2627, 0.6780, 0.0593], np.float32)
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}  # of FFmpeg's AVColorTransferCharacteristic


def find_transfer(color_trc: int) -> Transfer:
    """The transfer function of a frame by FFmpeg's number."""
    return _TRANSFERS.get(int(color_trc), "sdr")


def map_tones(picture: np.ndarray, transfer: Transfer) -> np.ndarray:
    """An SDR picture, uint8 (H, W, 3).

    Args:
        picture: uint16 (H, W, 3), R'G'B' of BT.2020, full range.
        transfer: ``pq`` (SMPTE ST 2084) or ``hlg`` (ITU-R BT.2100).
    """
    nits = _linear_table(transfer)[picture]
    if transfer == "hlg":  # the display's part of the curve, gamma 1.2 at 1,000 nits
        nits *= ((nits @ _BT2020_LUMA)[..., None] / _PEAK) ** np.float32(0.2)
    light = np.maximum(nits @ _BT2020_TO_BT709.T / np.float32(_WHITE), 0)
    highest = light.max(-1, keepdims=True)
    light *= (1 + highest / np.float32((_PEAK / _WHITE) ** 2)) / (1 + highest)
    return np.rint(255 * np.minimum(light, 1) ** np.float32(1 / 2.4)).astype(np.uint8)


@functools.cache
def _linear_table(transfer: Transfer) -> np.ndarray:
    """Light in nits of every 16-bit value; of HLG the scene's, scaled to 1,000."""
    signal = np.arange(65536) / 65535
    if transfer == "pq":
        power = signal ** (32 / 2523)
        base = np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)
        light = 10_000 * base ** (16384 / 2610)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        bright = (np.exp((signal - c) / a) + b) / 12
        light = _PEAK * np.where(signal <= 0.5, signal**2 / 3, bright)
    return light.astype(np.float32)
