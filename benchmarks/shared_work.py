"""What a film's second, third and fourth reference cost, where the work is shared.

    python benchmarks/shared_work.py                 # full size: cost of 4 references against 1
    python benchmarks/shared_work.py --packing       # RHAS-mini: what packing costs and gains
    python benchmarks/shared_work.py --speed         # frames/s on this machine's device
    (any of them with --json)

Costs are processor seconds of one thread, the best of ``--repeat`` interleaved runs, so that other
processes disturb little; full size is GroundingDINO Swin-T in transformers' format with random
weights (`benchmarks/random_grounding.py`; or any ``--checkpoint``), one frame of 800 × 1333 pixels.
Targets: 4 references cost at most 1.3 times one when packed, 3 times when separate.

``--packing`` grounds the val films of ``data/`` with params.yaml's settings, once packed and once
separate, and compares recall at IoU 0.5 (`rhas.metrics.recall`) and processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from extract_work import extract_work
from random_grounding import VOCABULARY, write

from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.config.params import load_params
from rhas.engine.stage import run
from rhas.evaluate.grounding import read_recall
from rhas.ground import ground_film, make_grounder
from rhas.ground.batches import with_fitting_batches
from rhas.ground.truth import TruthBoxes
from rhas.metrics.recall import VISIBLE, Recall
from rhas.stores.frames import open_frames
from rhas.stores.manifest import Manifest
from rhas.stores.truth import TrueBoxes

REFERENCES = [
    "the woman in the red coat",
    "a tall man with a black hat",
    "the child with the blue bag",
    "a man with a grey beard",
]
FRAME = (480, 800)  # height, width; 800 × 1333 for the model
Figures = dict[str, float]


def frames(count: int) -> list[np.ndarray]:
    """Pictures in random blocks."""
    height, width = FRAME
    coarse = np.random.default_rng(0).integers(
        0, 255, (count, height // 32, width // 32, 3), dtype=np.uint8
    )
    return list(coarse.repeat(32, 1).repeat(32, 2))


@contextmanager
def full_size(given: Path | None) -> Iterator[Path]:
    """The given checkpoint, or a random Swin-T for as long as it is needed."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as name:
        write("swin-t", Path(name) / "swin-t", VOCABULARY, "transformers")
        yield Path(name) / "swin-t"


def ground_work(threads: int, checkpoint: Path | None = None, repeat: int = 3) -> Figures:
    """Processor seconds of grounding a frame, and how many times one reference four cost."""
    torch.set_num_threads(threads)
    picture = frames(1)
    with full_size(checkpoint) as folder:
        base = GroundConfig(checkpoint=str(folder))
        packed = make_grounder(replace(base, prompting="packed"))
        separate = make_grounder(replace(base, prompting="separate"))
        runs: dict[str, Callable[[], Any]] = {
            "one": partial(packed.boxes, picture, REFERENCES[:1]),
            "packed": partial(packed.boxes, picture, REFERENCES),
            "separate": partial(separate.boxes, picture, REFERENCES),
        }
        best = dict.fromkeys(runs, float("inf"))
        for turn in range(repeat + 1):  # the first warms up, with one reference
            for name, work in runs.items():
                if turn or name == "one":
                    start = time.process_time()
                    work()
                    best[name] = min(best[name], time.process_time() - start)
    return {
        "seconds_one": best["one"],
        "seconds_4_packed": best["packed"],
        "seconds_4_separate": best["separate"],
        "packed_times_one": best["packed"] / best["one"],
        "separate_times_one": best["separate"] / best["one"],
    }


# Parts by name: threads -> figures.
PARTS: dict[str, Callable[..., Figures]] = {"ground": ground_work, "extract": extract_work}


def packing_cost(data: Path) -> Figures:
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
                arguments = {
                    "movie": film.movie,
                    "references": film.references,
                    "config": config.replace(prompting=prompting).key_values(),
                }
                inputs = {"frames": store, "checkpoint": Path(config.checkpoint)}
                out = Path(name) / "boxes.h5"
                start = time.process_time()
                ground_film(inputs, arguments, out, lambda n: None)
                seconds += time.process_time() - start
                true = TruthBoxes(TrueBoxes.read(data / "raw" / "truth" / f"{film.movie}.h5"))
                with open_frames(store) as opened:
                    moments, size = opened.time, opened.size
                right = true.at(moments, *size)
                counted = (true.visible(moments) >= VISIBLE) & np.isfinite(right).all(2)
                counts += read_recall(out, right, counted)
        figures[f"seconds_{prompting}"] = seconds
        for what in ("top", "any", "chance"):
            figures[f"recall_{what}_{prompting}"] = 100 * getattr(counts, what) / counts.pairs
        figures["pairs"] = counts.pairs
    return figures


def speed(checkpoint: Path | None, threads: int) -> Figures:
    """Frames/s by precision, prompting and number of references, on CUDA where there is one: with
    the largest batch that fits; on a CPU with one frame."""
    torch.set_num_threads(threads)
    cuda = torch.cuda.is_available()
    figures: Figures = {}
    with full_size(checkpoint) as folder:
        for dtype in ("float32", "bfloat16", "float16") if cuda else ("float32", "bfloat16"):
            for prompting, count in (("packed", 1), ("packed", 4), ("separate", 4)):
                config = GroundConfig(
                    checkpoint=str(folder),
                    device="cuda" if cuda else "cpu",
                    dtype=dtype,
                    prompting=prompting,
                    batch_size="auto" if cuda else 1,
                )
                grounder = make_grounder(config)
                pictures = frames(64 if cuda else 1)
                references = REFERENCES[:count]

                def work(
                    size: int,
                    grounder: Any = grounder,
                    pictures: list[np.ndarray] = pictures,
                    references: list[str] = references,
                ) -> float:
                    grounder.boxes(pictures[:size], references)  # warms up; shows whether it fits
                    start = time.perf_counter()
                    for first in range(0, len(pictures), size):
                        grounder.boxes(pictures[first : first + size], references)
                    return len(pictures) / (time.perf_counter() - start)

                rate, size = with_fitting_batches(work, config.batch_size)
                name = f"{config.device}_{dtype}_{prompting}_{count}"
                figures[f"{name}_frames_per_s"] = rate
                figures[f"{name}_batch"] = size
                print(f"{name}: {rate:.3g} frames/s, batch {size}", file=sys.stderr, flush=True)
    return figures


def shown(figures: dict[str, Figures]) -> str:
    """A line per figure."""
    lines = []
    for part, values in figures.items():
        lines += [f"{part:<10}{name:<44}{value:>10.3g}" for name, value in values.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packing", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--checkpoint", type=Path, help="of full size, instead of a random one")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.packing:
        torch.set_num_threads(options.threads)
        figures = {"packing": packing_cost(options.data)}
    elif options.speed:
        figures = {"speed": speed(options.checkpoint, options.threads)}
    else:
        own = {"ground": {"checkpoint": options.checkpoint, "repeat": options.repeat}}
        figures = {name: part(options.threads, **own.get(name, {})) for name, part in PARTS.items()}
    print(json.dumps(figures, indent=1) if options.json else shown(figures))


if __name__ == "__main__":
    run(main)
