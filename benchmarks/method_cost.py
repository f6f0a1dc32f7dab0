"""Cost of every method: parameters, a training step, a window's scores, peak memory.

    python benchmarks/method_cost.py --json > FILE.json [--preset paper] [--length 3000]
                              [--threads 1] [--methods fact asquery] [--repeat 1] [--overrides JSON]

Features are 768 wide, 137 classes, batch 1, float32, all frames real, 60 instances of actions,
both streams where a method has one stream to choose; RefAtomNet reads 32 query tokens of each. A
training step is losses, backward, clipping and AdamW in training mode; a window is ``scores``.

Each of the two is measured in a fresh process of its own, whose largest resident set (VmHWM) is
``train_peak_gib`` and ``window_peak_gib``: interpreter, torch, model and inputs included. Times are
of the clock, the least of ``--repeat`` runs after one that warms up; ``*_cpu_s`` are of the
processor, which a busy machine disturbs less. ``gemm_gflops`` is this machine's rate on a 2048³
float32 product in the same process; ``*_s_at_90`` is CPU time times gemm_gflops / 90: what a thread
that multiplies at 90 GFLOP/s would take, if all of it scaled so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TypedDict

import numpy as np
import torch
from measure import gemm_gflops, make_parser, measure_in_child, peak_gib, show, time_least
from torch import Tensor

from rhas.chunk import make_boundary
from rhas.methods import METHODS, Dims, Method, build_method, make_config, reads_tokens

QUERIES = 32  # BLIP-2's
FOOTING = 90.0  # GFLOP/s of the machine that the published HopaDIFF was measured on
Batch = dict[str, Tensor]


class Summary(TypedDict):
    """What ``--json`` prints: the sizes, and figures by method."""

    preset: str
    length: int
    threads: int
    width: int
    classes: int
    methods: dict[str, dict[str, float]]


def make_batch(method: str, L: int, D: int, C: int, B: int = 1) -> Batch:
    """Rows that are the same for every method, with query tokens where it reads them."""
    rng = np.random.default_rng(0)
    labels = np.zeros((L, C), np.float32)
    for number in range(60):
        start = int(rng.integers(0, L))
        labels[start : start + L // 10, number % C] = 1
    generator = torch.Generator().manual_seed(0)
    real = torch.ones(B, L, dtype=torch.bool)
    batch = {
        **{n: torch.randn(B, L, D, generator=generator) for n in ("holistic", "partial")},
        "present": real,
        "mask": real,
        "labels": torch.from_numpy(labels).repeat(B, 1, 1),
        "boundary": torch.from_numpy(make_boundary(labels, 4.0)).repeat(B, 1),
        "text": torch.randn(B, D, generator=generator),
    }
    if reads_tokens(method):
        for name in ("holistic", "partial"):
            tokens = torch.empty(B, L, QUERIES, D, dtype=torch.float16)
            batch[f"{name}_tokens"] = tokens.normal_(generator=generator)
    return batch


def training_step(
    method: Method, batch: Batch, autocast: Callable[[], AbstractContextManager] = nullcontext
) -> Callable[[], object]:
    """A function that makes one step; of a fitted method, the whole fit."""
    if not any(p.requires_grad for p in method.parameters()):  # fitted by its statistics
        sample = {key: value[0] for key, value in batch.items()}
        return lambda: method.fit_statistics([sample])
    optimizer = torch.optim.AdamW(method.parameters(), lr=1e-4, fused=True)

    def step() -> Tensor:
        method.train()
        optimizer.zero_grad()
        with autocast():
            loss = torch.stack(list(method.compute_losses(batch).values())).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(method.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step


def scoring(method: Method, batch: Batch) -> Callable[[], Tensor]:
    """A function that returns a batch's scores."""
    return lambda: method.compute_scores(batch, torch.Generator().manual_seed(0))


def measure_here(what: str, options: argparse.Namespace) -> dict[str, float]:
    """A training step or a window of one method, in this process."""
    (name,) = options.methods
    torch.manual_seed(0)
    config = make_config(name, options.preset, options.overrides)
    D, C, L = options.width, options.classes, options.length
    method = build_method(name, config, Dims(D=D, D_text=D, C=C, L=L))
    batch = make_batch(name, L, D, C)
    method.fit_statistics([{key: value[0] for key, value in batch.items()}])
    work = training_step(method, batch) if what == "train" else scoring(method, batch)
    took = time_least(work, options.repeat, warm_up=1)
    parameters = sum(p.numel() for p in method.parameters())
    return {"params": parameters, **took._asdict(), "peak": peak_gib(), "gemm": gemm_gflops()}


def measure_method(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Both in fresh processes."""
    same = ("preset", "length", "threads", "repeat", "width", "classes")
    arguments = [part for key in same for part in (f"--{key}", str(getattr(options, key)))]
    arguments += ["--methods", name, "--overrides", json.dumps(options.overrides)]
    measure = partial(measure_in_child, __file__)
    step, window = (measure([*arguments, "--measure", what]) for what in ("train", "window"))
    gemm = max(step["gemm"], window["gemm"])
    return {
        "params": step["params"],
        "train_step_s": step["clock"],
        "train_step_cpu_s": step["cpu"],
        "train_step_s_at_90": step["cpu"] * gemm / FOOTING,
        "train_peak_gib": step["peak"],
        "window_s": window["clock"],
        "window_cpu_s": window["cpu"],
        "window_s_at_90": window["cpu"] * gemm / FOOTING,
        "window_peak_gib": window["peak"],
        "gemm_gflops": gemm,
    }


def summarise(options: argparse.Namespace) -> Summary:
    """What ``--json`` prints."""
    rows = {}
    for name in options.methods:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows[name] = measure_method(name, options)
    return Summary(
        preset=options.preset, length=options.length, threads=options.threads,
        width=options.width, classes=options.classes, methods=rows,
    )  # fmt: skip


def format_summary(summary: Summary) -> str:
    """The same for people."""
    lines = [
        f"preset {summary['preset']}, L = {summary['length']}, D = {summary['width']}, "
        f"C = {summary['classes']}, {summary['threads']} thread(s), batch 1, float32",
        f"{'':12}{'parameters':>12}{'step, s':>10}{'GiB':>7}{'window, s':>11}{'GiB':>7}",
    ]
    for name, row in summary["methods"].items():
        lines.append(
            f"{name:12}{row['params'] / 1e6:10.2f} M{row['train_step_s']:10.2f}"
            f"{row['train_peak_gib']:7.2f}{row['window_s']:11.2f}{row['window_peak_gib']:7.2f}"
        )
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    parser = make_parser(__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--length", type=int, default=3000, help="L")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--width", type=int, default=768, help="D")
    parser.add_argument("--classes", type=int, default=137, help="C")
    parser.add_argument("--overrides", type=json.loads, default={}, help="of the preset, as JSON")
    parser.add_argument("--measure", choices=["train", "window"], help=argparse.SUPPRESS)
    return parser


def main() -> None:
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    if options.measure:
        print(json.dumps(measure_here(options.measure, options)))
        return
    summary = summarise(options)
    show(summary, format_summary(summary), options.json)


if __name__ == "__main__":
    main()
