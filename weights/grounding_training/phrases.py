"""Phrases about a scene: the attributes that their words claim, and of whom they are true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from grounding_training.scenes import Person, Scene
from rhas.ground.prompts import normalise_reference
from rhas.mini.appearance import COLOURS, HAIR_COLOURS, Attributes
from rhas.mini.references import find_matches, build_phrase, list_traits

VISIBLE = 0.25  # below this a person is nobody's target
TOKENS = 112  # of a training prompt at most
ALONE = 0.5  # of the prompts name one person, beside a general phrase
GENERAL = ("the person", "person")
NEAR = (
    ("upper_colour",), ("upper",), ("pattern",), ("lower_colour",), ("lower", "lower_colour"),
    ("hat_colour",), ("hat", "hat_colour"), ("bag_colour",), ("bag", "bag_colour"), ("gender",),
    ("hair",), ("hair_colour",), ("beard",), ("build",), ("height",),
)  # fmt: skip
"""What a nearly true phrase takes from somebody else."""

Phrase = tuple[str, list[int]]
"""A phrase and the visible persons of whom it is true."""


def _sample_phrase(
    rng: np.random.Generator, about: Attributes, cast: Sequence[Attributes], most: int
) -> Phrase | None:
    available = list_traits(about)
    size = int(rng.integers(0, most + 1))
    chosen = [available[int(i)] for i in sorted(rng.permutation(len(available))[:size])]
    names = [name for trait in chosen for name, _ in trait.claims]
    if len(set(names)) < len(names):
        return None
    bare = size == 1 and chosen[0].kind in ("wear", "with") and rng.random() < 0.4
    gender = None if bare else about.gender
    return build_phrase(gender, chosen, rng), find_matches(chosen, gender, cast)


def _sample_garment_phrase(
    rng: np.random.Generator, about: Attributes, cast: Sequence[Attributes]
) -> Phrase:
    """A garment, hat, bag or hair of a person, as "red coat"."""
    available = [t for t in list_traits(about) if t.kind in ("wear", "with")]
    chosen = available[int(rng.integers(len(available)))]
    return chosen.text, find_matches([chosen], None, cast)


def sample_scene_phrases(
    rng: np.random.Generator, scene: Scene, others: Sequence[Attributes]
) -> list[Phrase]:
    """Phrases of one training prompt, shuffled, none twice.

    Args:
        rng: source of randomness.
        scene: the scene that the prompt is about.
        others: people of other scenes; phrases about them are mostly true of nobody here.
    """
    if rng.random() < ALONE:
        return _keep_seen(_sample_alone(rng, scene, others), scene)
    cast = [p.attributes for p in scene.persons]
    everyone = list(range(len(cast)))
    found: list[Phrase | None] = []
    if rng.random() < 0.12:
        found.append((GENERAL[int(rng.integers(2))], everyone))
    for number, person in enumerate(scene.persons):
        draw = rng.random()
        if draw < 0.4:
            found.append((person.reference, [number]))
        elif draw < 0.65 and person.alternatives:
            pick = int(rng.integers(len(person.alternatives)))
            found.append((person.alternatives[pick], [number]))
        else:
            found.append(_sample_phrase(rng, person.attributes, cast, most=3))
        if rng.random() < 0.25:
            found.append(_sample_near_phrase(rng, person.attributes, others, cast))
        for about in (person.attributes, others[number % len(others)]):
            if rng.random() < 0.35:
                found.append(_sample_garment_phrase(rng, about, cast))
    if scene.absent and rng.random() < 0.4:
        found.append((scene.absent[int(rng.integers(len(scene.absent)))], []))
    for other in others[: int(rng.integers(0, 3))]:
        found.append(_sample_phrase(rng, other, cast, most=3))
    kept = _keep_seen(found, scene)
    return [kept[int(i)] for i in rng.permutation(len(kept))]


def _sample_alone(
    rng: np.random.Generator, scene: Scene, others: Sequence[Attributes]
) -> list[Phrase | None]:
    """A sentence and a general phrase, as `ground` asks for a film's only reference.

    The sentence is one of somebody in the picture, or nearly so, or of somebody who is not there.
    """
    cast = [p.attributes for p in scene.persons]
    number = int(rng.integers(len(cast)))
    person = scene.persons[number]
    draw = rng.random()
    sentence: Phrase | None
    if draw < 0.35:
        names = (person.reference, *person.alternatives)
        sentence = names[int(rng.integers(len(names)))], [number]
    elif draw < 0.45:
        sentence = _sample_phrase(rng, person.attributes, cast, most=3)
    elif draw < 0.7:
        sentence = _sample_near_phrase(rng, person.attributes, others, cast)
    elif draw < 0.9 and scene.absent:
        sentence = scene.absent[int(rng.integers(len(scene.absent)))], []
    else:
        sentence = _sample_phrase(rng, others[0], cast, most=3)
    return [sentence, (GENERAL[int(rng.random() < 0.15)], list(range(len(cast))))]


def _sample_near_phrase(
    rng: np.random.Generator, about: Attributes, others: Sequence[Attributes],
    cast: Sequence[Attributes],
) -> Phrase | None:  # fmt: skip
    """A phrase about a person with something of somebody else; None where the two do not differ."""
    other = others[int(rng.integers(len(others)))]
    names = NEAR[int(rng.integers(len(NEAR)))]
    if len(names) == 1 and None in (getattr(about, names[0]), getattr(other, names[0])):
        return None  # a colour of what one of them does not have
    near = replace(about, **{name: getattr(other, name) for name in names})
    if near == about:
        return None
    phrase = None
    for _ in range(4):  # until it says what differs
        phrase = _sample_phrase(rng, near, cast, most=3)
        if phrase and cast.index(about) not in phrase[1]:
            break
    return phrase


def _keep_seen(found: Sequence[Phrase | None], scene: Scene) -> list[Phrase]:
    """Phrases without repetition, each with the visible persons of whom it is true; none about
    people who are hidden, neither visible nor absent."""
    out: dict[str, list[int]] = {}
    for item in found:
        if item is None:
            continue
        text, true_of = item
        visible = [n for n in true_of if scene.persons[n].visible >= VISIBLE]
        if visible or not true_of:
            out.setdefault(normalise_reference(text), visible)
    return list(out.items())


def trim_phrases(phrases: list[Phrase]) -> list[Phrase]:
    """As many as a prompt of `TOKENS` tokens holds; every word of RHAS-mini is one token."""
    while phrases and sum(len(t.split()) + 1 for t, _ in phrases) + 2 > TOKENS:
        phrases = phrases[:-1]
    return phrases


GARMENTS = {
    **dict.fromkeys(("coat", "shirt", "jumper", "jacket", "dress"), "upper"),
    **dict.fromkeys(("trousers", "shorts", "skirt"), "lower"),
    **dict.fromkeys(("hat", "cap", "beanie"), "hat"),
    **dict.fromkeys(("backpack", "bag"), "bag"),
    **dict.fromkeys(("hair", "bun"), "hair"),
}
PATTERNS = ("plain", "striped", "dotted", "checked")
OF_THE_PERSON: dict[str, tuple[str, str | bool]] = {
    "man": ("gender", "man"), "woman": ("gender", "woman"), "bald": ("hair", "bald"),
    "stout": ("build", "stout"), "slim": ("build", "slim"), "tall": ("height", "tall"),
    "short": ("height", "short"), "beard": ("beard", True), "left": ("side", "left"),
    "right": ("side", "right"),
}  # fmt: skip


def find_word_claims(words: Sequence[str]) -> list[tuple[str, str | bool] | None]:
    """What each word of a phrase of RHAS-mini claims: an attribute and its value, or None.

    "the red coat": None, ("upper_colour", "red"), ("upper", "coat").
    """
    claims: list[tuple[str, str | bool] | None] = []
    for number, word in enumerate(words):
        after = words[number + 1 : number + 4]
        garment = next((w for w in after if w in GARMENTS or w in ("man", "woman")), None)
        part = GARMENTS.get(garment or "")
        if word in GARMENTS:
            value = {"bag": "shoulder bag", "hair": None}.get(word, word)
            claims.append((GARMENTS[word], value) if value else None)
        elif word in COLOURS or word in HAIR_COLOURS:
            claims.append((f"{part}_colour", word) if part else None)
        elif word in PATTERNS:
            claims.append(("pattern", word))
        elif word in ("long", "short") and part == "hair":
            claims.append(("hair", word))
        else:
            claims.append(OF_THE_PERSON.get(word))
    return claims


def find_word_truth(text: str, true_of: Sequence[int], persons: Sequence[Person]) -> Tensor:
    """(N, W) float: 1 where a word is true of a person, 0 where not; words without a claim
    are as true as the phrase. -1 where the side is not known."""
    words = text.split()
    table = torch.zeros(len(persons), len(words))
    for column, claim in enumerate(find_word_claims(words)):
        for row, person in enumerate(persons):
            if claim is None:
                table[row, column] = float(row in true_of)
            else:
                value = getattr(person.attributes, claim[0])
                unknown = claim[0] == "side" and value is None
                table[row, column] = -1.0 if unknown else float(value == claim[1])
    return table


FACTS: dict[str, tuple[object, ...]] = {
    "gender": ("man", "woman"),
    "height": ("tall", "medium", "short"),
    "build": ("stout", "medium", "slim"),
    "hair": ("long", "short", "bun", "bald"),
    "hair_colour": tuple(HAIR_COLOURS),
    "upper": ("coat", "shirt", "jumper", "jacket", "dress"),
    "upper_colour": tuple(COLOURS),
    "pattern": PATTERNS,
    "lower": (None, "trousers", "shorts", "skirt"),
    "lower_colour": (None, *COLOURS),
    "hat": (None, "hat", "cap", "beanie"),
    "hat_colour": (None, *COLOURS),
    "bag": (None, "backpack", "shoulder bag"),
    "bag_colour": (None, *COLOURS),
    "beard": (False, True),
    "side": ("left", "right"),
}
"""Attributes and their values; a person in the middle has no side."""


CLASSES = {
    claim: number
    for number, claim in enumerate((k, v) for k, values in FACTS.items() for v in values)
}
"""Number of an attribute's value among all values of all attributes."""
