"""What a film's second, third and fourth reference cost, where the work is shared.

    python benchmarks/shared_work.py                     # cost of 4 references against 1, full size
    python benchmarks/shared_work.py packing             # RHAS-mini: what packing costs and gains
    python benchmarks/shared_work.py speed               # grounding's frames/s on this device
    python benchmarks/shared_work.py encoder --encoder FOLDER [--vlm blip2]   # memory, batches
    (any of them with --json [FILE])

Costs are processor seconds of one thread, the least of ``--repeat`` runs in turn. Full size is
GroundingDINO Swin-T and BLIP-2 with random weights (`benchmarks/random_weights.py`; or
``--grounding`` and ``--encoder``), one frame of 800 × 1333 pixels and four of 224 × 224. Targets of
grounding: 4 references cost at most 1.3 times one when packed, 3 times when separate.

In extract the vision tower sees each frame once, whatever the number of references, and BLIP-2's
Q-Former runs once per frame and reference. Nobody is ever seen in the film, so the holistic stream
alone is worked on: a person's crop is an image of its own, so the partial stream costs a vision
tower per person by nature.

packing: the val films of ``data/`` with params.yaml's settings, once packed and once separate:
recall at IoU 0.5 (`rhas.metrics.recall`) and processor seconds.

speed: with the largest batch that fits on CUDA; on a CPU with one frame.

encoder: shapes, the largest difference of features between images one by one and in a batch of 16,
seconds an image, and the peak resident memory of the process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import (
    elapsed,
    least,
    make_parser,
    peak_gib,
    read_clocks,
    show,
    time_in_turn,
    time_least,
)
from random_weights import VOCABULARY, write_encoder, write_grounding

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.base.progress import ignore_progress
from rhas.config.extract import ExtractConfig
from rhas.config.ground import GroundConfig
from rhas.config.params import load_params
from rhas.engine.batches import with_fitting_batches
from rhas.engine.steps import FilmFiles
from rhas.evaluate.grounding import read_recall
from rhas.extract.encoders import load_encoder
from rhas.extract.step import EXTRACT
from rhas.ground import make_grounder
from rhas.ground.step import GROUND
from rhas.metrics.recall import VISIBLE, Recall
from rhas.stores.frames import FrameInfo, create_frames, open_frames
from rhas.stores.jpeg import encode_jpeg
from rhas.stores.manifest import Manifest
from rhas.stores.tracks import FilmTracks, PersonTrack, TrackInfo, create_tracks
from rhas.stores.truth import TrueBoxes

REFERENCES = [
    "the woman in the red coat",
    "a tall man with a black hat",
    "the child with the blue bag",
    "a man with a grey beard",
]
FRAME = (480, 800)  # height, width; 800 × 1333 for the model
FILM_FRAMES = 4
Figures = dict[str, float]


def make_frames(count: int) -> list[np.ndarray]:
    """Images of random blocks."""
    height, width = FRAME
    coarse = np.random.default_rng(0).integers(
        0, 255, (count, height // 32, width // 32, 3), dtype=np.uint8
    )
    return list(coarse.repeat(32, 1).repeat(32, 2))


@contextmanager
def full_size(given: Path | None, kind: str) -> Iterator[Path]:
    """The given checkpoint, or a random one for as long as it is needed."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / kind
        if kind == "swin-t":
            write_grounding(kind, folder, VOCABULARY, "transformers")
        else:
            write_encoder(kind, folder)
        yield folder


def measure_ground(checkpoint: Path | None, repeat: int = 3) -> Figures:
    """Processor seconds of grounding a frame, and how many times one reference four cost."""
    frame = make_frames(1)
    with full_size(checkpoint, "swin-t") as folder:
        base = GroundConfig(checkpoint=str(folder))
        packed = make_grounder(base.replace(prompting="packed"))
        separate = make_grounder(base.replace(prompting="separate"))
        packed.find_boxes(frame, REFERENCES[:1])  # warms up
        times = time_in_turn(
            {
                "one": partial(packed.find_boxes, frame, REFERENCES[:1]),
                "packed": partial(packed.find_boxes, frame, REFERENCES),
                "separate": partial(separate.find_boxes, frame, REFERENCES),
            },
            repeat,
        )
    one, four, apart = (least(times[name]).cpu for name in ("one", "packed", "separate"))
    return {
        "seconds_one": one, "seconds_4_packed": four, "seconds_4_separate": apart,
        "packed_times_one": four / one, "separate_times_one": apart / one,
    }  # fmt: skip


