"""Figures of trained methods whose scores are made or read in another way, without training.

    python benchmarks/reread.py steps      # HopaDIFF with 1, 2, 4 ... steps of sampling; --plot PNG
    python benchmarks/reread.py medians [--models models/hopadiff ...]   # median filter over time
    python benchmarks/reread.py fusion     # HopaDIFF's branches and linear path, alone and fused
    python benchmarks/reread.py parts      # HopaDIFF with one of its parts switched off
    (all with --json [FILE], --samples data/samples)

Prints val / test of every figure, per cent; thresholds are fitted on val for each row, as evaluate
does. Choose by val.

steps: seconds of the clock are those of sampling alone.

fusion: each score alone, the mean of their log-odds, and the weights fitted on val.

parts: switched off after training, so the others have not learned to do without it: by how much the
trained model uses a part. ``change`` is the mean distance of its scores on test to the whole
model's, over frames and classes, per cent; 0 means that the part does nothing. For the branches and
the linear path see ``fusion``.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from measure import make_parser, show

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.chunk import Samples
from rhas.config.evaluate import ReadoutConfig
from rhas.config.params import load_params
from rhas.evaluate.scoring import ScoredSample, score_samples
from rhas.methods import Method
from rhas.methods.hopadiff.method import HopaDIFF
from rhas.metrics.readout import fit_thresholds, make_prediction
from rhas.metrics.segmentation import evaluate_predictions
from rhas.train import load_method

STEPS = (1, 2, 4, 8, 25, 50)
MEDIANS = (1, 15, 25, 35)
FIGURES = ("acc", "edit", "f1_50", "map", "interval_f1_50", "label_set_iou")
BySubset = dict[str, list[ScoredSample]]
Figures = dict[str, dict[str, float]]  # of val and test
Rows = dict[str, Figures]


def score(method: Method, samples: Path) -> BySubset:
    """A method's scores of val and test, with the seed of params.yaml."""
    subsets = {subset: Samples(samples, subset) for subset in ("val", "test")}
    return score_subsets(method, subsets, load_params().seed)


def score_subsets(method: Method, subsets: Mapping[str, Samples], seed: int = 0) -> BySubset:
    classes = subsets["test"][0]["labels"].shape[1]
    return {name: score_samples(method, own, seed, classes) for name, own in subsets.items()}


def compute_figures(scored: BySubset, config: ReadoutConfig) -> Figures:
    """Clean figures, as evaluate computes them."""
    truths = {subset: [item.truth for item in items] for subset, items in scored.items()}
    scores = {
        subset: [np.float32(item.stored) for item in items] for subset, items in scored.items()
    }
    thresholds = fit_thresholds(truths["val"], scores["val"], config)
    figures = {}
    for subset, items in scores.items():
        predictions = [make_prediction(item, thresholds, config) for item in items]
        figures[subset] = asdict(evaluate_predictions(truths[subset], predictions).metrics)
    return figures


def vary_steps(options: argparse.Namespace) -> Rows:
    """By the number of sampling steps, with the seconds that both subsets took."""
    method, rows = load_method(options.models[0]), {}
    for steps in STEPS:
        method.config = replace(method.config, sampling_steps=steps)
        began = time.perf_counter()
        scored = score(method, options.samples)
        seconds = time.perf_counter() - began
        rows[str(steps)] = {
            "seconds": {"test": seconds},
            **compute_figures(scored, load_params().evaluate.readout),
        }
    return rows


def vary_medians(options: argparse.Namespace) -> Rows:
    """By model and the frames of the median filter."""
    rows, config = {}, load_params().evaluate.readout
    for model in options.models:
        scored = score(load_method(model), options.samples)
        for frames in MEDIANS:
            figures = compute_figures(scored, config.replace(median=frames))
            rows[f"{model} {frames}"] = figures
    return rows


