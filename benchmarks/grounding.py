"""Recall of grounding at IoU 0.5 on RHAS-mini, per film and per side of the split, in per cent.

    python benchmarks/grounding.py [--boxes data/boxes --raw data/raw --frames data/frames]

``top``: the best candidate is right; ``any``: some candidate is; ``chance``: picking one of the
visible people at random would be; ``track``: the person's track is right, over all working frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rhas.engine.stage import run
from rhas.ground.recall import Recall, folder_recall, table
from rhas.stores.manifest import SUBSETS, Manifest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boxes", type=Path, default=Path("data/boxes"))
    parser.add_argument("--raw", type=Path, default=Path("data/raw"))
    parser.add_argument("--frames", type=Path, default=Path("data/frames"))
    parser.add_argument("--tracks", type=Path, default=Path("data/tracks"), help="where it exists")
    options = parser.parse_args()
    tracks = options.tracks if options.tracks.is_dir() else None
    found = folder_recall(options.raw, options.frames, options.boxes, tracks)
    subsets = {film.movie: film.subset or "open" for film in Manifest.read(options.raw).films}
    rows = sorted(found.items(), key=lambda item: subsets[item[0]])
    for side in (*SUBSETS, "open"):
        films = [recall for movie, recall in found.items() if subsets[movie] == side]
        if films:
            rows.append((side, sum(films, Recall())))
    print(table([*rows, ("all", sum(found.values(), Recall()))]))


if __name__ == "__main__":
    run(main)
