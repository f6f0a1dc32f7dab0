"""How good tracks are when not everybody is named: python benchmarks/naming.py [--split test]

The boxes of `dvc repro ground` (data/boxes) are given to all persons of a film, to every two of
them, and to each one alone, the others' references taken away; tracks are made anew and counted
against the truth. In per cent: recall (of visible frames), wrong (boxes on somebody else), away
(frames without the person that have a box). docs/SEGMENT.md has the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from rhas.base.program import run_script
from rhas.config.params import read_yaml
from rhas.crop.detections import merge_candidates
from rhas.crop.tracking import Track, track_film
from rhas.evaluate.tracked import read_tracked_film
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
    args = parser.parse_args()
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
