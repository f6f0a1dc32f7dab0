"""What a GPU gives: HopaDIFF's training step and sample, and full-size encoders.

    python benchmarks/gpu.py hopadiff [--preset paper] [--batches 1 4 16] [--compile MODE]
    python benchmarks/gpu.py encoders [--kinds blip2 clip]
    (both with --json [FILE]; `benchmarks/shared_work.py speed` does the same for grounding)

HopaDIFF: windows of 3,000 frames, features 768 wide, 137 classes. A training step is losses,
backward through everything, clipping and AdamW; ``float32`` runs its matrix products in TF32,
``bfloat16`` under autocast, as `train.precision` does. Times are medians after two warm-up runs,
the device idle before and after each. ``gflop`` counts matrix products and convolutions alone
(`torch.utils.flop_counter`), ``utilisation`` is their rate over that of an 8192³ product of the
same precision, measured in the same process. ``whole_s`` is what a row took, compiling included.

Encoders have random weights (`benchmarks/random_weights.py`) and are given ready images of their
own size: an image is one pass of the vision tower, with the fusion for one reference and for four.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from hopadiff_cost import make_model
from measure import make_parser, show
from method_cost import make_batch, training_step
from random_weights import ENCODERS, write_encoder
from torch.utils.flop_counter import FlopCounterMode

from rhas.extract.encoder import Encoder
from rhas.extract.encoders import Text, load_encoder
from rhas.methods.hopadiff.method import HopaDIFF

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
IMAGES = 256  # at once through an encoder
LENGTH, WIDTH, CLASSES = 3000, 768, 137
REFERENCES = ["the woman in the red coat", "a man with a hat", "the tall man", "the person"]
Row = dict[str, str | int | float]


def time_on_device(function: Callable[[], object], repeat: int) -> float:
    """The median of several runs after two that warm up, the device idle before and after each."""
    times = []
    for turn in range(repeat + 2):
        torch.cuda.synchronize()
        began = time.perf_counter()
        function()
        torch.cuda.synchronize()
        if turn >= 2:
            times.append(time.perf_counter() - began)
    return median(times)


def product_tflops(dtype: torch.dtype, n: int = 8192) -> float:
    """The rate of an n³ product of random numbers."""
    a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in "ab")
    return 2 * n**3 / time_on_device(lambda: a @ b, 5) / 1e12


def peak_device_gib() -> float:
    """The most memory that tensors have had since the last reset."""
    return round(torch.cuda.max_memory_allocated() / 2**30, 2)


def hopadiff_row(
    method: HopaDIFF, size: int, name: str, mode: str | None, peak: float, repeat: int = 5
) -> Row:
    """Of a precision and a batch; with ``mode`` the step is compiled, as by `train.compile`."""
    batch = {k: v.cuda() for k, v in make_batch("hopadiff", LENGTH, WIDTH, CLASSES, size).items()}
    autocast = partial(torch.autocast, "cuda", torch.bfloat16, enabled=name == "bfloat16")

    def sample() -> None:
        with autocast():
            method.compute_scores(batch, torch.Generator().manual_seed(0))

    work = {"step": training_step(method, batch, autocast), "sample": sample}
    tflop = {}
    for what, function in work.items():
        with FlopCounterMode(display=False) as counter:
            function()
        tflop[what] = counter.get_total_flops() / 1e12
    began = time.perf_counter()
    if mode:
        torch._dynamo.reset()
        method.compile_losses(mode)
    row: Row = {"precision": name, "batch": size, "compiled": mode or ""}
    for what, function in work.items():
        torch.cuda.reset_peak_memory_stats()
        took = time_on_device(function, repeat)
        row |= {
            f"{what}_s": round(took, 4),
            f"{what}_windows_per_s": round(size / took, 2),
            f"{what}_peak_gib": peak_device_gib(),
            f"{what}_gflop": round(1000 * tflop[what]),
            f"{what}_utilisation": round(tflop[what] / took / peak, 4),
        }
    return row | {"whole_s": round(time.perf_counter() - began, 1)}


def hopadiff_rows(preset: str, batches: list[int], names: list[str], mode: str | None) -> list[Row]:
    """A row per precision and batch."""
    rows = []
    for name in names:
        peak = product_tflops(DTYPES[name])
        for size in batches:
            torch.cuda.empty_cache()
            method = make_model(preset, LENGTH, WIDTH, CLASSES).cuda()
            rows.append({"preset": preset, **hopadiff_row(method, size, name, mode, peak)})
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def encoder_row(encoder: Encoder) -> Row:
    """Images per second with one reference and with four."""
    side = encoder.image_size
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, side, side, 3), np.uint8)
    texts = encoder.encode_text(REFERENCES)

    def encode(texts: Sequence[Text]) -> None:
        tokens = encoder.vision(images)
        for text in texts:
            encoder.fuse(tokens, text)

    one, four = (time_on_device(partial(encode, texts[:count]), 3) for count in (1, 4))
    return {
        "pictures_per_s_1": round(IMAGES / one, 1), "pictures_per_s_4": round(IMAGES / four, 1),
        "four_times_one": round(four / one, 2), "peak_gib": peak_device_gib(),
    }  # fmt: skip


def encoder_rows(kinds: list[str]) -> list[Row]:
    """A row per encoder, precision and whether compiled."""
    rows = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name:
            weights = write_encoder(kind, Path(name))
            for dtype in ("float32", "bfloat16", "float16"):
                for compiled in (False, True) if dtype == "bfloat16" else (False,):
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                    encoder = load_encoder(kind, Path(name), "cuda", dtype, compiled)
                    row: Row = {"encoder": kind, "million_weights": round(weights / 1e6)}
                    row |= {"dtype": dtype, "compiled": compiled, **encoder_row(encoder)}
                    rows.append(row)
                    print(row, file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("what", choices=("hopadiff", "encoders"))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--precisions", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--compile", metavar="MODE", help="of torch.compile, such as default")
    parser.add_argument("--kinds", nargs="+", choices=ENCODERS, default=["blip2", "clip"])
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device; method_cost.py and shared_work.py measure a CPU")
    torch.set_float32_matmul_precision("high")
    if options.what == "hopadiff":
        rows = hopadiff_rows(options.preset, options.batches, options.precisions, options.compile)
    else:
        rows = encoder_rows(options.kinds)
    device = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    show(device | {"rows": rows}, "\n".join(map(str, [device, *rows])), options.json)


if __name__ == "__main__":
    main()
