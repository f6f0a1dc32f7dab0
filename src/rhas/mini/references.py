"""References: sentences that describe how a person looks, never what they do.

A *trait* is one statement ("in the red coat") with the attributes it states. A reference is a
set of traits that are true of exactly one person of the film.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rhas.mini.attributes import Attributes


@dataclass(frozen=True)
class Trait:
    """One statement about a person."""

    kind: str
    """``adjective``, ``wear``, ``with`` or ``place``: where it stands in the sentence."""
    text: str
    """Its words, as in ``red coat``; a place as in ``on the left``."""
    claims: tuple[tuple[str, str | bool], ...]
    """Attributes and the values that it states."""

    def is_true_of(self, attributes: Attributes) -> bool:
        """Whether it is true of a person."""
        return all(getattr(attributes, name) == value for name, value in self.claims)


def list_traits(a: Attributes) -> list[Trait]:
    """All traits that are true of a person, in a fixed order."""
    out: list[Trait] = []

    def add(kind: str, text: str, *claims: tuple[str, str | bool | None]) -> None:
        out.append(Trait(kind, text, tuple((n, v) for n, v in claims if v is not None)))

    upper = ("upper", a.upper), ("upper_colour", a.upper_colour)
    if a.pattern == "plain":
        add("wear", f"{a.upper_colour} {a.upper}", *upper)
        if a.upper in ("shirt", "jumper", "dress"):
            add("wear", f"plain {a.upper_colour} {a.upper}", *upper, ("pattern", "plain"))
    else:
        add("wear", f"{a.pattern} {a.upper_colour} {a.upper}", *upper, ("pattern", a.pattern))
        add("wear", f"{a.pattern} {a.upper}", ("upper", a.upper), ("pattern", a.pattern))
    if a.lower is not None:
        add("wear", f"{a.lower_colour} {a.lower}", ("lower", a.lower),
            ("lower_colour", a.lower_colour))  # fmt: skip
    if a.hat is not None:
        add("with", f"{a.hat_colour} {a.hat}", ("hat", a.hat), ("hat_colour", a.hat_colour))
    if a.bag is not None:
        add("with", f"{a.bag_colour} {a.bag}", ("bag", a.bag), ("bag_colour", a.bag_colour))
    hatless = a.hat is None
    if a.hair == "long":
        add("with", f"long {a.hair_colour} hair", ("hair", "long"), ("hair_colour", a.hair_colour))
    elif a.hair == "short" and hatless:
        add("with", f"short {a.hair_colour} hair", ("hair", "short"),
            ("hair_colour", a.hair_colour))  # fmt: skip
    elif a.hair == "bun" and hatless:
        add("with", f"{a.hair_colour} bun", ("hair", "bun"), ("hair_colour", a.hair_colour))
    elif a.hair == "bald" and hatless:
        add("adjective", "bald", ("hair", "bald"))
    if a.height != "medium":
        add("adjective", a.height, ("height", a.height))
    if a.build != "medium":
        add("adjective", a.build, ("build", a.build))
    if a.beard:
        add("with", "beard", ("beard", True))
    if a.side is not None:
        add("place", f"on the {a.side}", ("side", a.side))
    return out


def with_article(text: str) -> str:
    if text.endswith("hair"):
        return text
    return ("an " if text[0] in "aeiou" else "a ") + text


def build_phrase(
    gender: str | None, chosen: Sequence[Trait], rng: np.random.Generator | None = None
) -> str:
    """A sentence from traits; the wording varies with ``rng``, the content does not.

    Args:
        gender: ``man`` or ``woman``; None for a bare noun phrase ("the red coat").
        chosen: the traits to state.
        rng: None for the plainest wording.
    """

    def flip(probability: float) -> bool:
        return rng is not None and bool(rng.random() < probability)

    adjectives = [t.text for t in chosen if t.kind == "adjective"]
    wear = [t.text for t in chosen if t.kind == "wear"]
    things = [t.text for t in chosen if t.kind == "with"]
    places = [t.text for t in chosen if t.kind == "place"]
    if gender is None:
        return " ".join(["the", *(wear or things)[:1]])
    words = ["the", *adjectives, gender]
    definite = flip(0.6) or rng is None
    if wear:
        named = [f"the {w}" if definite else _with_garment_article(w) for w in wear]
        words += [("wearing" if flip(0.35) else "in"), " and ".join(named)]
    if things:
        named = [
            f"the {w}" if definite and not w.endswith("hair") else with_article(w) for w in things
        ]
        words += ["with", " and ".join(named)]
    return " ".join([*words, *places])


def _with_garment_article(text: str) -> str:
    return text if text.endswith(("trousers", "shorts")) else with_article(text)


def swap_sides(sentence: str) -> str:
    """Left for right and right for left, as in a mirror image."""
    other = {"left": "right", "right": "left"}
    return re.sub(r"\b(left|right)\b", lambda found: other[found[0]], sentence)


def find_matches(
    chosen: Sequence[Trait], gender: str | None, cast: Sequence[Attributes]
) -> list[int]:
    """Indices of the persons of whom all the traits are true; ``gender`` None is any."""
    return [
        number
        for number, other in enumerate(cast)
        if (gender is None or other.gender == gender) and all(t.is_true_of(other) for t in chosen)
    ]


def find_descriptions(
    person: int, cast: Sequence[Attributes], most: int = 3
) -> list[tuple[str | None, tuple[Trait, ...]]]:
    """Every set of up to ``most`` traits, with or without gender, that describes one person only.

    Shorter ones come first.
    """
    described = cast[person]
    available = list_traits(described)
    out: list[tuple[str | None, tuple[Trait, ...]]] = []
    for size in range(1, most + 1):
        for chosen in combinations(available, size):
            names = [name for trait in chosen for name, _ in trait.claims]
            if len(set(names)) < len(names):
                continue
            if find_matches(chosen, described.gender, cast) == [person]:
                out.append((described.gender, chosen))
            bare = size == 1 and chosen[0].kind in ("wear", "with")
            if bare and find_matches(chosen, None, cast) == [person]:
                out.append((None, chosen))
    return out


def sample_reference(rng: np.random.Generator, person: int, cast: Sequence[Attributes]) -> str:
    """A sentence that describes one person only, in varied wording, of two traits or more."""
    found = find_descriptions(person, cast)
    full = [c for c in found if c[0] is not None and len(c[1]) >= 2] or [
        c for c in found if c[0] is not None
    ]
    if not full:
        full = [c for c in find_descriptions(person, cast, most=5) if c[0] is not None]
    if not full:
        raise AssertionError(f"person {person} cannot be told apart: {cast}")
    gender, chosen = full[int(rng.integers(len(full)))]
    return build_phrase(gender, chosen, rng)


def sample_alternatives(
    rng: np.random.Generator, person: int, cast: Sequence[Attributes], count: int = 5
) -> list[str]:
    """Several valid references of a person, short and long, no two equal.

    Args:
        rng: source of randomness.
        person: index into the cast.
        cast: attributes of everybody who must not be meant.
        count: how many at most.
    """
    found = find_descriptions(person, cast)
    if not found:
        return [sample_reference(rng, person, cast)]
    short = [c for c in found if len(c[1]) == 1]
    order = [short[int(i)] for i in rng.permutation(len(short))[: count // 2]]
    order += [found[int(i)] for i in rng.permutation(len(found))[: 2 * count]]
    out: list[str] = []
    for gender, chosen in order:
        text = build_phrase(gender, chosen, rng)
        if text not in out:
            out.append(text)
        if len(out) == count:
            break
    return out
