"""What a GPU gives: HopaDIFF's training step and sample, and full-size encoders.

    python benchmarks/gpu.py hopadiff [--preset paper] [--batches 1 4 16] [--compile MODE]
    python benchmarks/gpu.py encoders [--kinds blip2 clip]
    (both with --json FILE; `benchmarks/shared_work.py --speed` does the same for grounding)

HopaDIFF: windows of 3,000 frames, features 768 wide, 137 classes. A training step is losses,
backward through everything, clipping and AdamW; ``float32`` runs its matrix products in TF32,
``bfloat16`` under autocast, as `train.precision` does. Times are medians after two warm-up runs,
the device idle before and after each. ``gflop`` counts matrix products and convolutions alone
(`torch.utils.flop_counter`), ``utilisation`` is their rate over that of an 8192³ product of the
same precision, measured in the same process. ``whole_s`` is what a row took, compiling included.

Encoders have random weights (`benchmarks/random_encoders.py`) and are given ready pictures of their
own size: a picture is one pass of the vision tower, with the fusion for one reference and for four.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from model import make_batch, make_model
from random_encoders import KINDS, write
from torch.utils.flop_counter import FlopCounterMode

from rhas.extract.encoders import load_encoder

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
PICTURES = 256  # at once through an encoder
Row = dict[str, str | int | float]


def seconds(function: Callable[[], Any], repeat: int) -> float:
    """The median of several runs after two that warm up."""
    times = []
    for turn in range(repeat + 2):
        torch.cuda.synchronize()
        began = time.perf_counter()
        function()
        torch.cuda.synchronize()
        if turn >= 2:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def product_tflops(dtype: torch.dtype, n: int = 8192) -> float:
    """The rate of an n³ product of random numbers."""
    a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in "ab")
    return 2 * n**3 / seconds(lambda: a @ b, 5) / 1e12


def hopadiff_rows(
    preset: str, batches: list[int], names: list[str], mode: str | None, repeat: int = 5
) -> list[Row]:
    """A row per precision and batch; with ``mode`` encoders, HP-xLSTM and decoders are compiled."""
    rows: list[Row] = []
    length, width, classes = 3000, 768, 137
    for name in names:
        dtype = DTYPES[name]
        peak = product_tflops(dtype)
        for size in batches:
            torch.cuda.empty_cache()
            method = make_model(preset, length, width, classes, {}).cuda()
            batch = {k: v.cuda() for k, v in make_batch(size, length, width, classes).items()}
            optimizer = torch.optim.AdamW(method.parameters(), lr=1e-4)

            def step(
                method: Any = method, batch: Any = batch, optimizer: Any = optimizer,
                half: bool = name == "bfloat16",
            ) -> None:  # fmt: skip
                optimizer.zero_grad()
                with torch.autocast("cuda", torch.bfloat16, enabled=half):
                    loss = torch.stack(list(method.losses(batch).values())).sum()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(method.parameters(), 1.0)
                optimizer.step()

            def sample(
                method: Any = method, batch: Any = batch, half: bool = name == "bfloat16"
            ) -> None:
                with torch.autocast("cuda", torch.bfloat16, enabled=half):
                    method.scores(batch, torch.Generator().manual_seed(0))

            method.train()
            work = {"step": step, "sample": sample}
            tflop = {}
            for what, run in work.items():
                with FlopCounterMode(display=False) as counter:
                    run()
                tflop[what] = counter.get_total_flops() / 1e12
            began = time.perf_counter()
            if mode:
                torch._dynamo.reset()
                for part in (*method.encoders, *method.blocks, *method.decoders):
                    part.compile(mode=mode)
            row: Row = {"preset": preset, "precision": name, "batch": size, "compiled": mode or ""}
            for what, run in work.items():
                torch.cuda.reset_peak_memory_stats()
                took = seconds(run, repeat)
                row |= {
                    f"{what}_s": round(took, 4),
                    f"{what}_windows_per_s": round(size / took, 2),
                    f"{what}_peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
                    f"{what}_gflop": round(1000 * tflop[what]),
                    f"{what}_utilisation": round(tflop[what] / took / peak, 4),
                }
            row["whole_s"] = round(time.perf_counter() - began, 1)
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def encoder_rows(kinds: list[str]) -> list[Row]:
    """A row per encoder, precision and whether compiled."""
    rows: list[Row] = []
    references = ["the woman in the red coat", "a man with a hat", "the tall man", "the person"]
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            weights = write(kind, folder)
            for dtype in ("float32", "bfloat16", "float16"):
                for compiled in (False, True) if dtype == "bfloat16" else (False,):
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                    encoder = load_encoder(kind, folder, "cuda", dtype, compiled)
                    side = encoder.image_size
                    pictures = np.random.default_rng(0).integers(
                        0, 256, (PICTURES, side, side, 3), np.uint8
                    )
                    texts = encoder.encode_text(references)

                    def work(
                        count: int, encoder: Any = encoder, pictures: Any = pictures,
                        texts: Any = texts,
                    ) -> None:  # fmt: skip
                        tokens = encoder.vision(pictures)
                        for text in texts[:count]:
                            encoder.fuse(tokens, text)

                    one, four = (seconds(lambda n=n: work(n), 3) for n in (1, 4))  # type: ignore
                    rows.append({
                        "encoder": kind, "million_weights": round(weights / 1e6), "dtype": dtype,
                        "compiled": compiled, "pictures_per_s_1": round(PICTURES / one, 1),
                        "pictures_per_s_4": round(PICTURES / four, 1),
                        "four_times_one": round(four / one, 2),
                        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
                    })  # fmt: skip
                    print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("hopadiff", "encoders"))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--precisions", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--compile", metavar="MODE", help="of torch.compile, such as default")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["blip2", "clip"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device; benchmarks/model.py and extract_work.py measure a CPU")
    torch.set_float32_matmul_precision("high")
    print(torch.cuda.get_device_name(), torch.__version__, flush=True)
    if options.what == "hopadiff":
        rows = hopadiff_rows(options.preset, options.batches, options.precisions, options.compile)
    else:
        rows = encoder_rows(options.kinds)
    if options.json:
        device = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
        options.json.write_text(json.dumps(device | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
