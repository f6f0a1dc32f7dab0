"""The benchmarks of grounding run, on models that are small enough for a test."""

from __future__ import annotations

from pathlib import Path

import grounding_parity
import pytest
import random_grounding
import shared_work
from conftest import Pair

from rhas.base.errors import RhasError


def test_parity(pair: Pair) -> None:
    figures = grounding_parity.parity(Path(pair.official), Path(pair.transformers), library=True)
    assert figures["queries"] == figures["same_places"] == figures["same_ranks"] == 30
    for name in ("box", "score", "library_box", "library_score"):
        assert figures[f"{name}_difference"] < 1e-4
    assert figures["box_spread"] > 0.01


def test_shared_work(tiny: str) -> None:
    figures = shared_work.ground_work(1, Path(tiny), repeat=1)
    assert figures["packed_times_one"] == figures["seconds_4_packed"] / figures["seconds_one"]
    rates = shared_work.speed(Path(tiny), 1)
    assert all(value > 0 for value in rates.values())
    assert "separate_times_one" in shared_work.shown({"ground": figures})


def test_a_random_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="the folder exists"):
        random_grounding.write("swin-t", tmp_path, random_grounding.VOCABULARY, "official")
    with pytest.raises(RhasError, match="no official"):
        random_grounding.write(
            "mm-grounding-dino", tmp_path / "c", random_grounding.VOCABULARY, "official"
        )


def test_the_built_in_vocabulary_stands_in_for_berts() -> None:
    tokenizer = random_grounding.bert_tokenizer(random_grounding.VOCABULARY)
    ids = tokenizer("the woman in the red coat . ?")["input_ids"]
    assert ids[0] == 101
    assert ids[-3:] == [1012, 1029, 102]
    assert len(ids) == 10
