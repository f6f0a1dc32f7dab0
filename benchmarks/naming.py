"""How good tracks are when not everybody is named: python benchmarks/naming.py [--split test]

    python benchmarks/naming.py                 # by the boxes of data/boxes
    python benchmarks/naming.py --alone         # each person is looked for alone, as a user would
    python benchmarks/naming.py --alone --rival ""   # and nobody competes

The boxes of `dvc repro ground` (data/boxes) are given to all persons of a film, to every two of
them, and to each one alone, the others' references taken away; tracks are made anew and counted
against the truth. In per cent: recall (of visible frames), wrong (boxes on somebody else), away
(frames without the person that have a box). docs/SEGMENT.md has the table.

With --alone the detector is run with one sentence at a time (`ground.rival` is its parameter), and
also with those of the next film: stranger is the share of frames that have a box then.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from rhas.base.program import run_script
from rhas.config.crop import CropConfig
from rhas.config.ground import GroundConfig
from rhas.config.params import load_params, read_yaml
from rhas.crop.detections import merge_candidates
from rhas.crop.tracking import Track, track_film
from rhas.evaluate.tracked import read_tracked_film
from rhas.ground import make_grounder
from rhas.ground.grounding import ground_frames
from rhas.metrics.tracks import TrackCounts, TrackedFilm, count_tracks
from rhas.stores.boxes import FilmBoxes
from rhas.stores.dataset import DatasetPaths
from rhas.stores.frames import open_frames
from rhas.stores.manifest import SUBSETS, Manifest
from rhas.stores.tracks import BoxSource

DATA = Path("data")
STORES = DatasetPaths(DATA / "raw", DATA / "frames", DATA / "boxes", DATA / "tracks")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--split", choices=SUBSETS, default="test")
    parser.add_argument("--min-score", type=float, nargs="+", default=[0.1, 0.2, 0.3, 0.4, 0.5])
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--rival", help="of --alone, default: ground.rival of params.yaml")
    args = parser.parse_args()
    if args.alone:
        measure_alone(args.split, args.rival)
        return
    max_gap = read_yaml(Path("params.yaml"))["crop"]["max_gap"]
    films = [f.movie for f in Manifest.read(STORES.raw).films if f.subset == args.split]
    print(f"{'min_score':>9}  {'named':<5}  recall  wrong   away")
    for score in args.min_score:
        for count, name in ((0, "all"), (2, "two"), (1, "one")):
            total = TrackCounts()
            for movie in films:
                total = sum(count_named(movie, count, score, max_gap), total)
            shares = (
                total.found / total.visible,
                total.wrong / total.boxed,
                total.absent_boxed / total.absent,
            )
            figures = "".join(f"{100 * share:8.1f}" for share in shares).lstrip().rjust(22)
            print(f"{score:9.2f}  {name:<5}{figures}", flush=True)


def count_named(movie: str, named: int, min_score: float, max_gap: int) -> Iterator[TrackCounts]:
    """Of each named person of a film, for every choice of ``named`` persons; 0 names all.

    ``min_score`` and ``max_gap`` (frames) are crop's.
    """
    film = read_tracked_film(STORES, movie)
    frames, people = film.visible.shape
    store = FilmBoxes.read(STORES.boxes / f"{movie}.h5")
    with open_frames(STORES.frames / f"{movie}.h5") as opened:
        pictures = [opened.images[int(frame)] for frame in store.frames]

    def by_frame(values: str, persons: Sequence[int]) -> list[tuple[np.ndarray, ...]]:
        chosen = [store.persons[person] for person in persons]
        rows = [np.split(getattr(person, values), person.offsets[1:-1]) for person in chosen]
        return list(zip(*rows, strict=True))

    for persons in combinations(range(people), named or people):
        boxes, scores = by_frame("boxes", persons), by_frame("scores", persons)
        bodies = [merge_candidates(b, s) for b, s in zip(boxes, scores, strict=True)]
        tracks, _ = track_film(
            store.frames,
            [found.add_colours(picture) for found, picture in zip(bodies, pictures, strict=True)],
            film.found_cuts,
            frames,
            len(persons),
            stride=store.info.stride,
            max_gap=max_gap,
            min_score=min_score,
        )
        yield from _count_tracks(film, persons, tracks)


def measure_alone(split: str, rival: str | None) -> None:
    """Prints the counts of a subset's persons, each looked for alone, and those of strangers."""
    params = load_params()
    config = params.ground
    if rival is not None:
        config = config.replace(rival=rival)
    films = [film for film in Manifest.read(STORES.raw).films if film.subset == split]
    total, strangers, frames = TrackCounts(), 0.0, 0
    torch.set_num_threads(1)
    for number, film in enumerate(films):
        truth = read_tracked_film(STORES, film.movie)
        for person, reference in enumerate(film.references):
            track = track_alone(film.movie, reference, config, params.crop, truth)
            total = sum(_count_tracks(truth, [person], [track]), total)
        for reference in films[(number + 1) % len(films)].references:
            track = track_alone(film.movie, reference, config, params.crop, truth)
            strangers += np.isfinite(track.boxes).all(1).sum()
            frames += len(track.boxes)
        print(f"{film.movie} done: {total.persons} persons", flush=True)
    shares = {
        "recall": total.found / total.visible,
        "wrong": total.wrong / total.boxed,
        "away": total.absent_boxed / total.absent,
        "stranger": strangers / frames,
    }
    print("  ".join(f"{name} {100 * share:.1f}" for name, share in shares.items()))


def track_alone(
    movie: str, reference: str, ground: GroundConfig, crop: CropConfig, film: TrackedFilm
) -> Track:
    """The track of a sentence that is a film's only one."""
    grounder = make_grounder(ground)
    with open_frames(STORES.frames / f"{movie}.h5") as opened:
        length = len(opened)
        frames = np.arange(0, length, ground.stride)
        rows, _ = ground_frames(
            grounder, opened.images, frames, ground.batch_size, [reference], lambda done: None
        )
        found = [
            merge_candidates([row.boxes], [row.scores]).add_colours(opened.images[int(frame)])
            for frame, (row,) in zip(frames, rows, strict=True)
        ]
    (track,), _ = track_film(
        frames, found, film.found_cuts, length, 1,
        stride=ground.stride, max_gap=crop.max_gap, min_score=crop.min_score,
    )  # fmt: skip
    return track


def _count_tracks(
    film: TrackedFilm, persons: Sequence[int], tracks: Sequence[Track]
) -> list[TrackCounts]:
    boxes, interpolated = np.full_like(film.boxes, np.nan), np.zeros_like(film.interpolated)
    for person, track in zip(persons, tracks, strict=True):
        boxes[:, person] = track.boxes
        interpolated[:, person] = track.source == BoxSource.INTERPOLATED
    everybody = count_tracks(replace(film, boxes=boxes, interpolated=interpolated))
    return [everybody[person] for person in persons]


if __name__ == "__main__":
    run_script(main)
