"""Cost of every method: parameters, a training step, a window's scores, peak memory.

    python benchmarks/methods.py --json > FILE.json [--preset paper] [--length 3000] [--threads 1]
                                 [--methods fact asquery] [--repeat 1]

Features are 768 wide, 137 classes, batch 1, float32, all frames real, 60 instances of actions,
both streams where a method has one stream to choose; RefAtomNet reads 32 query tokens of each. A
training step is losses, backward, clipping and AdamW in training mode; a window is ``scores``.

Each of the two is measured in a fresh process of its own, whose largest resident set (VmHWM) is
``train_peak_gib`` and ``window_peak_gib``: interpreter, torch, model and inputs included. Times are
wall time, the least of ``--repeat`` runs after one that warms up; ``*_cpu_s`` is CPU time, which a
busy machine disturbs less. Without ``--json`` a table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import numpy as np
import torch
from model import Took, gemm_gflops, peak_gib, sampling, training_step
from torch import Tensor

from rhas.chunk import boundary_of
from rhas.methods import METHODS, build, config_of, reads_tokens

QUERIES = 32  # BLIP-2's


def digits(value: float) -> float:
    """To four digits: a small method's window takes less than a millisecond."""
    return float(f"{value:.4g}")


def make_batch(method: str, L: int, D: int, C: int) -> dict[str, Tensor]:
    """One row; the same for every method, with query tokens where it reads them."""
    rng = np.random.default_rng(0)
    labels = np.zeros((L, C), np.float32)
    for number in range(60):
        start = int(rng.integers(0, L))
        labels[start : start + L // 10, number % C] = 1
    generator = torch.Generator().manual_seed(0)
    real = torch.ones(1, L, dtype=torch.bool)
    batch = {
        **{n: torch.randn(1, L, D, generator=generator) for n in ("holistic", "partial")},
        "present": real,
        "mask": real,
        "labels": torch.from_numpy(labels)[None],
        "boundary": torch.from_numpy(boundary_of(labels, 4.0))[None],
        "text": torch.randn(1, D, generator=generator),
    }
    if reads_tokens(method):
        for name in ("holistic", "partial"):
            tokens = torch.empty(1, L, QUERIES, D, dtype=torch.float16)
            batch[f"{name}_tokens"] = tokens.normal_(generator=generator)
    return batch


def measure(what: str, options: argparse.Namespace) -> dict[str, float]:
    """A training step or a window of one method, in this process."""
    (name,) = options.methods
    torch.manual_seed(0)
    config = config_of(name, options.preset)
    D, C, L = options.width, options.classes, options.length
    method = build(name, config, D=D, D_text=D, C=C, L=L)
    batch = make_batch(name, L, D, C)
    method.adapt([{key: value[0] for key, value in batch.items()}])

    run = training_step(method, batch) if what == "train" else sampling(method, batch)
    took = Took()
    run()
    for _ in range(options.repeat):
        took.add(run)
    return {
        "params": sum(p.numel() for p in method.parameters()),
        "wall": took.wall,
        "cpu": took.cpu,
        "peak": peak_gib(),
        "gemm": gemm_gflops(),
    }


def in_a_child(what: str, method: str, options: argparse.Namespace) -> dict[str, float]:
    """The same in a fresh process."""
    same = ("preset", "length", "threads", "repeat", "width", "classes")
    arguments = [part for key in same for part in (f"--{key}", str(getattr(options, key)))]
    done = subprocess.run(
        [sys.executable, __file__, *arguments, "--methods", method, "--measure", what],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def summary(options: argparse.Namespace) -> dict[str, Any]:
    """What ``--json`` prints."""
    rows = {}
    for name in options.methods:
        print(f"{name} ...", file=sys.stderr, flush=True)
        step, window = (in_a_child(what, name, options) for what in ("train", "window"))
        rows[name] = {
            "params": step["params"],
            "train_step_s": digits(step["wall"]),
            "train_step_cpu_s": digits(step["cpu"]),
            "train_peak_gib": digits(step["peak"]),
            "window_s": digits(window["wall"]),
            "window_cpu_s": digits(window["cpu"]),
            "window_peak_gib": digits(window["peak"]),
            "gemm_gflops": round(max(step["gemm"], window["gemm"]), 1),
        }
    said = ("preset", "length", "threads", "width", "classes")
    return {**{key: getattr(options, key) for key in said}, "methods": rows}


def table(said: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"preset {said['preset']}, L = {said['length']}, D = {said['width']}, "
        f"C = {said['classes']}, {said['threads']} thread(s), batch 1, float32",
        f"{'':12}{'parameters':>12}{'step, s':>10}{'GiB':>7}{'window, s':>11}{'GiB':>7}",
    ]
    for name, row in said["methods"].items():
        lines.append(
            f"{name:12}{row['params'] / 1e6:10.2f} M{row['train_step_s']:10.2f}"
            f"{row['train_peak_gib']:7.2f}{row['window_s']:11.2f}{row['window_peak_gib']:7.2f}"
        )
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--length", type=int, default=3000, help="L")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--width", type=int, default=768, help="D")
    parser.add_argument("--classes", type=int, default=137, help="C")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", choices=["train", "window"], help=argparse.SUPPRESS)
    return parser


def main() -> None:
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    if options.measure:
        print(json.dumps(measure(options.measure, options)))
        return
    said = summary(options)
    print(json.dumps(said, indent=1) if options.json else table(said))


if __name__ == "__main__":
    main()
