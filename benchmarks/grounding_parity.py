"""The same random full-size weights in both implementations: do they find the same boxes?

    python benchmarks/grounding_parity.py {swin-t,swin-b} [--vocab vocab.txt] [--library]

An official checkpoint is written, converted (`rhas.ground.convert`), and both are run through the
project's loaders, image processor and tokenizer on one frame (800 × 1333 for the model) with three
references: 900 queries.

The model takes as queries the 900 places of the picture that fit the text best, and gives the n-th
of them the n-th learned vector. With random weights many places fit equally well, so rounding can
swap two of them, and what swapped places become differs. Shown are therefore: how far the places'
scores before the choice differ, how many places and ranks both chose alike, and the difference of
boxes (fractions of the frame) and scores over all 900 queries once the choice of the first
implementation is handed to the second. ``--library`` adds the same for transformers as it is,
without `rhas.ground.faster`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from measure import elapsed, make_parser, peak_gib, read_clocks, show
from random_weights import VOCABULARY, write_grounding
from torch import Tensor

from rhas.base.program import run_script
from rhas.config.ground import GroundConfig
from rhas.ground import huggingface, official
from rhas.ground.convert import convert_checkpoint
from rhas.ground.model import ModelGrounder

REFERENCES = ["the woman in the red coat", "a tall man with a beard", "the child on the left"]


@dataclass
class Outcome:
    """Of one run: the fit of every place (N,), the chosen places (900,), scores (900, T), boxes
    (900, 4), seconds of processor time."""

    fits: Tensor
    chosen: Tensor
    scores: Tensor
    boxes: Tensor
    seconds: float


@contextmanager
def fixed_choice(handed: Tensor | None) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Records the choice of queries, or makes it the handed one."""
    library = torch.topk
    seen: list[tuple[Tensor, Tensor]] = []

    def topk(values: Tensor, k: int, dim: int) -> Any:
        found = library(values, k, dim=dim)
        chosen = found[1] if handed is None else handed[None]
        seen.append((values[0], chosen[0]))
        return values.gather(dim, chosen), chosen

    with mock.patch.object(torch, "topk", topk):
        yield seen


@torch.inference_mode()
def run_model(grounder: ModelGrounder, picture: Any, handed: Tensor | None = None) -> Outcome:
    """One run of the model over a picture with all references."""
    text = grounder.make_prompts(REFERENCES).prompts[0].text
    tokens = len(grounder.tokenizer(text)["input_ids"])
    began = read_clocks()
    with fixed_choice(handed) as seen:
        logits, boxes = grounder.detect(picture, text)
    seconds = elapsed(began).cpu
    return Outcome(*seen[0], logits[0, :, :tokens].sigmoid(), boxes[0], seconds)


def largest_difference(one: Tensor, other: Tensor) -> float:
    """The largest difference."""
    return float((one - other).abs().max())


def compare_outcomes(first: Outcome, free: Outcome, handed: Outcome) -> dict[str, float]:
    """The figures that the top of this file describes."""
    same = len(set(first.chosen.tolist()) & set(free.chosen.tolist()))
    return {
        "fit_difference": largest_difference(first.fits, free.fits),
        "queries": len(first.chosen),
        "same_places": same,
        "same_ranks": int((first.chosen == free.chosen).sum()),
        "box_difference": largest_difference(first.boxes, handed.boxes),
        "score_difference": largest_difference(first.scores, handed.scores),
        "box_spread": float(first.boxes.std(0).min()),
        "score_spread": float(first.scores.std(0).min()),
    }


def compare_implementations(theirs: Path, ours: Path, library: bool) -> dict[str, Any]:
    """Figures by name (see the top of this file) of an official folder and one of transformers."""
    frame = np.random.default_rng(0).integers(0, 255, (15, 25, 3), dtype=np.uint8)
    frame = frame.repeat(32, 0).repeat(32, 1)  # 480 × 800 in blocks
    plain = GroundConfig(policy="max", top_k=1, min_score=0.0)
    grounder: ModelGrounder = official.OfficialGrounder(str(theirs), plain)
    first = run_model(grounder, grounder.prepare_images([frame]))
    del grounder
    official.load_checkpoint.cache_clear()  # one model at a time
    grounder = huggingface.TransformersGrounder(str(ours), plain)
    picture: Any = grounder.prepare_images([frame])
    free = run_model(grounder, picture)
    figures: dict[str, Any] = {
        "pixels": list(picture[0].shape[2:]),
        "official_seconds": first.seconds,
        "transformers_seconds": free.seconds,
        **compare_outcomes(first, free, run_model(grounder, picture, first.chosen)),
    }
    if library:
        grounder._model = huggingface.read_checkpoint(str(ours)).model
        plain = run_model(grounder, picture, first.chosen)
        figures["library_seconds"] = plain.seconds
        figures["library_box_difference"] = largest_difference(first.boxes, plain.boxes)
        figures["library_score_difference"] = largest_difference(first.scores, plain.scores)
    figures["peak_gib"] = peak_gib()
    return figures


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("kind", choices=("swin-t", "swin-b"))
    parser.add_argument("--vocab", type=Path, default=VOCABULARY)
    parser.add_argument("--library", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        theirs, ours = Path(name) / "official", Path(name) / "transformers"
        write_grounding(options.kind, theirs, options.vocab, "official")
        convert_checkpoint(theirs, ours)
        figures = compare_implementations(theirs, ours, options.library)
    show(figures, "\n".join(f"{name:<28}{value}" for name, value in figures.items()), options.json)


if __name__ == "__main__":
    run_script(main)
