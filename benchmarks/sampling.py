"""Accuracy and time against the number of sampling steps, of a trained diffusion method.

    python benchmarks/sampling.py [--model models/hopadiff] [--json FILE] [--plot FILE]

Prints val / test of every figure.

Nothing is trained again: the same weights sample val and test with 1, 2, 4 ... steps. Thresholds
are fitted on val for each. Seconds are those of sampling alone, on this machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from rhas.chunk import Samples
from rhas.config.evaluate import EvaluateConfig
from rhas.config.params import load_params
from rhas.engine.stage import run
from rhas.evaluate.scoring import ScoredSample, score_samples
from rhas.methods import Method
from rhas.metrics.readout import fit_thresholds, make_prediction
from rhas.metrics.segmentation import evaluate_predictions
from rhas.train import load_method

STEPS = (1, 2, 4, 8, 25, 50)
FIGURES = ("acc", "edit", "f1_50", "map", "interval_f1_50", "label_set_iou")
HEADER = " ".join(f"{name:>14}" for name in FIGURES)


def evaluation() -> EvaluateConfig:
    """That of params.yaml."""
    return load_params().evaluate


def measure(model: Path, samples: Path, config: EvaluateConfig) -> list[dict[str, Any]]:
    """One row per number of steps: seconds, and the clean figures of both sides, 0-100."""
    method, sides = load_method(model), both_sides(samples)
    rows = []
    for steps in STEPS:
        method.config = replace(method.config, sampling_steps=steps)
        began = time.perf_counter()
        seen = scored(method, sides, config)
        row: dict[str, Any] = {"steps": steps, "seconds": time.perf_counter() - began}
        rows.append({**row, **figures_of(seen, config)})
    return rows


def both_sides(samples: Path) -> dict[str, Samples]:
    """Val and test of a samples folder."""
    return {side: Samples(samples, side) for side in ("val", "test")}


def scored(
    method: Method, sides: Mapping[str, Samples], config: EvaluateConfig
) -> dict[str, list[ScoredSample]]:
    """What a method says of each sample, by side."""
    classes = sides["test"][0]["labels"].shape[1]
    return {side: score_samples(method, own, config.seed, classes) for side, own in sides.items()}


def cells(row: Mapping[str, Mapping[str, float]]) -> str:
    """Val / test of every figure, as wide as `HEADER`."""
    return " ".join(f"{row['val'][n]:6.1f} /{row['test'][n]:6.1f}" for n in FIGURES)


def figures_of(seen: dict[str, list[ScoredSample]], config: EvaluateConfig) -> dict[str, Any]:
    """Clean figures by side, as evaluate computes them."""
    truths = {side: [item.truth for item in items] for side, items in seen.items()}
    scores = {side: [np.float32(item.stored) for item in items] for side, items in seen.items()}
    thresholds = fit_thresholds(truths["val"], scores["val"], config.readout)
    found = {}
    for side, own in scores.items():
        said = [make_prediction(item, thresholds, config.readout) for item in own]
        figures = asdict(evaluate_predictions(truths[side], said).metrics)
        found[side] = {name: figures[name] for name in FIGURES}
    return found


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Figures of test over the number of steps."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, marker in zip(FIGURES, "os^Dvx", strict=True):
        axis.plot([r["steps"] for r in rows], [r["test"][name] for r in rows], marker, ls="-",
                  label=name)  # fmt: skip
    axis.set_xscale("log", base=2)
    axis.set_xticks([r["steps"] for r in rows], [str(r["steps"]) for r in rows])
    axis.set_xlabel("sampling steps")
    axis.set_ylabel("test, %")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(ncols=3, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("models/hopadiff"))
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--plot", type=Path, help="draw the figures of test here, PNG")
    options = parser.parse_args()
    rows = measure(options.model, options.samples, evaluation())
    print(f"{'steps':>5} {'seconds':>8}  {HEADER}")
    for row in rows:
        print(f"{row['steps']:5d} {row['seconds']:8.1f}  {cells(row)}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    if options.plot:
        draw(rows, options.plot)


if __name__ == "__main__":
    run(main)