def vary_fusion(options: argparse.Namespace) -> Rows:
    """By the scores that are fused."""
    method, rows = load_method(options.models[0]), {}
    if not isinstance(method, HopaDIFF) or len(method.experts) < 2:
        raise RhasError(
            "a model without scores to fuse",
            where=str(options.models[0]),
            expected="HopaDIFF with its partial branch or its linear path",
        )
    fusion, experts = method.fusion, len(method.experts)
    fitted, bias = fusion.weights.clone(), fusion.bias.clone()
    fusion.kind = "fitted"
    chosen = dict(zip(method.experts, torch.eye(experts), strict=True))
    chosen["mean"] = torch.full((experts,), 1 / experts)
    values = ", ".join(f"{weight:.2f}" for weight in fitted.tolist())
    chosen[f"fitted ({values})"] = fitted
    for name, weights in chosen.items():
        fusion.weights.copy_(weights)
        fusion.bias.copy_(bias if weights is fitted else torch.zeros(()))
        rows[name] = compute_figures(score(method, options.samples), load_params().evaluate.readout)
    return rows


def drop_bca(method: HopaDIFF) -> None:
    if method.xlstm is not None:
        method.xlstm.cross = None


def drop_xlstm(method: HopaDIFF) -> None:
    method.xlstm = None


def drop_spectra(method: HopaDIFF) -> None:
    for parameter in method.spectra.parameters():
        torch.nn.init.zeros_(parameter)


def vary_parts(options: argparse.Namespace) -> Rows:
    """By the part that is switched off."""
    whole, config = load_method(options.models[0]), load_params().evaluate.readout
    if not isinstance(whole, HopaDIFF):
        raise RhasError(
            "a method of other parts", where=str(options.models[0]), expected="hopadiff"
        )
    drops: dict[str, Callable[[HopaDIFF], None]] = {}
    if whole.xlstm is not None:
        drops["no HP-xLSTM"] = drop_xlstm
        if whole.xlstm.cross is not None:
            drops["no BCA"] = drop_bca
    if whole.config.dft_condition:
        drops["no DFT condition"] = drop_spectra
    scored = score(whole, options.samples)
    rows = {"whole": {"change": {"test": 0.0}, **compute_figures(scored, config)}}
    for name, drop in drops.items():
        changed = copy.deepcopy(whole)
        with torch.no_grad():
            drop(changed)
        without = score(changed, options.samples)
        pairs = zip(scored["test"], without["test"], strict=True)
        gaps = [np.abs(np.float32(a.stored) - np.float32(b.stored)).ravel() for a, b in pairs]
        distance = 100 * float(np.mean(np.concatenate(gaps)))
        rows[name] = {"change": {"test": distance}, **compute_figures(without, config)}
    return rows


def format_rows(rows: Rows) -> str:
    """Val / test of every figure by row; before them seconds or change, where measured."""
    width = max(map(len, rows)) + 2
    first = next((key for key in ("seconds", "change") if key in next(iter(rows.values()))), "")
    lines = [f"{'':{width}}{first:>8} " + " ".join(f"{name:>14}" for name in FIGURES)]
    for name, row in rows.items():
        measured = f"{row[first]['test']:.2f}" if first else ""
        cells = " ".join(f"{row['val'][n]:6.1f} /{row['test'][n]:6.1f}" for n in FIGURES)
        lines.append(f"{name:{width}}{measured:>8} {cells}")
    return "\n".join(lines)


def draw_steps(rows: Rows, path: Path) -> None:
    """Figures of test over the number of steps."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    steps = [int(name) for name in rows]
    for name, marker in zip(FIGURES, "os^Dvx", strict=True):
        values = [row["test"][name] for row in rows.values()]
        axis.plot(steps, values, marker, ls="-", label=name)
    axis.set_xscale("log", base=2)
    axis.set_xticks(steps, list(rows))
    axis.set(xlabel="sampling steps", ylabel="test, %", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend(ncols=3, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150)


PARTS: dict[str, Callable[[argparse.Namespace], Rows]] = {
    "steps": vary_steps, "medians": vary_medians, "fusion": vary_fusion, "parts": vary_parts,
}  # fmt: skip


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--models", nargs="+", type=Path, default=[Path("models/hopadiff")])
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    parser.add_argument("--plot", type=Path, help="steps: draw the figures of test, PNG")
    options = parser.parse_args()
    rows = PARTS[options.part](options)
    show(rows, format_rows(rows), options.json)
    if options.plot:
        draw_steps(rows, options.plot)


if __name__ == "__main__":
    run_script(main)
