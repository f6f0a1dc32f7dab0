"""How well boxes between two known ones can be guessed without looking at the frames between.

    python benchmarks/interpolation.py [--stride 5] [--subset val] [--json]

Every stride-th true box of RHAS-mini is given; for the frames between, the IoU of guess and true
box, mean over frames, in per cent. ``hold``: the box before. ``linear``, ``pchip``, ``akima``,
``cubic``: each side of the box interpolated. ``true centre`` and ``true size``: linear for the rest
only, so what a tracker could reach that knows one of the two exactly. A cut or an absence ends a
run of given boxes; runs of fewer than four are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import (
    Akima1DInterpolator,
    CubicSpline,
    PchipInterpolator,
    make_interp_spline,
)

from rhas.engine.stage import run
from rhas.evaluate.stores import Stores, read_tracked
from rhas.ground.recall import iou
from rhas.stores.manifest import SUBSETS, Manifest

Boxes = NDArray[np.float64]  # (N, 4): x1, y1, x2, y2 in pixels
_LEAST = 4
CURVES: dict[str, Callable[[Boxes, Boxes], Callable[[Boxes], Boxes]]] = {
    "linear": lambda x, y: make_interp_spline(x, y, k=1),
    "pchip": PchipInterpolator,
    "akima": Akima1DInterpolator,
    "cubic": CubicSpline,
}


def runs(boxes: Boxes, cuts: Sequence[int], stride: int) -> Iterator[NDArray[np.int64]]:
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


def guesses(boxes: Boxes, at: NDArray[np.int64], stride: int) -> dict[str, NDArray[np.float64]]:
    """IoU in [0, 1] of each guess with the true box, of the frames between those ``at``.

    Args:
        boxes: of one person in every frame, (T, 4).
        at: frames whose boxes are given, ``stride`` apart, at least four.
        stride: frames.
    """
    between = np.arange(at[0], at[-1] + 1)
    between = between[(between - at[0]) % stride != 0]
    true = boxes[between]
    found = {name: curve(at, boxes[at])(between) for name, curve in CURVES.items()}
    centre, size = _centre(found["linear"]), _size(found["linear"])
    found["true centre"] = np.hstack([_centre(true) - size / 2, _centre(true) + size / 2])
    found["true size"] = np.hstack([centre - _size(true) / 2, centre + _size(true) / 2])
    found["hold"] = boxes[between - (between - at[0]) % stride]
    return {name: iou(guess, true) for name, guess in found.items()}


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
    stores = Stores(options.raw, options.frames, Path("data/boxes"), options.tracks)
    films = [read_tracked(stores, movie) for movie in movies]
    found = [
        guesses(boxes, at, options.stride)
        for film in films
        for boxes in film.right.swapaxes(0, 1)
        for at in runs(boxes, film.cuts, options.stride)
    ]
    rows = {name: 100 * float(np.concatenate([f[name] for f in found]).mean()) for name in found[0]}
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n".join(f"{name:<12}{value:>6.1f}" for name, value in rows.items()))


if __name__ == "__main__":
    run(main)
