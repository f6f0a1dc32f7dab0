"""What a full-size encoder costs, and what each further person of a film adds.

    python benchmarks/extract_work.py [FOLDER] [--vlm blip2] [--threads 1] [--json FILE]

FOLDER is a checkpoint, published or of ``benchmarks/random_encoders.py``; without it a full-size
BLIP-2 with random weights is made for the time of the run (5 GB of disk, 1 minute).

``work``: the extract stage on a made-up film whose one person, or four persons, are never seen, so
that the holistic stream alone is worked on. The vision tower sees each frame once, whatever the
number of references, and BLIP-2's Q-Former runs once per frame and reference; the ratio is the
time of four references over that of one. Crops are left out on purpose: a person's crop is a
picture of its own, so the partial stream costs a vision tower per person by nature.

``encoder``: shapes, the largest difference of features between pictures one by one and in a batch
of 16, seconds a picture on the given threads, and the peak resident memory of the process.
Seconds are those of the processor: other programs on the machine disturb them least.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import random_encoders
import torch

from rhas.extract import extract_film
from rhas.extract.encoders import load_encoder
from rhas.stores.frames import FrameInfo, create_frames
from rhas.stores.jpeg import encode_jpeg
from rhas.stores.tracks import FilmTracks, PersonTrack, TrackInfo, create_tracks

REFERENCES = (
    "the woman in the red coat",
    "a tall man with a hat",
    "the person on the left in blue",
    "the woman with short hair",
)
FRAMES = 4


def extract_work(threads: int, folder: Path | None = None, vlm: str = "blip2") -> dict[str, float]:
    """Seconds of extract's holistic stream with one and four references, and their ratio.

    Args:
        threads: of the model.
        folder: checkpoint; None makes a random full-size BLIP-2.
        vlm: its encoder.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if folder is None:
            folder = scratch / "blip2"
            random_encoders.write("blip2", folder)
        config = {"vlm": vlm, "checkpoint": str(folder), "batch_size": FRAMES}
        load_encoder(vlm, folder)
        seconds: dict[int, list[float]] = {1: [], 4: []}
        for repeat in range(2):
            for persons in seconds:
                film = _film(scratch / f"{persons}_{repeat}", persons)
                out = scratch / f"{persons}_{repeat}.zarr"
                inputs = {**film, "checkpoint": folder}
                arguments = {"movie": "made", "config": config}
                seconds[persons].append(
                    _cpu(lambda i=inputs, a=arguments, o=out: extract_film(i, a, o, print_nothing))
                )
    one, four = min(seconds[1]), min(seconds[4])
    return {
        "frames": FRAMES,
        "one_reference_s": one,
        "four_references_s": four,
        "ratio": four / one,
    }


def encoder_figures(
    threads: int, folder: Path, vlm: str, alone: int, dtype: str = "float32"
) -> dict[str, object]:
    """Shapes, invariance to the batch, speed and memory of an encoder."""
    torch.set_num_threads(threads)
    began = time.perf_counter()
    encoder = load_encoder(vlm, folder, dtype=dtype)
    loaded = time.perf_counter() - began
    size = encoder.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (16, size, size, 3), np.uint8)
    text = encoder.encode_text(REFERENCES[:1])[0]
    made: dict[str, np.ndarray] = {}

    def together() -> None:
        made["batch"] = encoder.fuse(encoder.vision(pictures), text)

    batch_seconds = _cpu(together)
    singles = [encoder.fuse(encoder.vision(pictures[n : n + 1]), text)[0] for n in range(alone)]
    tokens = encoder.vision(pictures[:1])
    queries = encoder.query_tokens(tokens, text)
    difference = np.abs(made["batch"][:alone] - np.stack(singles)).max()
    return {
        "vision": f"{tokens.dtype} {tuple(tokens.shape)}",
        "query_tokens": f"{queries.dtype} {queries.shape}",
        "features": f"{made['batch'].dtype} {made['batch'].shape}",
        "text": f"{text.embedding.dtype} {text.embedding.shape}",
        "pictures_compared": alone,
        "largest_difference_alone_or_in_16": float(difference),
        "largest_feature": float(np.abs(made["batch"]).max()),
        "spread_between_pictures": float(made["batch"].std(axis=0).mean()),
        "cpu_seconds_a_picture": batch_seconds / len(pictures),
        "seconds_to_load": loaded,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def print_nothing(frames: int) -> None:
    """Progress that nobody watches."""


def _film(folder: Path, persons: int) -> dict[str, Path]:
    """Stores of a film whose persons are never seen."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    with create_frames(folder / "frames.h5") as store:
        for frame in range(FRAMES):
            image = rng.integers(0, 256, (360, 640, 3), np.uint8)
            store.append(encode_jpeg(image, 90), frame / 15)
        store.info = FrameInfo(
            movie="made", fps=15.0, width=640, height=360, source_width=640, source_height=360,
            source_fps=15.0, source_seconds=FRAMES / 15, rotation=0, codec="none", reader="none",
            quality=90, lost_frames=0,
        )  # fmt: skip
    never = (
        np.full((FRAMES, 4), np.nan, np.float32),
        np.zeros(FRAMES, np.float32),
        np.zeros(FRAMES, np.uint8),
    )
    tracks = FilmTracks(
        TrackInfo("made", 224, 0.1, False),
        np.zeros(0, np.int32),
        tuple(PersonTrack(reference, *never) for reference in REFERENCES[:persons]),
    )
    with create_tracks(folder / "tracks.h5", tracks) as crops:
        for _ in range(FRAMES):
            crops.append([b""] * persons)
    return {name: folder / f"{name}.h5" for name in ("frames", "tracks")}


def _cpu(function: Callable[[], object]) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--vlm", default="blip2")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--alone", type=int, default=16, help="pictures of 16 to run one by one")
    parser.add_argument("--dtype", default="float32", help="of the vision tower, in `encoder`")
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    if options.folder:
        figures["encoder"] = encoder_figures(
            options.threads, options.folder, options.vlm, options.alone, options.dtype
        )
    figures["work"] = extract_work(options.threads, options.folder, options.vlm)
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