def measure_extract(checkpoint: Path | None, vlm: str = "blip2", repeat: int = 2) -> Figures:
    """Seconds of extract's holistic stream with one and four references, and their ratio."""
    with full_size(checkpoint, vlm) as folder, tempfile.TemporaryDirectory() as name:
        config = ExtractConfig(vlm=vlm, checkpoints={vlm: str(folder)}, batch_size=FILM_FRAMES)
        load_encoder(vlm, folder)
        seconds: dict[int, list[float]] = {1: [], 4: []}
        for turn in range(repeat):
            for persons, taken in seconds.items():
                film = write_film(Path(name) / f"{persons}_{turn}", persons)
                out = Path(name) / f"{persons}_{turn}.zarr"
                began = read_clocks()
                EXTRACT.make_job(FilmFiles("made", **film), config).run(out, ignore_progress)
                taken.append(elapsed(began).cpu)
    one, four = min(seconds[1]), min(seconds[4])
    return {"seconds_one": one, "seconds_4": four, "four_times_one": four / one}


def write_film(folder: Path, persons: int) -> dict[str, Path]:
    """Stores of a film whose persons are never seen."""
    folder.mkdir()
    rng, count = np.random.default_rng(0), FILM_FRAMES
    with create_frames(folder / "frames.h5") as store:
        for frame in range(count):
            image = rng.integers(0, 256, (360, 640, 3), np.uint8)
            store.append(encode_jpeg(image, 90), frame / 15)
        store.info = FrameInfo(
            movie="made", fps=15.0, width=640, height=360, source_width=640, source_height=360,
            source_fps=15.0, source_seconds=count / 15, rotation=0, codec="none", reader="none",
            quality=90, lost_frames=0,
        )  # fmt: skip
    boxes, scores = np.full((count, 4), np.nan, np.float32), np.zeros(count, np.float32)
    missing = np.zeros(count, np.uint8)
    people = tuple(PersonTrack(text, boxes, scores, missing) for text in REFERENCES[:persons])
    tracks = FilmTracks(TrackInfo("made", 224, 0.1, False), np.zeros(0, np.int32), people)
    with create_tracks(folder / "tracks.h5", tracks) as crops:
        for _ in range(count):
            crops.append([b""] * persons)
    return {name: folder / f"{name}.h5" for name in ("frames", "tracks")}


def measure_encoder(
    folder: Path, vlm: str, dtype: str = "float32", alone: int = 16
) -> dict[str, str | float]:
    """Shapes, difference between batches, speed and memory of an encoder; ``alone`` images of the
    batch are run one by one."""
    began = read_clocks()
    encoder = load_encoder(vlm, folder, dtype=dtype)
    loaded = elapsed(began).clock
    size = encoder.image_size
    images = np.random.default_rng(0).integers(0, 256, (16, size, size, 3), np.uint8)
    text = encoder.encode_text(REFERENCES[:1])[0]
    seconds = time_least(lambda: encoder.fuse(encoder.vision(images), text), 1).cpu
    batch = encoder.fuse(encoder.vision(images), text)
    singles = [encoder.fuse(encoder.vision(images[n : n + 1]), text)[0] for n in range(alone)]
    tokens = encoder.vision(images[:1])
    queries = encoder.query_tokens(tokens, text)
    return {
        "vision": f"{tokens.dtype} {tuple(tokens.shape)}",
        "query_tokens": f"{queries.dtype} {queries.shape}",
        "features": f"{batch.dtype} {batch.shape}",
        "text": f"{text.embedding.dtype} {text.embedding.shape}",
        "largest_difference_alone_or_in_16": float(np.abs(batch[:alone] - np.stack(singles)).max()),
        "largest_feature": float(np.abs(batch).max()),
        "spread_between_images": float(batch.std(axis=0).mean()),
        "cpu_seconds_an_image": seconds / len(images),
        "seconds_to_load": loaded,
        "peak_gib": peak_gib(),
    }


