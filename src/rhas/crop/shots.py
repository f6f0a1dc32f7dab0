"""Hard cuts of a film, from small thumbnails of its frames.

The difference of two frames is measured after block matching, in which each block of the picture
may move a little: a pan, a zoom or a shaking camera leaves little, a cut leaves most. A change in
a few blocks, as of moving people, counts less than a change everywhere. A cut is a difference that
stands out from those just before and after it and that lasts (a flash or a single damaged frame
does not). Dissolves and fades are not hard cuts and are not reported.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, repeat

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from rhas.crop.constants import BLOCK, HEIGHT, NOISE, REACH, WIDTH, WINDOW


def make_thumbnail(jpeg: bytes) -> np.ndarray:
    """A small picture of JPEG bytes, uint8 (HEIGHT, WIDTH, 3), aspect not kept.

    The decoder itself works at the smallest scale that suffices, so this costs about half a
    full decode.
    """
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("RGB", (WIDTH, HEIGHT))
        return np.asarray(image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BOX))


def measure_difference(before: np.ndarray, after: np.ndarray) -> float:
    """Difference that remains when each block of ``after`` is looked for near its place in
    ``before``.

    Args:
        before, after: thumbnails, uint8 (HEIGHT, WIDTH, 3).

    Returns:
        grey levels, [0, 255]: each block's mean absolute difference at its best displacement; of
        the blocks the squared mean of square roots.
    """
    target = after.astype(np.int16).transpose(2, 0, 1)[:, :, None]  # (3, H, 1, W)
    source = np.pad(
        before.astype(np.int16).transpose(2, 0, 1),
        ((0, 0), (REACH, REACH), (REACH, REACH)),
        mode="edge",
    )
    rows, columns = HEIGHT // BLOCK[0], WIDTH // BLOCK[1]
    best = np.full((rows, columns), np.iinfo(np.int64).max)
    for dy in range(2 * REACH + 1):
        moved = sliding_window_view(source[:, dy : dy + HEIGHT], WIDTH, axis=2)  # (3, H, dx, W)
        gaps = np.abs(moved - target).sum(0, dtype=np.int16)  # (H, dx, W), at most 765
        blocks = np.add.reduceat(gaps, range(0, HEIGHT, BLOCK[0]), axis=0)  # at most 4590
        blocks = blocks.reshape(rows, -1, columns, BLOCK[1]).sum(3)  # (rows, dx, columns)
        np.minimum(best, blocks.min(1), out=best)
    of_blocks = best / (3 * BLOCK[0] * BLOCK[1])
    return float(np.sqrt(of_blocks).mean() ** 2)


def find_cuts(thumbnails: Iterable[np.ndarray], threshold: float) -> np.ndarray:
    """Frames that start a new shot after a hard cut; frame 0 is not among them.

    Frame t starts a shot where ``difference(t-1, t) >= threshold * (usual + 1 grey level)``,
    ``usual`` being the larger of the mean differences over the three frames before and over the
    three after, and where t-1 still differs from t+1, and t-2 from t.

    Args:
        thumbnails: uint8 (HEIGHT, WIDTH, 3) of every frame, in order; read once, a few are kept.
        threshold: above 0; how far a cut stands out.

    Returns:
        int32 (cuts,), ascending.
    """
    floor = threshold * NOISE
    return np.asarray(
        [frame for frame, window in _slide_window(thumbnails) if _is_cut(window, threshold, floor)],
        np.int32,
    )


def _slide_window(
    thumbnails: Iterable[np.ndarray],
) -> Iterator[tuple[int, list[np.ndarray | None]]]:
    """For every frame t the thumbnails t-1-_WINDOW ... t+_WINDOW, None outside the film."""
    length = 2 * WINDOW + 2
    window: deque[np.ndarray | None] = deque(maxlen=length)
    padded = chain(repeat(None, WINDOW + 1), thumbnails, repeat(None, WINDOW))
    for count, item in enumerate(padded, start=1):
        window.append(item)
        if count > length:  # frame 0, the first whole window, has no frame before it
            yield count - length, list(window)


def _is_cut(window: list[np.ndarray | None], threshold: float, floor: float) -> bool:
    now = WINDOW + 1

    def differ(first: int, second: int) -> float | None:
        a, b = window[first], window[second]
        return None if a is None or b is None else measure_difference(a, b)

    before, after = window[now - 1], window[now]
    assert before is not None
    assert after is not None
    # the plain difference is an upper bound of the matched one, and far cheaper
    if np.abs(before.astype(np.int16) - after.astype(np.int16)).mean() < floor:
        return False
    height = measure_difference(before, after)
    if height < floor:
        return False
    lasting = (differ(now - 1, now + 1), differ(now - 2, now))
    if any(value is not None and value < floor for value in lasting):
        return False
    for side in (range(1, now), range(now + 1, len(window))):
        values = [value for n in side if (value := differ(n - 1, n)) is not None]
        if values and height < threshold * (float(np.mean(values)) + NOISE):
            return False
    return True
