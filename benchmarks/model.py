"""Cost of HopaDIFF: a training step and a sample, over L, part by part, against a plain form.

    python benchmarks/model.py --preset code --length 3000 --threads 1 --json
    python benchmarks/model.py --preset code --threads 1 [--lengths 750 1500 3000 6000 12000]
                               [--reference-up-to 3000] [--plot FILE.png]

A training step is losses, backward through everything, clipping and AdamW, in training mode,
float32; a sample is all DDIM steps of both streams. Features are 768 wide, 137 classes, batch 1,
all frames real, unless told otherwise.

With ``--json`` each of the two is measured in a fresh process of its own: ``train_peak_gib`` and
``sample_peak_gib`` are that process's largest resident set (VmHWM), so they hold the interpreter,
torch, the model and its inputs. ``*_s`` is wall time, ``*_cpu_s`` CPU time, the least of
``--repeat`` runs after one that warms up. ``gemm_gflops`` is this machine's rate on a 2048³ float32
product with the same threads, measured in the same process before and after; ``*_s_at_90`` is CPU
time times gemm_gflops / 90: what a thread that multiplies at 90 GFLOP/s would take, if all of it
scaled so.

Without ``--json``: the same against the plain reference in the same process (keys and values
gathered n-fold, the mLSTM as an L × L matrix, the condition projected anew in every DDIM step) with
the difference of their results, and the floating-point operations of each part with the time that
the part takes alone. Times there are CPU time.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rhas.methods import Method, build, config_of
from rhas.methods.hopadiff import layers, xlstm
from rhas.methods.hopadiff.config import PRESETS
from rhas.methods.hopadiff.decoder import Decoder, Prepared
from rhas.methods.hopadiff.method import HopaDIFF
from rhas.methods.hopadiff.mlstm import mlstm_chunkwise
from rhas.methods.hopadiff.neighbours import neighbour_attention

FOOTING = 90.0  # GFLOP/s of the machine that the published code was measured on


def make_model(preset: str, L: int, D: int, C: int, overrides: dict[str, Any]) -> HopaDIFF:
    torch.manual_seed(0)
    config = config_of("hopadiff", preset, overrides)
    method = build("hopadiff", config, D=D, D_text=D, C=C, L=L)
    assert isinstance(method, HopaDIFF)
    return method


def make_batch(B: int, L: int, D: int, C: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    real = torch.ones(B, L, dtype=torch.bool)
    return {
        "holistic": torch.randn(B, L, D, generator=generator),
        "partial": torch.randn(B, L, D, generator=generator),
        "present": real,
        "mask": real,
        "labels": (torch.rand(B, L, C, generator=generator) < 0.02).float(),
        "boundary": torch.rand(B, L, generator=generator),
    }


def training_step(method: Method, batch: dict[str, Tensor]) -> Callable[[], Tensor]:
    optimizer = torch.optim.AdamW(method.parameters(), lr=1e-4)

    def step() -> Tensor:
        method.train()
        optimizer.zero_grad()
        loss = torch.stack(list(method.losses(batch).values())).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(method.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step


def sampling(method: Method, batch: dict[str, Tensor]) -> Callable[[], Tensor]:
    return lambda: method.scores(batch, torch.Generator().manual_seed(0))


@dataclass
class Took:
    """The least of several runs, seconds."""

    wall: float = math.inf
    cpu: float = math.inf

    def add(self, function: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        self.wall = min(self.wall, time.perf_counter() - wall)
        self.cpu = min(self.cpu, time.process_time() - cpu)
        return result


def gemm_gflops(repeat: int = 4, n: int = 2048) -> float:
    """The best rate of an n³ float32 product, by CPU time per thread in use."""
    a, b, took = torch.randn(n, n), torch.randn(n, n), Took()
    for _ in range(repeat):
        took.add(lambda: a @ b)
    return 2 * n**3 / took.cpu / 1e9


def peak_gib() -> float:
    """Largest resident set of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def measure(what: str, options: argparse.Namespace) -> dict[str, float]:
    """One of the two in this process."""
    method = make_model(
        options.preset, options.length, options.width, options.classes, options.overrides
    )
    batch = make_batch(options.batch, options.length, options.width, options.classes)
    rates = [gemm_gflops()]
    run = {"train_step": training_step, "sample": sampling}[what](method, batch)
    run()
    took = Took()
    for _ in range(options.repeat):
        took.add(run)
    rates.append(gemm_gflops())
    return {
        "params": sum(p.numel() for p in method.parameters()),
        "wall": took.wall,
        "cpu": took.cpu,
        "peak": peak_gib(),
        "gemm": max(rates),
    }


