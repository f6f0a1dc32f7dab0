"""What a track loses when the detector sees every k-th frame alone, on films of RHAS-mini.

    python benchmarks/stride.py [--films mini_01 mini_08] [--strides 1 2 5 10] [--json]

The detector runs once, on every frame; for each k, its boxes of every k-th frame go through the
crop stage, with the settings of params.yaml, and the tracks are compared with the true boxes in
every frame. ``calls/s``: frames that the detector sees per second of film; ``IoU``: of track and
true box, mean over the frames in which the person is visible, 0 where the track has no box;
``lost``: points of it below the first k's; ``recall`` and ``wrong`` as in docs/METRICS.md, all in
per cent. A second table tells where the points are lost: in frames with a detection, between two
detections k frames apart, in longer gaps and before the first or after the last, and where the
track is missing. Without --films: those of --subset. With `ground.backend: truth` in another
--params, what is lost is the tracking's alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.base.progress import ignore_progress
from rhas.config.params import Params, load_params
from rhas.crop.step import CROP
from rhas.engine.steps import FilmFiles
from rhas.evaluate.tracked import read_tracked_film
from rhas.ground.step import GROUND
from rhas.metrics.tracks import TrackCounts, TrackedFilm, count_tracks, track_overlaps
from rhas.stores.boxes import FilmBoxes
from rhas.stores.dataset import DatasetPaths
from rhas.stores.frames import open_frames
from rhas.stores.manifest import SUBSETS, Film, Manifest

PLACES = ("detected", "between", "longer gap", "missing")


def thin_boxes(store: Path, stride: int, out: Path) -> int:
    """Writes the boxes of every stride-th frame of a boxes store of all frames; returns their
    number."""
    thinned = FilmBoxes.read(store).thin_out(stride)
    thinned.write(out)
    return len(thinned.frames)


@dataclass(frozen=True)
class Result:
    """One stride's: the detector's calls, the film's seconds, the counts of its tracks, and by
    `PLACES` the IoU that the tracks of the first stride have more, summed over visible frames."""

    calls: int
    seconds: float
    counts: TrackCounts
    lost: Mapping[str, float]


def film_results(
    film: Film, stores: DatasetPaths, params: Params, strides: Sequence[int], folder: Path
) -> dict[int, Result]:
    """By stride, the first of which is what the others are compared with."""
    frames = stores.frames / f"{film.movie}.h5"
    dense = params.ground.replace(stride=1)
    files = FilmFiles(
        film.movie, film.references, frames=frames, truth=stores.truth_path(film.movie)
    )
    every = folder / f"{film.movie}_every.h5"
    GROUND.make_job(files, dense).run(every, ignore_progress)
    with open_frames(frames) as opened:
        seconds = len(opened) / opened.info.fps
    found: dict[int, Result] = {}
    first: TrackedFilm | None = None
    for stride in strides:
        own = DatasetPaths(
            stores.raw, stores.frames, folder / f"boxes_{stride}", folder / f"{stride}"
        )
        for path in (own.boxes, own.tracks):
            path.mkdir(exist_ok=True)
        name = f"{film.movie}.h5"
        calls = thin_boxes(every, stride, own.boxes / name)
        thinned = files.add("boxes", own.boxes / name)
        CROP.make_job(thinned, params.crop).run(own.tracks / name, ignore_progress)
        tracked = read_tracked_film(own, film.movie)
        first = first or tracked
        counts = sum(count_tracks(tracked), TrackCounts())
        found[stride] = Result(calls, seconds, counts, sum_lost_overlap(first, tracked, stride))
    return found


def classify_frames(
    boxed: NDArray[np.bool_], detected: NDArray[np.bool_], stride: int
) -> NDArray[np.intp]:
    """Which of `PLACES` each frame of a track is, (T,).

    Args:
        boxed, detected: bool (T,): the track has a box; it is a detection's.
        stride: frames between two sampled ones.
    """
    frames, at = np.arange(len(boxed)), np.flatnonzero(detected)
    never = -stride * len(boxed) - stride
    before = np.concatenate([[never], at])[np.searchsorted(at, frames, "right")]
    after = np.concatenate([at, [-never]])[np.searchsorted(at, frames)]
    place = np.where(after - before <= stride, 1, 2)
    return np.where(~boxed, 3, np.where(detected, 0, place))


def sum_lost_overlap(first: TrackedFilm, own: TrackedFilm, stride: int) -> dict[str, float]:
    """IoU that ``first`` has more than ``own``, summed over visible frames, by place of ``own``."""
    sums = np.zeros(len(PLACES))
    for person in range(own.boxes.shape[1]):
        boxed = own.has_box[:, person]
        place = classify_frames(boxed, boxed & ~own.interpolated[:, person], stride)
        gain = track_overlaps(first, person)[:, person] - track_overlaps(own, person)[:, person]
        seen = own.counted[:, person]
        sums += np.bincount(place[seen], gain[seen], len(PLACES))
    return dict(zip(PLACES, sums.tolist(), strict=True))


def combine_results(of: Sequence[Result]) -> dict[str, Any]:
    """Of some films together."""
    track = sum((r.counts for r in of), TrackCounts())
    return {
        "calls_per_second": sum(r.calls for r in of) / sum(r.seconds for r in of),
        "track_iou": 100 * track.overlap / track.visible,
        "recall_50": 100 * track.found / track.visible,
        "wrong_person": 100 * track.wrong / track.boxed if track.boxed else None,
        "lost": {p: 100 * sum(r.lost[p] for r in of) / track.visible for p in PLACES},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("raw", "frames"):
        parser.add_argument(f"--{name}", type=Path, default=Path("data") / name)
    parser.add_argument("--films", nargs="+", help="movies of the manifest")
    parser.add_argument("--subset", choices=SUBSETS, default="val")
    parser.add_argument("--strides", nargs="+", type=int, default=[1, 2, 5, 10])
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    manifest = Manifest.read(options.raw)
    movies = options.films or [f.movie for f in manifest.films if f.subset == options.subset]
    films = [film for film in manifest.films if film.movie in movies]
    if unknown := sorted({*movies} - {film.movie for film in films}):
        raise RhasError("no such film", where="--films", got=", ".join(unknown))
    found: dict[int, list[Result]] = {k: [] for k in options.strides}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stores = DatasetPaths(options.raw, options.frames, folder, folder)
        for film in films:
            print(film.movie, file=sys.stderr)
            results = film_results(
                film, stores, load_params(options.params), options.strides, folder
            )
            for stride, own in results.items():
                found[stride].append(own)
    rows = {stride: combine_results(own) for stride, own in found.items()}
    if options.json:
        print(json.dumps({"films": [f.movie for f in films], "strides": rows}, indent=1))
    else:
        print(format_table(rows))


def format_table(rows: Mapping[int, Mapping[str, Any]]) -> str:
    """A line per stride, and a line per stride of where it loses."""
    first = next(iter(rows.values()))
    lines = [f"{'k':>3}{'calls/s':>9}{'fewer':>7}{'IoU':>7}{'lost':>7}{'recall':>8}{'wrong':>7}"]
    for stride, row in rows.items():
        fewer = first["calls_per_second"] / row["calls_per_second"]
        lost = first["track_iou"] - row["track_iou"]
        wrong = "-" if row["wrong_person"] is None else f"{row['wrong_person']:.1f}"
        lines.append(
            f"{stride:>3}{row['calls_per_second']:>9.2f}{fewer:>6.1f}x{row['track_iou']:>7.1f}"
            f"{lost:>7.2f}{row['recall_50']:>8.1f}{wrong:>7}"
        )
    lines += ["", f"{'lost':>4}" + "".join(f"{name:>14}" for name in PLACES)]
    for stride, row in rows.items():
        lines.append(f"{stride:>4}" + "".join(f"{row['lost'][name]:>14.2f}" for name in PLACES))
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
