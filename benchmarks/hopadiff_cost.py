"""Operations and seconds of HopaDIFF's parts, and of the whole over L against a plain form.

    python benchmarks/hopadiff_cost.py --preset code [--lengths 750 1500 3000 6000 12000]
                                       [--reference-up-to 3000] [--plot FILE.png] [--json [FILE]]

A training step is losses, backward through everything, clipping and AdamW, in training mode,
float32; a sample is all DDIM steps of both streams. Features are 768 wide, 137 classes, batch 1,
all frames real, unless told otherwise. `method_cost.py --methods hopadiff` measures both in
fresh processes, with their peak memory.

The reference is the same model in a plain form in the same process: keys and values gathered
n-fold, the mLSTM as an L × L matrix, the condition projected anew in every DDIM step; with the
difference of their results. Then the floating-point operations of each part at ``--length``, with
the CPU time that the part takes alone and this machine's own rate on a 2048³ float32 product.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measure import elapsed, gemm_gflops, make_parser, read_clocks, show, time_least
from method_cost import make_batch, scoring, training_step
from torch import Tensor

from rhas.methods import Dims, build_method, make_config
from rhas.methods.hopadiff import layers, xlstm
from rhas.methods.hopadiff.config import PRESETS
from rhas.methods.hopadiff.decoder import DiffusionDecoder, PreparedCondition
from rhas.methods.hopadiff.method import HopaDIFF
from rhas.methods.hopadiff.mlstm import mlstm_chunkwise
from rhas.methods.hopadiff.neighbours import neighbour_attention

Row = dict[str, float]


def make_model(
    preset: str, L: int, D: int, C: int, overrides: Mapping[str, object] | None = None
) -> HopaDIFF:
    torch.manual_seed(0)
    config = make_config("hopadiff", preset, dict(overrides or {}))
    method = build_method("hopadiff", config, Dims(D=D, D_text=D, C=C, L=L))
    assert isinstance(method, HopaDIFF)
    return method


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
def plain_form() -> Iterator[None]:
    """HopaDIFF computes in the plain form inside the block."""
    original = (DiffusionDecoder.prepare, DiffusionDecoder.forward)

    def prepare(self: DiffusionDecoder, condition: list[Tensor]) -> PreparedCondition:
        return PreparedCondition(None, condition)

    def forward(
        self: DiffusionDecoder, y: Tensor, t: Tensor, prepared: PreparedCondition, mask: Tensor
    ) -> Tensor:
        return original[1](self, y, t, original[0](self, prepared.layers), mask)

    layers.neighbour_attention = xlstm.neighbour_attention = gathered_attention  # type: ignore
    xlstm.mlstm_chunkwise = quadratic_mlstm  # type: ignore[assignment]
    DiffusionDecoder.prepare, DiffusionDecoder.forward = prepare, forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        layers.neighbour_attention = xlstm.neighbour_attention = neighbour_attention
        xlstm.mlstm_chunkwise = mlstm_chunkwise
        DiffusionDecoder.prepare, DiffusionDecoder.forward = original  # type: ignore[method-assign]


def measure_lengths(options: argparse.Namespace) -> list[Row]:
    """Rows: L, our step and sample, the reference's, their difference; CPU seconds, in turn."""
    rows = []
    for L in options.lengths:
        method = make_model(options.preset, L, options.width, options.classes, options.overrides)
        batch = make_batch("hopadiff", L, options.width, options.classes, options.batch)
        row: Row = {"L": L}
        forms = ["", "plain_"] if options.reference_up_to >= L else [""]
        for kind, work in (
            ("step", training_step(method, batch)), ("sample", scoring(method, batch)),
        ):  # fmt: skip
            times: dict[str, list[float]] = {form: [] for form in forms}
            results: dict[str, Tensor] = {}
            for _ in range(options.repeat):
                for form in forms:
                    with plain_form() if form else nullcontext():
                        began = read_clocks()
                        results[form] = work()
                        times[form].append(elapsed(began).cpu)
            row |= {f"{form}{kind}_s": min(taken) for form, taken in times.items()}
            if kind == "sample" and len(results) > 1:
                row["difference"] = float((results[""] - results["plain_"]).abs().max())
        rows.append(row)
    return rows


def format_lengths(rows: list[Row]) -> str:
    """A line per length."""

    def cell(row: Row, name: str, digits: str = "8.2f") -> str:
        return format(row[name], digits) if name in row else " " * 7 + "-"

    lines = [
        f"{'':6} {'step':^17} {'sample':^17}\n"
        f"{'L':>6} {'ours':>8} {'plain':>8} {'ours':>8} {'plain':>8}   difference of scores"
    ]
    for row in rows:
        times = [
            cell(row, f"{form}{kind}_s") for kind in ("step", "sample") for form in ("", "plain_")
        ]
        lines.append(f"{row['L']:6.0f} {' '.join(times)}   {cell(row, 'difference', '8.1e')}")
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        grown = [f"{last[k] / first[k]:.2f} ({k[:-2]})" for k in ("step_s", "sample_s")]
        frames = last["L"] / first["L"]
        lines.append(f"\n{frames:.1f} times the frames cost {' and '.join(grown)} times")
    return "\n".join(lines)


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


