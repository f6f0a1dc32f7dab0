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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.config.crop import CropConfig
from rhas.config.ground import GroundConfig
from rhas.config.params import load_params, read_yaml
from rhas.crop.detections import Detections, merge_candidates
from rhas.crop.tracking import Track, track_film
from rhas.evaluate.tracked import read_tracked_film
from rhas.ground import make_grounder
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
    parser.add_argument("--workers", type=int, default=2, help="of --alone, films at once")
    args = parser.parse_args()
    if args.workers < 1:
        parser.error("--workers: 1 or more")
    if args.alone:
        measure_alone(args.split, args.rival, args.workers)
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


def measure_alone(split: str, rival: str | None, workers: int) -> None:
    """Prints the counts of a subset's persons, each looked for alone, and those of strangers."""
    params = load_params()
    ground = params.ground if rival is None else params.ground.replace(rival=rival)
    films = [film for film in Manifest.read(STORES.raw).films if film.subset == split]
    total, strangers, frames = TrackCounts(), 0, 0
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        results = [
            pool.submit(
                measure_film,
                film.movie,
                film.references,
                films[(number + 1) % len(films)].references,
                ground,
                params.crop,
            )
            for number, film in enumerate(films)
        ]
        for film, result in zip(films, results, strict=True):
            found, with_box, looked = result.result()
            print(f"{film.movie}: {found.persons} persons", flush=True)
            total, strangers, frames = total + found, strangers + with_box, frames + looked
    shares = {
        "recall": total.found / total.visible,
        "wrong": total.wrong / total.boxed,
        "away": total.absent_boxed / total.absent,
        "stranger": strangers / frames,
    }
    print("  ".join(f"{name} {100 * share:.1f}" for name, share in shares.items()))


def measure_film(
    movie: str,
    references: Sequence[str],
    strangers: Sequence[str],
    ground: GroundConfig,
    crop: CropConfig,
) -> tuple[TrackCounts, int, int]:
    """Looks for each person of a film alone, and for people who are not in it.

    Args:
        movie: the film.
        references: of its persons.
        strangers: sentences about nobody in the film.
        ground, crop: parameters of the stages.

    Returns:
        counts of all its persons; working frames with a box of a stranger, summed over strangers;
        working frames times strangers.
    """
    torch.set_num_threads(1)
    truth = read_tracked_film(STORES, movie)
    tracks = track_alone(movie, [*references, *strangers], ground, crop, truth)
    own, others = tracks[: len(references)], tracks[len(references) :]
    counts = [_count_tracks(truth, [person], [track])[0] for person, track in enumerate(own)]
    boxed = sum(int(np.isfinite(track.boxes).all(1).sum()) for track in others)
    return sum(counts, TrackCounts()), boxed, len(truth.boxes) * len(others)


def track_alone(
    movie: str,
    references: Sequence[str],
    ground: GroundConfig,
    crop: CropConfig,
    film: TrackedFilm,
) -> list[Track]:
    """The track of each sentence, as if it were the film's only one; ``film`` has the cuts."""
    grounder, lists = make_grounder(ground), [[reference] for reference in references]
    found: list[list[Detections]] = [[] for _ in references]
    with open_frames(STORES.frames / f"{movie}.h5") as opened:
        length = len(opened)
        frames = np.arange(0, length, ground.stride)
        size = 8 if ground.batch_size == "auto" else ground.batch_size
        for block in opened.images.read_blocks((int(frame) for frame in frames), size):
            pictures = [picture for _, picture in block if picture is not None]
            if len(pictures) < len(block):
                raise RhasError(
                    "frames without a picture", where=f"movie {movie}", do="run `dvc repro decode`"
                )
            for detections, rows in zip(found, grounder.find_each(pictures, lists), strict=True):
                detections += [
                    merge_candidates([row.boxes], [row.scores]).add_colours(picture)
                    for picture, (row,) in zip(pictures, rows, strict=True)
                ]
    return [
        track_film(
            frames, detections, film.found_cuts, length, 1,
            stride=ground.stride, max_gap=crop.max_gap, min_score=crop.min_score,
        )[0][0]
        for detections in found
    ]  # fmt: skip


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
