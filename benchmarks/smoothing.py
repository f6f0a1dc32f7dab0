"""What the median filter over time is worth, of trained methods.

    python benchmarks/smoothing.py [--models models/hopadiff ...] [--medians 1 15 25 35] [--json]

Prints val / test of every figure. Nothing is trained again: each model scores val and test once;
for each filter thresholds are fitted on val anew, as evaluate does. Choose by val: the filter is
the same for all methods.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sampling import HEADER, both_sides, cells, evaluation, figures_of, scored

from rhas.config.evaluate import EvaluateConfig
from rhas.engine.stage import run
from rhas.train import load_method


def measure(
    model: Path, samples: Path, config: EvaluateConfig, medians: Sequence[int]
) -> list[dict[str, Any]]:
    """One row per filter: its frames, and the clean figures of both sides, 0-100."""
    seen = scored(load_method(model), both_sides(samples), config)
    return [{"median": frames, **figures_of(seen, _smoothed(config, frames))} for frames in medians]


def _smoothed(config: EvaluateConfig, frames: int) -> EvaluateConfig:
    return config.replace(readout=config.readout.replace(median=frames))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", type=Path, default=[Path("models/hopadiff")])
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    parser.add_argument("--medians", nargs="+", type=int, default=[1, 15, 25, 35])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    rows = {
        str(model): measure(model, options.samples, evaluation(), options.medians)
        for model in options.models
    }
    print(json.dumps(rows, indent=1) if options.json else table(rows))


def table(rows: dict[str, list[dict[str, Any]]]) -> str:
    """A block per model, a line per filter."""
    lines = []
    for model, own in rows.items():
        lines.append(f"{model}\nmedian  {HEADER}")
        lines += [f"{row['median']:6d}  {cells(row)}" for row in own]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