def measure_packing(data: Path) -> Figures:
    """Recall of the val films in per cent and processor seconds, packed and separate."""
    config = load_params().ground.replace(backend="transformers")
    films = [film for film in Manifest.read(data / "raw").films if film.subset == "val"]
    if not films:
        raise RhasError("no val films", where=str(data / "raw"), do="run `dvc repro decode`")
    figures: Figures = {}
    for prompting in ("packed", "separate"):
        counts, seconds = Recall(), 0.0
        for film in films:
            store = data / "frames" / f"{film.movie}.h5"
            with tempfile.TemporaryDirectory() as name:
                files = FilmFiles(film.movie, film.references, frames=store)
                job = GROUND.make_job(files, config.replace(prompting=prompting))
                out = Path(name) / "boxes.h5"
                began = read_clocks()
                job.run(out, ignore_progress)
                seconds += elapsed(began).cpu
                counts += count_recall(out, store, data / "raw" / "truth" / f"{film.movie}.h5")
        figures[f"seconds_{prompting}"] = seconds
        for what in ("top", "any", "chance"):
            figures[f"recall_{what}_{prompting}"] = 100 * getattr(counts, what) / counts.pairs
        figures["pairs"] = counts.pairs
    return figures


def count_recall(boxes: Path, frames: Path, truth: Path) -> Recall:
    """Of a film's boxes against its true ones."""
    true = TrueBoxes.read(truth)
    with open_frames(frames) as opened:
        times, size = opened.time, opened.size
    right = true.find_boxes(times, *size)
    counted = (true.find_visible_shares(times) >= VISIBLE) & np.isfinite(right).all(2)
    return read_recall(boxes, right, counted)


def measure_speed(checkpoint: Path | None) -> Figures:
    """Frames/s by precision, prompting and number of references, and the batch."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtypes = ("float32", "bfloat16", "float16") if device == "cuda" else ("float32", "bfloat16")
    figures: Figures = {}
    with full_size(checkpoint, "swin-t") as folder:
        for dtype in dtypes:
            for prompting, count in (("packed", 1), ("packed", 4), ("separate", 4)):
                batch = "auto" if device == "cuda" else 1
                config = GroundConfig(
                    checkpoint=str(folder), device=device, dtype=dtype, prompting=prompting,
                    batch_size=batch,
                )  # fmt: skip
                work = partial(ground_rate, config, REFERENCES[:count])
                rate, size = with_fitting_batches(work, config.batch_size)
                name = f"{device}_{dtype}_{prompting}_{count}"
                figures |= {f"{name}_frames_per_s": rate, f"{name}_batch": size}
                print(f"{name}: {rate:.3g} frames/s, batch {size}", file=sys.stderr, flush=True)
    return figures


def ground_rate(config: GroundConfig, references: Sequence[str], batch: int) -> float:
    """Frames/s of the clock, after one batch that warms up and shows whether it fits."""
    grounder = make_grounder(config)
    frames = make_frames(64 if config.device == "cuda" else 1)
    grounder.find_boxes(frames[:batch], references)
    began = time.perf_counter()
    for first in range(0, len(frames), batch):
        grounder.find_boxes(frames[first : first + batch], references)
    return len(frames) / (time.perf_counter() - began)


PARTS: dict[str, Callable[[argparse.Namespace], object]] = {
    "cost": lambda o: {
        "ground": measure_ground(o.grounding, o.repeat),
        "extract": measure_extract(o.encoder, o.vlm),
    },
    "packing": lambda o: {"packing": measure_packing(o.data)},
    "speed": lambda o: {"speed": measure_speed(o.grounding)},
    "encoder": lambda o: {
        "encoder": measure_encoder(o.encoder, o.vlm, o.dtype),
        "extract": measure_extract(o.encoder, o.vlm),
    },
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, default="cost")
    parser.add_argument("--grounding", type=Path, help="a checkpoint instead of a random one")
    parser.add_argument("--encoder", type=Path, help="likewise")
    parser.add_argument("--vlm", default="blip2")
    parser.add_argument("--dtype", default="float32", help="encoder: of the vision tower")
    parser.add_argument("--data", type=Path, default=Path("data"), help="packing")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    if options.part == "encoder" and not options.encoder:
        parser.error("encoder needs --encoder")
    torch.set_num_threads(options.threads)
    figures = PARTS[options.part](options)
    show(figures, format_figures(figures), options.json)


def format_figures(figures: object) -> str:
    """A line per figure."""
    lines = []
    for part, values in figures.items() if isinstance(figures, dict) else ():
        for name, value in values.items():
            text = value if isinstance(value, str) else f"{value:.4g}"
            lines.append(f"{part:<10}{name:<44}{text:>10}")
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
