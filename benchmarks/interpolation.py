"""How well boxes between two known ones can be guessed without looking at the frames between.

    python benchmarks/interpolation.py [--stride 5] [--subset val] [--json]

Every stride-th true box of RHAS-mini is given; for the frames between, the IoU of guess and true
box, mean over frames, in per cent. ``hold``: the box before. ``linear``, ``pchip``, ``akima``,
``cubic``: each side of the box interpolated. ``true centre`` and ``true size``: linear for the rest
only, so what a tracker could reach that knows one of the two exactly. A shot or an absence ends a
run of boxes; runs of fewer than four are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import (
    Akima1DInterpolator,
    CubicSpline,
    PchipInterpolator,
    make_interp_spline,
)

from rhas.engine.stage import run
from rhas.ground.truth import TruthBoxes
from rhas.stores.manifest import SUBSETS, Manifest

Boxes = NDArray[np.float64]  # (N, 4): x1, y1, x2, y2 in pixels
_LEAST = 4
_SAME = 0.05  # below this IoU two boxes a stride apart are not one movement
CURVES: dict[str, Callable[[Boxes, Boxes], Callable[[Boxes], Boxes]]] = {
    "linear": lambda x, y: make_interp_spline(x, y, k=1),
    "pchip": PchipInterpolator,
    "akima": Akima1DInterpolator,
    "cubic": CubicSpline,
}


def overlap(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """IoU of each pair, (N,)."""
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.clip(sides, 0, None).prod(1)
    areas = sum((b[:, 2:] - b[:, :2]).prod(1) for b in (one, other))
    return shared / (areas - shared)


def runs(boxes: Boxes, stride: int) -> Iterator[NDArray[np.int64]]:
    """Frames of known boxes, a stride apart, of one unbroken movement each."""
    known = np.isfinite(boxes).all(1)
    edges = np.flatnonzero(np.diff(np.r_[0, known, 0]))
    for start, stop in edges.reshape(-1, 2):
        at = np.arange(start, stop, stride)
        jumps = np.flatnonzero(overlap(boxes[at[:-1]], boxes[at[1:]]) < _SAME)
        yield from (part for part in np.split(at, jumps + 1) if len(part) >= _LEAST)


def guesses(boxes: Boxes, at: NDArray[np.int64], stride: int) -> dict[str, NDArray[np.float64]]:
    """IoU of each guess with the true box, of the frames between those ``at``."""
    between = np.arange(at[0], at[-1] + 1)
    between = between[(between - at[0]) % stride != 0]
    true = boxes[between]
    found = {name: curve(at, boxes[at])(between) for name, curve in CURVES.items()}
    centre, size = _centre(found["linear"]), _size(found["linear"])
    found["true centre"] = np.hstack([_centre(true) - size / 2, _centre(true) + size / 2])
    found["true size"] = np.hstack([centre - _size(true) / 2, centre + _size(true) / 2])
    found["hold"] = boxes[between - (between - at[0]) % stride]
    return {name: overlap(guess, true) for name, guess in found.items()}


def _centre(boxes: Boxes) -> Boxes:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _size(boxes: Boxes) -> Boxes:
    return boxes[:, 2:] - boxes[:, :2]


def film_boxes(raw: Path, frames: Path, movie: str) -> list[Boxes]:
    """True boxes (T, 4) of each person, NaN where absent."""
    with h5py.File(frames / f"{movie}.h5") as file:
        moments, size = file["time"][:], (int(file.attrs["width"]), int(file.attrs["height"]))
    return list(TruthBoxes(raw / "truth" / f"{movie}.h5").at(moments, *size).swapaxes(0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("raw", "frames"):
        parser.add_argument(f"--{name}", type=Path, default=Path("data") / name)
    parser.add_argument("--stride", type=int, default=5)
    parser.add_argument("--subset", choices=SUBSETS, default="val")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    movies = [f.movie for f in Manifest.read(options.raw).films if f.subset == options.subset]
    found = [
        guesses(boxes, at, options.stride)
        for movie in movies
        for boxes in film_boxes(options.raw, options.frames, movie)
        for at in runs(boxes, options.stride)
    ]
    rows = {name: 100 * float(np.concatenate([f[name] for f in found]).mean()) for name in found[0]}
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n".join(f"{name:<12}{value:>6.1f}" for name, value in rows.items()))


if __name__ == "__main__":
    run(main)
