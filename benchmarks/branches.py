"""What each branch of a trained HopaDIFF knows, and what weighing them is worth.

    python benchmarks/branches.py [--model models/hopadiff] [--samples data/samples]

Prints val / test of every figure over the holistic branch's share in the scores: 0 is the partial
branch alone, 0.5 the paper's plain mean, 1 the holistic branch alone. Nothing is trained again;
thresholds are fitted on val for each. The model's own share, fitted on val, is marked.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from sampling import HEADER, both_sides, cells, evaluation, figures_of, scored

from rhas.base.errors import RhasError
from rhas.engine.stage import run
from rhas.train import load_method

SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("models/hopadiff"))
    parser.add_argument("--samples", type=Path, default=Path("data/samples"))
    options = parser.parse_args()
    config = evaluation()
    method = load_method(options.model)
    if getattr(method, "shares", torch.ones(1)).numel() != 2:
        raise RhasError(
            "a model without two branches",
            where=str(options.model),
            expected="HopaDIFF with its partial branch",
        )
    sides = both_sides(options.samples)
    fitted = round(float(method.shares[0]), 2)
    print(f"{'holistic':>8}   {HEADER}")
    for share in sorted({*SHARES, fitted}):
        method.shares.copy_(torch.tensor([share, 1 - share]))
        row = figures_of(scored(method, sides, config), config)
        print(f"{share:8.2f} {'*' if share == fitted else ' '} {cells(row)}", flush=True)


if __name__ == "__main__":
    run(main)