def list_parts(method: HopaDIFF, B: int, L: int) -> list[Part]:
    config = method.config
    N = B * math.ceil(L / config.stride)
    W, E, M = config.condition_width, config.encoder_maps, config.decoder_maps
    streams, steps = len(method.names), config.sampling_steps
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
    if method.xlstm is not None:
        cell: Any = method.xlstm.cells[0]
        parts.append(linear("xLSTM q, k, v, o", cell.project, streams, streams))
        parts.append(linear("xLSTM back", cell.back, streams, streams))
        H, S, d = config.xlstm_heads, config.xlstm_chunk, W // config.xlstm_heads
        inner = 2.0 * S * d + 2.0 * S * (d + 1) + 4.0 * d * (d + 1) + 2.0 * 64 / S * d * (d + 1)
        shaped = [torch.randn(B, H, N // B, d, requires_grad=True) for _ in range(3)]
        gates = [torch.randn(B, H, N // B, requires_grad=True) for _ in range(2)]
        parts.append(
            Part(
                "mLSTM", streams, streams, N * H * inner,
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


def measure_parts(options: argparse.Namespace) -> dict[str, Row]:
    """GFLOP and CPU seconds of each part in a training step and a sample, and of the whole."""
    B, L, repeat = options.batch, options.length, options.repeat
    method = make_model(options.preset, L, options.width, options.classes, options.overrides)
    batch = make_batch("hopadiff", L, options.width, options.classes, B)
    step = time_least(training_step(method, batch), repeat, warm_up=1).cpu
    sample = time_least(scoring(method, batch), repeat, warm_up=1).cpu
    method.train()
    rows: dict[str, Row] = {}
    for part in list_parts(method, B, L):
        with torch.no_grad():
            forward = time_least(partial(part.run, *part.inputs), repeat + 2).cpu
        both = time_least(partial(run_with_gradient, part), repeat + 2).cpu
        trained = 3 if part.inputs[0].requires_grad else 2
        rows[part.name] = {
            "step_gflop": part.flops * trained * part.step / 1e9, "step_s": both * part.step,
            "sample_gflop": part.flops * part.sample / 1e9, "sample_s": forward * part.sample,
        }  # fmt: skip
    total = {key: sum(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    rows["norms, dropout, noise, loss"] = {
        "step_gflop": 0.0, "step_s": step - total["step_s"],
        "sample_gflop": 0.0, "sample_s": sample - total["sample_s"],
    }  # fmt: skip
    rows["all"] = {**total, "step_s": step, "sample_s": sample}
    return rows


def run_with_gradient(part: Part) -> None:
    out = part.run(*part.inputs)
    wanted = [x for x in part.inputs if x.requires_grad]
    if isinstance(part.run, torch.nn.Module):
        wanted += list(part.run.parameters())
    torch.autograd.grad(out, wanted, torch.ones_like(out), allow_unused=True)


def format_parts(rows: dict[str, Row], gemm: float) -> str:
    """A line per part, with its rate beside that of a product."""
    lines = [
        f"{'':28}{'training step':^36}{'sample':^36}",
        f"{'part':28}" + f"{'GFLOP':>9}{'s':>8}{'GFLOP/s':>9}{'of GEMM':>9} " * 2,
    ]
    for name, row in rows.items():
        text = f"{name:28}"
        for kind in ("step", "sample"):
            gflop, seconds = row[f"{kind}_gflop"], row[f"{kind}_s"]
            speed = gflop / seconds if seconds > 0 else 0.0
            text += f"{gflop:9.1f}{seconds:8.2f}"
            text += f"{speed:9.0f}{100 * speed / gemm:8.0f}% " if gflop else " " * 19
        lines.append(text)
    return "\n".join(lines)


def draw_lengths(rows: list[dict[str, float]], preset: str, file: Path) -> None:
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


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="code")
    parser.add_argument("--length", type=int, default=3000, help="L of the parts")
    parser.add_argument("--lengths", type=int, nargs="+", default=[750, 1500, 3000, 6000, 12000])
    parser.add_argument("--reference-up-to", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--width", type=int, default=768, help="D")
    parser.add_argument("--classes", type=int, default=137, help="C")
    parser.add_argument("--overrides", type=json.loads, default={}, help="of the preset, as JSON")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows, gemm, parts = measure_lengths(options), gemm_gflops(), measure_parts(options)
    text = (
        f"preset {options.preset}, D = {options.width}, C = {options.classes}, batch "
        f"{options.batch}, {options.threads} thread(s), CPU seconds, least of {options.repeat}\n\n"
        f"{format_lengths(rows)}\n\nfloating-point operations at L = {options.length}; this "
        f"machine's float32 GEMM rate {gemm:.0f} GFLOP/s\n\n{format_parts(parts, gemm)}"
    )
    show({"gemm_gflops": gemm, "lengths": rows, "parts": parts}, text, options.json)
    if options.plot:
        draw_lengths(rows, options.preset, options.plot)


if __name__ == "__main__":
    main()
