"""Speed of the extract stage against the bare model on ready tensors, in the same process.

    python benchmarks/extract_rate.py FRAMES TRACKS [--vlm blip2] [--checkpoint weights/blip2]
        [--frames 512] [--batch-size 64] [--repeat 5]

FRAMES and TRACKS are a film's stores (``data/frames/<movie>.h5``, ``data/tracks/<movie>.h5``), of
which the first ``--frames`` frames are taken. The bare model gets the same pictures in the same
batches as normalised tensors that lie ready in memory, and its results are dropped; the stage
reads, decodes, scales, normalises, converts and writes the store. One thread for the model; the
stage decodes ahead in threads of its own, so seconds of the clock count on idle cores, while
seconds of the processor (``cpu``) hold where every core is busy. Both run in turn; the median is
shown, and the stage's rate in per cent of the bare model's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from rhas.extract import extract_film
from rhas.extract.encoders import Encoder, Text, load_encoder
from rhas.extract.pictures import FilmPictures
from rhas.stores.frames import count_frames, open_frames, write_frames_part
from rhas.stores.tracks import FilmTracks, open_tracks, write_tracks_part

Ready = list[tuple[Tensor, Tensor, np.ndarray]]


def ready_tensors(frames: Path, tracks: Path, encoder: Encoder, batch: int) -> Ready:
    """By block: pixels of the whole frames, pixels of the crops, and whose crops they are."""
    ready: Ready = []
    with open_frames(frames) as frame_store, open_tracks(tracks) as track_store:
        film = FilmPictures(frame_store, track_store, encoder.resized)
        for block in film.blocks(batch, threads=1):
            crops = encoder.pixels(block.crops) if len(block.crops) else torch.empty(0)
            ready.append((encoder.pixels(block.whole), crops, block.persons))
    return ready


@torch.inference_mode()
def bare_model(encoder: Encoder, texts: list[Text], ready: Ready, batch: int) -> None:
    """The model's calls, and nothing else."""
    for whole, crops, persons in ready:
        seen = encoder._vision(whole)
        for text in texts:
            encoder._fused(seen, text).mean(dim=1)
        for start in range(0, len(crops), batch):
            seen = encoder._vision(crops[start : start + batch])
            own = persons[start : start + batch]
            for person in np.unique(own):
                part = slice(*np.searchsorted(own, (person, person + 1)))
                encoder._fused(seen[part], texts[person]).mean(dim=1)


def timed(function: Callable[[], object], seconds: dict[str, list[float]]) -> None:
    """Runs once and notes the clock's and the processor's seconds."""
    clock, cpu = time.perf_counter(), time.process_time()
    function()
    seconds["clock"].append(time.perf_counter() - clock)
    seconds["cpu"].append(time.process_time() - cpu)


def rates(
    frames: Path, tracks: Path, vlm: str, checkpoint: Path, batch: int, repeat: int
) -> dict[str, float]:
    """Medians in seconds, and the stage's rate in per cent of the bare model's."""
    encoder = load_encoder(vlm, checkpoint)
    ready = ready_tensors(frames, tracks, encoder, batch)
    texts = encoder.encode_text(FilmTracks.read(tracks).references)
    inputs = {"frames": frames, "tracks": tracks, "checkpoint": checkpoint}
    config = {"vlm": vlm, "checkpoint": str(checkpoint), "batch_size": batch}
    out = frames.with_name("store.zarr")
    bare: dict[str, list[float]] = {"clock": [], "cpu": []}
    stage: dict[str, list[float]] = {"clock": [], "cpu": []}

    def run_stage() -> None:
        extract_film(inputs, {"movie": "film", "config": config}, out, lambda n: None)

    for _ in range(repeat):
        timed(lambda: bare_model(encoder, texts, ready, batch), bare)
        timed(run_stage, stage)
        shutil.rmtree(out)
    figures: dict[str, float] = {
        "frames": sum(len(whole) for whole, _, _ in ready),
        "crops": sum(len(crops) for _, crops, _ in ready),
    }
    for kind in ("clock", "cpu"):
        figures[f"bare_{kind}_s"] = median(bare[kind])
        figures[f"stage_{kind}_s"] = median(stage[kind])
        ratios = [b / s for b, s in zip(bare[kind], stage[kind], strict=True)]
        figures[f"rate_{kind}_percent"] = 100 * median(ratios)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frames_store", type=Path, metavar="FRAMES")
    parser.add_argument("tracks_store", type=Path, metavar="TRACKS")
    parser.add_argument("--vlm", default="blip2")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--frames", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        frames, tracks = Path(name) / "frames.h5", Path(name) / "tracks.h5"
        stop = min(options.frames, count_frames(options.frames_store))
        write_frames_part(options.frames_store, "", 0, stop, frames)
        write_tracks_part(options.tracks_store, "", 0, stop, tracks)
        checkpoint = options.checkpoint or Path("weights") / options.vlm
        figures = rates(frames, tracks, options.vlm, checkpoint, options.batch_size, options.repeat)
    print(json.dumps({key: round(value, 3) for key, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
