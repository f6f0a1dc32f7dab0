"""The benchmarks of grounding run, on models that are small enough for a test."""

from __future__ import annotations

from pathlib import Path

import grounding_parity
import pytest
import random_weights
import shared_work
import torch
from conftest import Pair

from rhas.base.errors import RhasError


def test_parity(pair: Pair) -> None:
    figures = grounding_parity.compare_implementations(
        Path(pair.official), Path(pair.transformers), library=True
    )
    assert figures["queries"] == figures["same_places"] == figures["same_ranks"] == 30
    for name in ("box", "score", "library_box", "library_score"):
        assert figures[f"{name}_difference"] < 1e-4
    assert figures["box_spread"] > 0.01


def test_shared_work(tiny: str) -> None:
    torch.set_num_threads(1)
    figures = shared_work.measure_ground(Path(tiny), repeat=1)
    assert figures["packed_times_one"] == figures["seconds_4_packed"] / figures["seconds_one"]
    rates = shared_work.measure_speed(Path(tiny))
    assert all(value > 0 for value in rates.values())
    assert "separate_times_one" in shared_work.format_figures({"ground": figures})


def test_a_random_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="the folder exists"):
        random_weights.write_grounding("swin-t", tmp_path, random_weights.VOCABULARY, "official")
    with pytest.raises(RhasError, match="no official"):
        random_weights.write_grounding(
            "mm-grounding-dino", tmp_path / "c", random_weights.VOCABULARY, "official"
        )


def test_the_built_in_vocabulary_stands_in_for_berts() -> None:
    tokenizer = random_weights.read_bert_tokenizer(random_weights.VOCABULARY)
    ids = tokenizer("the woman in the red coat . ?")["input_ids"]
    assert ids[0] == 101
    assert ids[-3:] == [1012, 1029, 102]
    assert len(ids) == 10