def in_a_child(what: str, arguments: list[str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *arguments, "--measure", what],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def summary(arguments: list[str]) -> dict[str, float]:
    """What ``--json`` prints."""
    step, sample = (in_a_child(what, arguments) for what in ("train_step", "sample"))
    gemm = max(step["gemm"], sample["gemm"])
    return {
        "params": step["params"],
        "train_step_s": round(step["wall"], 3),
        "train_peak_gib": round(step["peak"], 3),
        "sample_s": round(sample["wall"], 3),
        "sample_peak_gib": round(sample["peak"], 3),
        "train_step_cpu_s": round(step["cpu"], 3),
        "sample_cpu_s": round(sample["cpu"], 3),
        "gemm_gflops": round(gemm, 1),
        "train_step_s_at_90": round(step["cpu"] * gemm / FOOTING, 3),
        "sample_s_at_90": round(sample["cpu"] * gemm / FOOTING, 3),
    }


# The plain reference.


def gathered_attention(
    q: Tensor, k: Tensor, v: Tensor, offsets: tuple[int, ...], mask: Tensor
) -> Tensor:
    """Neighbour attention with every frame's n keys and values side by side, (B, L, n, d)."""
    L = q.shape[1]
    at = torch.arange(L)[:, None] + torch.tensor(offsets)
    inside = (at >= 0) & (at < L)
    at = at.clamp(0, L - 1)
    valid = inside & mask[:, at]
    scores = torch.einsum("bld,blnd->bln", q, k[:, at]) / math.sqrt(q.shape[2])
    weights = torch.softmax(scores.masked_fill(~valid, -1e30), -1) * valid
    return torch.einsum("bln,blnd->bld", weights, v[:, at])


def quadratic_mlstm(
    q: Tensor, k: Tensor, v: Tensor, input_gate: Tensor, log_forget: Tensor, chunk: int
) -> Tensor:
    """mLSTM with an L × L matrix of gates (xLSTM's parallel form); ``chunk`` is not used."""
    total = log_forget.double().cumsum(-1)
    gates = total[..., :, None] - total[..., None, :] + input_gate.double()[..., None, :]
    L = q.shape[2]
    gates = gates.masked_fill(~torch.ones(L, L, dtype=torch.bool).tril(), -torch.inf)
    top = gates.detach().amax(-1, keepdim=True).clamp_min(0)
    weights = (q @ k.transpose(-1, -2)) * torch.exp(gates - top).to(q.dtype)
    floor = torch.exp(-top).to(q.dtype).clamp_min(1e-30)
    return weights @ v / torch.maximum(weights.sum(-1, keepdim=True).abs(), floor)


@contextmanager
def plainly() -> Iterator[None]:
    """HopaDIFF computes in the plain form inside the block."""
    kept = (Decoder.prepare, Decoder.forward)

    def prepare(self: Decoder, condition: list[Tensor]) -> Prepared:
        return None, condition

    def forward(self: Decoder, y: Tensor, t: Tensor, prepared: Prepared, mask: Tensor) -> Tensor:
        return kept[1](self, y, t, kept[0](self, prepared[1]), mask)

    layers.neighbour_attention = xlstm.neighbour_attention = gathered_attention  # type: ignore
    xlstm.mlstm_chunkwise = quadratic_mlstm  # type: ignore[assignment]
    Decoder.prepare, Decoder.forward = prepare, forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        layers.neighbour_attention = xlstm.neighbour_attention = neighbour_attention
        xlstm.mlstm_chunkwise = mlstm_chunkwise
        Decoder.prepare, Decoder.forward = kept  # type: ignore[method-assign]


def over_lengths(options: argparse.Namespace) -> list[dict[str, float]]:
    """Rows: L, our step and sample, the reference's, their difference; CPU seconds, interleaved."""
    rows = []
    for L in options.lengths:
        method = make_model(options.preset, L, options.width, options.classes, options.overrides)
        batch = make_batch(options.batch, L, options.width, options.classes)
        row: dict[str, float] = {"L": L}
        forms = {"": True, "plain_": options.reference_up_to >= L}
        runs = {"step": training_step(method, batch), "sample": sampling(method, batch)}
        for kind, run in runs.items():
            took = {form: Took() for form, wanted in forms.items() if wanted}
            results: dict[str, Tensor] = {}
            for _ in range(options.repeat):
                for form, times in took.items():
                    if form:
                        with plainly():
                            results[form] = times.add(run)
                    else:
                        results[form] = times.add(run)
            row |= {f"{form}{kind}_s": times.cpu for form, times in took.items()}
            if kind == "sample" and len(results) > 1:
                row["difference"] = float((results[""] - results["plain_"]).abs().max())
        rows.append(row)
        print(_row(row), flush=True)
    return rows


def _row(row: dict[str, float]) -> str:
    def shown(name: str, digits: str = "8.2f") -> str:
        return format(row[name], digits) if name in row else " " * 7 + "-"

    return (
        f"{row['L']:6.0f} {shown('step_s')} {shown('plain_step_s')} "
        f"{shown('sample_s')} {shown('plain_sample_s')}   {shown('difference', '8.1e')}"
    )


# Floating-point operations.


@dataclass
class Part:
    """A part of the model as it runs alone.

    Args:
        name: with its module.
        step: how often it runs in a training step.
        sample: how often in a sample.
        flops: floating-point operations of one forward run.
        run: one forward run on its inputs.
        inputs: those, with gradient where training needs one.
    """

    name: str
    step: int
    sample: int
    flops: float
    run: Callable[..., Tensor]
    inputs: list[Tensor]


def parts_of(method: HopaDIFF, B: int, L: int) -> list[Part]:
    config = method.config
    N = B * math.ceil(L / config.stride)
    W, E, M = config.condition_width, config.encoder_maps, config.decoder_maps
    streams, steps = len(method.names), config.sampling_steps * config.samples
    mask = torch.ones(B, N // B, dtype=torch.bool)

    def at(width: int, gradient: bool = True) -> Tensor:
        return torch.randn(B, N // B, width, requires_grad=gradient)

    def linear(name: str, module: Any, step: int, sample: int, gradient: bool = True) -> Part:
        size = 2.0 * N * sum(p.numel() for p in module.parameters() if p.ndim == 2)
        first = module if hasattr(module, "in_features") else module[0]
        return Part(name, step, sample, size, module, [at(first.in_features, gradient)])

    def layer_parts(name: str, layer: Any, width: int, taps: int, runs: tuple[int, int]) -> None:
        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return neighbour_attention(q, k, v, layer.offsets, mask)

        parts.append(
            Part(
                f"{name} convolution", *runs, 2.0 * N * width**2 * taps,
                lambda x: layer.conv(x.transpose(1, 2)), [at(width)],
            )
        )  # fmt: skip
        parts.append(linear(f"{name} q, k, v", layer.project, *runs))
        parts.append(
            Part(f"{name} neighbours", *runs, 4.0 * N * taps * width, attend,
                 [at(width) for _ in range(3)])
        )  # fmt: skip
        parts.append(linear(f"{name} FFN", layer.ffn, *runs))

    parts: list[Part] = []
    encoder, decoder = method.encoders[0], method.decoders[0]
    parts.append(linear("encoder input", encoder.enter, streams, streams, gradient=False))
    per_encoder = streams * config.encoder_layers
    middle = encoder.layers[config.encoder_layers // 2]
    layer_parts("encoder", middle, E, config.encoder_kernel, (per_encoder, per_encoder))
    if method.blocks:
        cell: Any = method.blocks[0].cells[0]
        blocks = streams * config.xlstm_blocks
        if config.xlstm_projections == "dense":
            parts.append(linear("xLSTM q, k, v, o", cell.project, blocks, blocks))
        parts.append(linear("xLSTM back", cell.back, blocks, blocks))
        H, S, d = config.xlstm_heads, config.xlstm_chunk, W // config.xlstm_heads
        inner = 2.0 * S * d + 2.0 * S * (d + 1) + 4.0 * d * (d + 1) + 2.0 * 64 / S * d * (d + 1)
        shaped = [torch.randn(B, H, N // B, d, requires_grad=True) for _ in range(3)]
        gates = [torch.randn(B, H, N // B, requires_grad=True) for _ in range(2)]
        parts.append(
            Part(
                "mLSTM", blocks, blocks, N * H * inner,
                lambda q, k, v, i, f: mlstm_chunkwise(q, k, v, i, f - 3, S), shaped + gates,
            )
        )  # fmt: skip
    if method.spectra:
        spectrum: Any = method.spectra[0]
        flops = 2.5 * N * W * math.log2(N / B) + 2.0 * N * spectrum.project.weight.numel()
        parts.append(Part("spectrum", streams, streams, flops, spectrum, [at(W)]))
    parts.append(linear("decoder condition", decoder.project, streams, streams))
    runs = (streams, streams * steps)
    parts.append(linear("decoder input", decoder.enter, *runs, gradient=False))
    count = (streams * config.decoder_layers, streams * config.decoder_layers * steps)
    middle = decoder.layers[config.decoder_layers // 2]
    layer_parts("decoder", middle, M, config.decoder_kernel, count)
    parts.append(linear("decoder head", decoder.head, *runs))
    parts.append(linear("encoder head", encoder.head, streams, streams))
    return parts


def flop_table(method: HopaDIFF, options: argparse.Namespace) -> None:
    """Prints each part's operations, its time alone and its rate."""
    rate = gemm_gflops()
    B, L = options.batch, options.length
    step, sample = Took(), Took()
    batch = make_batch(B, L, options.width, options.classes)
    for took, run in ((step, training_step(method, batch)), (sample, sampling(method, batch))):
        run()
        for _ in range(options.repeat):
            took.add(run)
    print(
        f"\nfloating-point operations at L = {L}; this machine's float32 GEMM rate "
        f"{rate:.0f} GFLOP/s\n\n{'':26}{'training step':^36}{'sample':^36}\n"
        f"{'part':26}{'GFLOP':>9}{'s':>8}{'GFLOP/s':>9}{'of GEMM':>9} "
        f"{'GFLOP':>9}{'s':>8}{'GFLOP/s':>9}{'of GEMM':>9}"
    )
    method.train()
    sums = [0.0, 0.0, 0.0, 0.0]
    for part in parts_of(method, B, L):
        there, back = Took(), Took()

        def both(part: Part = part) -> None:
            out = part.run(*part.inputs)
            wanted = [x for x in part.inputs if x.requires_grad]
            if isinstance(part.run, torch.nn.Module):
                wanted += list(part.run.parameters())
            torch.autograd.grad(out, wanted, torch.ones_like(out), allow_unused=True)

        with torch.no_grad():
            for _ in range(options.repeat + 2):
                there.add(lambda part=part: part.run(*part.inputs))
        for _ in range(options.repeat + 2):
            back.add(both)
        trained = 3 if part.inputs[0].requires_grad else 2
        figures = (
            part.flops * trained * part.step / 1e9, back.cpu * part.step,
            part.flops * part.sample / 1e9, there.cpu * part.sample,
        )  # fmt: skip
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        print(_flops_row(part.name, figures, rate))
    whole = (sums[0], step.cpu, sums[2], sample.cpu)
    rest = (0.0, step.cpu - sums[1], 0.0, sample.cpu - sums[3])
    print(_flops_row("norms, dropout, noise, loss", rest, rate))
    print(_flops_row("all", whole, rate))


def _flops_row(name: str, figures: tuple[float, ...], rate: float) -> str:
    text = f"{name:26}"
    for gflop, seconds in (figures[:2], figures[2:]):
        speed = gflop / seconds if seconds > 0 else 0.0
        text += f"{gflop:9.1f}{seconds:8.2f}"
        text += f"{speed:9.0f}{100 * speed / rate:8.0f}% " if gflop else " " * 19
    return text


def plot(rows: list[dict[str, float]], preset: str, file: Path) -> None:
    """Seconds over L for both forms."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True)
    for axis, kind, title in zip(
        axes, ("step", "sample"), ("training step", "sample"), strict=True
    ):
        for form, label in (("", "HopaDIFF"), ("plain_", "plain form")):
            seen = [row for row in rows if f"{form}{kind}_s" in row]
            axis.plot(
                [r["L"] for r in seen], [r[f"{form}{kind}_s"] for r in seen], "o-", label=label
            )
        axis.set(title=f"{title}, preset {preset}", xlabel="frames", ylabel="s", ylim=0)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)
    print(f"\nplot: {file}")


def tables(options: argparse.Namespace) -> None:
    """What runs without ``--json``."""
    print(
        f"preset {options.preset}, D = {options.width}, C = {options.classes}, batch "
        f"{options.batch}, {options.threads} thread(s), CPU seconds, least of {options.repeat}\n\n"
        f"{'':6} {'step':^17} {'sample':^17}\n"
        f"{'L':>6} {'ours':>8} {'plain':>8} {'ours':>8} {'plain':>8}   difference of scores"
    )
    rows = over_lengths(options)
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        grown = [f"{last[k] / first[k]:.2f} ({k[:-2]})" for k in ("step_s", "sample_s")]
        print(f"\n{last['L'] / first['L']:.1f} times the frames cost {' and '.join(grown)} times")
    method = make_model(
        options.preset, options.length, options.width, options.classes, options.overrides
    )
    flop_table(method, options)
    if options.plot:
        plot(rows, options.preset, options.plot)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="code")
    parser.add_argument("--length", type=int, default=3000, help="L of --json and the FLOP table")
    parser.add_argument("--lengths", type=int, nargs="+", default=[750, 1500, 3000, 6000, 12000])
    parser.add_argument("--reference-up-to", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--width", type=int, default=768, help="D")
    parser.add_argument("--classes", type=int, default=137, help="C")
    parser.add_argument("--overrides", type=json.loads, default={}, help="of the preset, as JSON")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", choices=["train_step", "sample"], help=argparse.SUPPRESS)
    return parser


def main() -> None:
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    if options.measure:
        print(json.dumps(measure(options.measure, options)))
    elif options.json:
        print(json.dumps(summary(sys.argv[1:])))
    else:
        tables(options)


if __name__ == "__main__":
    main()
