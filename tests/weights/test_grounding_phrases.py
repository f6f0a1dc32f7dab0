"""Phrases of the grounding recipe: of whom they are true, against what their words state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhas.mini import sample_scenes

RECIPES = Path(__file__).resolve().parents[2] / "weights"
DRAWS = 60


@pytest.fixture(scope="module")
def scenes() -> list[Any]:
    """Drawn scenes of several people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(RECIPES))
        from grounding_training.scenes import Person, Scene

    out = []
    for drawn in sample_scenes(7, 16, moments=2, step=2.0):
        persons = tuple(
            Person(p.reference, tuple(p.alternatives), (0.1, 0.1, 0.5, 0.9), p.visible,
                   p.attributes, np.zeros((1, 2), np.float32))
            for p in drawn.persons
        )  # fmt: skip
        shown = {p.reference for p in persons}
        absent = tuple(r for r in drawn.cast if r not in shown)
        if persons:
            out.append(Scene(drawn.frame, persons, absent))
    return out


def sample_prompts(scenes: list[Any], alone: float, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Scenes and the phrases of prompts about them."""
    from grounding_training import phrases

    monkeypatch.setattr(phrases, "ALONE", alone)
    people = [p.attributes for scene in scenes for p in scene.persons]
    rng = np.random.default_rng(3)
    return [
        (scene, phrases.sample_scene_phrases(rng, scene, [people[i] for i in others]))
        for scene in scenes
        for others in rng.integers(len(people), size=(DRAWS // len(scenes) + 1, 4))
    ]


@pytest.mark.parametrize("alone", [0.0, 1.0])
def test_a_phrase_is_true_of_whom_its_words_are(
    scenes: list[Any], alone: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grounding_training.phrases import VISIBLE, find_word_claims

    checked = 0
    for scene, prompt in sample_prompts(scenes, alone, monkeypatch):
        for text, true_of in prompt:
            claims = [claim for claim in find_word_claims(text.split()) if claim]
            expected = [
                number
                for number, person in enumerate(scene.persons)
                if person.visible >= VISIBLE
                and all(getattr(person.attributes, name) == value for name, value in claims)
            ]
            assert true_of == expected, text
            checked += bool(claims)
    assert checked > DRAWS / 2


def test_one_person_is_named_beside_everybody(
    scenes: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from grounding_training.phrases import GENERAL, VISIBLE

    kinds = set()
    for scene, prompt in sample_prompts(scenes, 1.0, monkeypatch):
        *sentence, (general, everybody) = prompt
        assert general in GENERAL
        assert len(everybody) == sum(p.visible >= VISIBLE for p in scene.persons)
        assert len(sentence) <= 1
        kinds |= {bool(true_of) for _, true_of in sentence}
    assert kinds == {True, False}, "some are of somebody there, some of nobody"
