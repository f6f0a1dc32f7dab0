"""How well boxes between two known ones can be guessed.

    python benchmarks/interpolation.py [--stride 5] [--subset val] [--json]

Every stride-th true box of RHAS-mini is given; for the frames between, the IoU of guess and true
box, mean over frames, in per cent. ``hold``: the box before. ``linear``, ``pchip``, ``akima``,
``cubic``: each side of the box interpolated, the frames between unseen. ``flow``: they are
looked at, each side moves as the pixels near it do (OpenCV's dense optical flow, from both known
boxes, the nearer one counting more). ``true centre`` and ``true size``: linear for the rest
only, so what a tracker could reach that knows one of the two exactly. A cut or an absence ends a
run of given boxes; runs of fewer than four are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import (
    Akima1DInterpolator,
    CubicSpline,
    PchipInterpolator,
    make_interp_spline,
)

from rhas.base.boxes import box_iou
from rhas.base.program import run_script
from rhas.evaluate.tracked import read_tracked_film
from rhas.stores.dataset import DatasetPaths
from rhas.stores.frames import open_frames
from rhas.stores.manifest import SUBSETS, Manifest

Boxes = NDArray[np.float64]  # (N, 4): x1, y1, x2, y2 in pixels
_LEAST = 4
_GRID = 24  # points along each side of a box whose movement is followed
_NEAR = 0.15  # of a box's width or height: how far from a side a point counts for it
CURVES: dict[str, Callable[[Boxes, Boxes], Callable[[Boxes], Boxes]]] = {
    "linear": lambda x, y: make_interp_spline(x, y, k=1),
    "pchip": PchipInterpolator,
    "akima": Akima1DInterpolator,
    "cubic": CubicSpline,
}


def find_runs(boxes: Boxes, cuts: Sequence[int], stride: int) -> Iterator[NDArray[np.int64]]:
    """Frames of known boxes, a stride apart, of one shot and one presence each.

    Args:
        boxes: of one person in every frame, (T, 4), NaN where absent.
        cuts: frames that start a shot, without 0.
        stride: frames.
    """
    known = np.isfinite(boxes).all(1)
    for shot in np.split(np.arange(len(boxes)), cuts):
        gone = np.flatnonzero(~known[shot])
        for presence in np.split(shot, gone):
            at = presence[known[presence]][::stride]
            if len(at) >= _LEAST:
                yield at


def frames_between(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The frames from the first to the last of ``at`` that are not in it."""
    return np.setdiff1d(np.arange(at[0], at[-1] + 1), at)


def guess_boxes(boxes: Boxes, at: NDArray[np.int64], stride: int) -> dict[str, NDArray[np.float64]]:
    """IoU in [0, 1] of each guess with the true box, of the frames between those ``at``.

    Args:
        boxes: of one person in every frame, (T, 4).
        at: frames whose boxes are given, ``stride`` apart, at least four.
        stride: frames.
    """
    others = frames_between(at)
    true = boxes[others]
    found = {name: curve(at, boxes[at])(others) for name, curve in CURVES.items()}
    centre, size = _centre(found["linear"]), _size(found["linear"])
    found["true centre"] = np.hstack([_centre(true) - size / 2, _centre(true) + size / 2])
    found["true size"] = np.hstack([centre - _size(true) / 2, centre + _size(true) / 2])
    found["hold"] = boxes[others - (others - at[0]) % stride]
    return {name: box_iou(guess, true) for name, guess in found.items()}


class Flow:
    """Movement of the pixels of a film from each frame to the next and to the one before.

    Args:
        pictures: grey, uint8 (height, width) each.
    """

    def __init__(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        self._pictures = pictures
        self._engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def guess(self, boxes: Boxes, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Boxes of the frames between those ``at``, (N, 4) in pixels, from the boxes there.

        Args:
            boxes: of one person in every frame, (T, 4) in pixels; those between are not looked at.
            at: frames whose boxes are given, ascending.
        """
        found = []
        for first, last in pairwise(at.tolist()):
            ahead = self._carried(boxes[first], range(first, last))
            back = self._carried(boxes[last], range(last, first, -1))[::-1]
            late = np.linspace(0, 1, last - first + 1)[1:-1, None]
            found.append((1 - late) * ahead[:-1] + late * back[1:])
        return np.concatenate(found)

    def _carried(self, box: Boxes, frames: range) -> Boxes:
        """The box after each step from a frame of ``frames`` to the next one, (len(frames), 4)."""
        inside = (np.arange(_GRID) + 0.5) / _GRID
        u, v = (axis.ravel() for axis in np.meshgrid(inside, inside))
        size = box[2:] - box[:2]
        start = (box[:2] + np.column_stack([u, v]) * size).astype(np.float32)
        weights = np.exp(-np.stack([u, v, 1 - u, 1 - v]) / _NEAR)  # (4, points)
        weights /= weights.sum(1, keepdims=True)
        points, carried = start, []
        for frame in frames:
            flow = self._engine.calc(
                self._pictures[frame], self._pictures[frame + frames.step], None
            )
            x, y = points.T[:, None]
            points = points + cv2.remap(flow, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)[0]
            moved = (points - start).T[[0, 1, 0, 1]]  # (4, points)
            carried.append(box + (weights * moved).sum(1))
        return np.stack(carried)


def read_grey_images(store: Path) -> list[NDArray[np.uint8]]:
    """The pictures of a frames store, uint8 (height, width) each; black where there is none."""
    with open_frames(store) as film:
        nothing = np.zeros((film.info.height, film.info.width, 3), np.uint8)
        seen = (film.images[n] for n in range(len(film)))
        return [cv2.cvtColor(nothing if p is None else p, cv2.COLOR_RGB2GRAY) for p in seen]


def _centre(boxes: Boxes) -> Boxes:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _size(boxes: Boxes) -> Boxes:
    return boxes[:, 2:] - boxes[:, :2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("raw", "frames", "tracks"):
        parser.add_argument(f"--{name}", type=Path, default=Path("data") / name)
    parser.add_argument("--stride", type=int, default=5)
    parser.add_argument("--subset", choices=SUBSETS, default="val")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    movies = [f.movie for f in Manifest.read(options.raw).films if f.subset == options.subset]
    stores = DatasetPaths(options.raw, options.frames, Path("data/boxes"), options.tracks)
    found = []
    for movie in movies:
        film = read_tracked_film(stores, movie)
        flow = Flow(read_grey_images(options.frames / f"{movie}.h5"))
        for boxes in film.right.swapaxes(0, 1):
            for at in find_runs(boxes, film.cuts, options.stride):
                true = boxes[frames_between(at)]
                seen = box_iou(flow.guess(boxes, at), true)
                found.append({**guess_boxes(boxes, at, options.stride), "flow": seen})
    rows = {name: 100 * float(np.concatenate([f[name] for f in found]).mean()) for name in found[0]}
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n".join(f"{name:<12}{value:>6.1f}" for name, value in rows.items()))


if __name__ == "__main__":
    run_script(main)
