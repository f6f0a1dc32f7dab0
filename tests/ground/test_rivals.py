"""A film's only reference competes with a general phrase."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import REFERENCES

from rhas.config.ground import GroundConfig
from rhas.ground import make_grounder
from rhas.ground.model import ModelGrounder
from rhas.ground.rivals import weigh_rival

ROOT = Path(__file__).parents[2]


def grounder(folder: str, **settings: object) -> ModelGrounder:
    return make_grounder(GroundConfig(checkpoint=folder, min_score=0.0, top_k=100, **settings))  # type: ignore[arg-type]


def test_a_box_scores_less_where_the_rival_fits_better() -> None:
    own = torch.tensor([0.5, 0.5, 0.5, 0.9, 0.0, 1.0])
    rival = torch.tensor([0.2, 0.5, 0.8, 0.95, 1.0, 0.0])
    found = weigh_rival(own, rival)
    loss = math.exp(0.5)  # of the odds
    assert found[[0, 1]].tolist() == pytest.approx([1 / (1 + loss)] * 2)
    assert found[2].item() == pytest.approx(1 / (1 + 4 * loss))
    assert found[3].item() == pytest.approx(1 / (1 + (19 / 9) * loss / 9), abs=1e-6)
    assert 0 <= found[4] < 1e-4
    assert found[5] > 0.999


def test_more_references_have_no_rival(tiny: str, frames: list[np.ndarray]) -> None:
    with_rival, without = grounder(tiny), grounder(tiny, rival="")
    assert with_rival.make_rival_prompt(REFERENCES) is None
    for row, plain in zip(
        with_rival.find_boxes(frames[:2], REFERENCES),
        without.find_boxes(frames[:2], REFERENCES),
        strict=True,
    ):
        for ours, theirs in zip(row, plain, strict=True):
            assert (ours.scores == theirs.scores).all()
            assert (ours.boxes == theirs.boxes).all()


def test_one_reference_has_one(tiny: str, frames: list[np.ndarray]) -> None:
    made = grounder(tiny, rival="child")
    (prompt,) = made.list_prompts(["a man"])
    assert prompt.text == "a man . child ."
    (row,) = made.find_boxes(frames[:1], ["a man"])
    assert len(row) == 1
    assert len(row[0].scores)


@pytest.mark.parametrize("reference", ["Child.", "a man " * 200])
def test_no_rival_of_the_same_words_or_beyond_the_prompt(tiny: str, reference: str) -> None:
    assert grounder(tiny, rival="child").make_rival_prompt([reference]) is None


def test_a_sentence_of_somebody_else_scores_less() -> None:
    from rhas.mini import sample_scenes

    settings = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))["ground"]
    settings |= {"checkpoint": str(ROOT / settings["checkpoint"]), "min_score": 0.0}
    scenes = [s for s in sample_scenes(4243, 10, moments=1) if len(s.persons) == 1]
    assert len(scenes) >= 2
    best: dict[str, list[float]] = {"": [], "the person": []}
    for rival, scores in best.items():
        made = make_grounder(GroundConfig(**settings | {"rival": rival}))
        for scene, other in zip(scenes, scenes[1:] + scenes[:1], strict=True):
            ((found,),) = made.find_boxes([scene.frame], [other.persons[0].reference])
            scores.append(float(found.scores[0]))
    assert np.mean(best["the person"]) < 0.6 * np.mean(best[""])


def test_lists_of_references_do_not_know_of_each_other(tiny: str, frames: list[np.ndarray]) -> None:
    made = grounder(tiny, rival="child")
    lists = [["a man"], [], REFERENCES, ["a woman in red"]]
    together = made.find_each(frames[:2], lists)
    assert [[len(row) for row in rows] for rows in together] == [[len(one)] * 2 for one in lists]
    for references, rows in zip(lists, together, strict=True):
        for row, alone in zip(rows, made.find_boxes(frames[:2], references), strict=True):
            for ours, theirs in zip(row, alone, strict=True):
                assert (ours.boxes == theirs.boxes).all()
                assert (ours.scores == theirs.scores).all()
