"""What people look like: the attributes of a person, and casts with look-alikes."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np

from rhas.mini.attributes import Attributes
from rhas.mini.references import find_descriptions

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (205, 38, 40),
    "green": (42, 145, 62),
    "blue": (40, 84, 200),
    "yellow": (240, 208, 50),
    "orange": (240, 130, 30),
    "purple": (125, 50, 160),
    "pink": (243, 140, 178),
    "white": (238, 238, 232),
    "black": (34, 34, 38),
    "brown": (118, 74, 42),
    "grey": (132, 134, 138),
}
HAIR_COLOURS: dict[str, Rgb] = {
    "black": (28, 24, 24),
    "brown": (98, 60, 34),
    "blond": (226, 190, 104),
    "red": (178, 72, 28),
    "grey": (170, 170, 172),
}
SKINS: tuple[Rgb, ...] = (
    (250, 214, 186), (238, 192, 156), (214, 160, 118), (172, 118, 80), (126, 82, 54), (92, 60, 42),
)  # fmt: skip
_HUED = ("red", "green", "blue", "yellow", "orange", "purple", "pink")
_ALL = tuple(COLOURS)
_LOWER_COLOURS = ("black", "blue", "grey", "brown", "white", "green", "red")


@dataclass(frozen=True)
class Appearance:
    """A person as drawn: attributes and the exact colours and sizes behind them."""

    attributes: Attributes
    stature: float
    """Body height in metres."""
    girth: float
    """Factor on the widths of torso and limbs."""
    skin: Rgb
    hair: Rgb
    upper: Rgb
    accent: Rgb
    """Second colour of the pattern."""
    lower: Rgb
    hat: Rgb
    bag: Rgb
    shoes: Rgb
    tempo: float
    """Factor on the speed of the person's movements."""


def pick_option(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _sample_attributes(rng: np.random.Generator) -> Attributes:
    woman = rng.random() < 0.5
    uppers = ("coat", "shirt", "jumper", "jacket", "dress") if woman else (
        "coat", "shirt", "jumper", "jacket")  # fmt: skip
    upper = pick_option(rng, uppers)
    colour = pick_option(rng, _ALL if rng.random() < 0.4 else _HUED)
    pattern = "plain"
    if upper in ("shirt", "jumper", "dress") and rng.random() < 0.45:
        pattern = pick_option(rng, ("striped", "dotted", "checked"))
    lower = None
    if upper != "dress":
        lower = pick_option(rng, ("trousers", "trousers", "skirt", "shorts") if woman else (
            "trousers", "trousers", "trousers", "shorts"))  # fmt: skip
    hat = pick_option(rng, ("hat", "cap", "beanie")) if rng.random() < 0.35 else None
    bag = pick_option(rng, ("backpack", "shoulder bag")) if rng.random() < 0.22 else None
    hair = pick_option(
        rng, ("long", "long", "short", "bun") if woman else ("short",) * 4 + ("bald",)
    )
    return Attributes(
        gender="woman" if woman else "man",
        height=pick_option(rng, ("tall", "medium", "medium", "short")),
        build=pick_option(rng, ("stout", "medium", "medium", "slim")),
        hair=hair,
        hair_colour=pick_option(rng, tuple(HAIR_COLOURS)),
        upper=upper,
        upper_colour=colour,
        pattern=pattern,
        lower=lower,
        lower_colour=None if lower is None else pick_option(rng, _LOWER_COLOURS),
        hat=hat,
        hat_colour=None if hat is None else pick_option(rng, _ALL),
        bag=bag,
        bag_colour=None if bag is None else pick_option(rng, _ALL),
        glasses=bool(rng.random() < 0.2),
        beard=bool(not woman and rng.random() < 0.25),
    )


def _sample_lookalike(rng: np.random.Generator, model: Attributes) -> Attributes:
    """Attributes that differ from a person's in one garment, colour or hat."""

    def other(now: str | None, options: tuple[str, ...]) -> str:
        return pick_option(rng, tuple(o for o in options if o != now))

    kind = pick_option(rng, ("upper", "upper", "lower", "hat", "hair", "pattern"))
    if kind == "lower" and model.lower is not None:
        return replace(model, lower_colour=other(model.lower_colour, _LOWER_COLOURS))
    if kind == "hat" and model.hat is not None:
        return replace(model, hat_colour=other(model.hat_colour, _ALL))
    if kind == "hair" and model.hair != "bald":
        return replace(model, hair_colour=other(model.hair_colour, ("black", "blond", "red")))
    if kind == "pattern" and model.upper in ("shirt", "jumper", "dress"):
        return replace(model, pattern=other(model.pattern, ("plain", "striped", "dotted")))
    return replace(model, upper_colour=other(model.upper_colour, _HUED))


def _vary_colour(rng: np.random.Generator, colour: Rgb, amount: float = 1.0) -> Rgb:
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
    hue = (hue + amount * rng.uniform(-0.012, 0.012)) % 1
    saturation = min(1.0, max(0.0, saturation * (1 + amount * rng.uniform(-0.12, 0.08))))
    value = min(1.0, max(0.0, value * (1 + amount * rng.uniform(-0.12, 0.12))))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _sample_appearance(
    rng: np.random.Generator, attributes: Attributes, like: Appearance | None
) -> Appearance:
    tall = {"tall": 1.88, "medium": 1.7, "short": 1.5}[attributes.height]
    tall *= 1.0 if attributes.gender == "man" else 0.97
    girth = {"stout": 1.34, "medium": 1.05, "slim": 0.84}[attributes.build]
    upper = _vary_colour(rng, COLOURS[attributes.upper_colour])
    light = sum(upper) > 420
    accents: tuple[str, ...]
    accents = ("black", "blue", "red", "brown") if light else ("white", "white", "yellow", "black")
    if sum(upper) < 160:
        accents = ("white", "yellow", "red")
    skin = SKINS[int(rng.integers(len(SKINS)))]
    return Appearance(
        attributes=attributes,
        stature=tall * float(rng.uniform(0.97, 1.03)),
        girth=girth * float(rng.uniform(0.96, 1.04)),
        skin=like.skin if like else _vary_colour(rng, skin, 0.6),
        hair=_vary_colour(rng, HAIR_COLOURS[attributes.hair_colour], 0.8),
        upper=upper,
        accent=_vary_colour(
            rng,
            COLOURS[pick_option(rng, tuple(a for a in accents if a != attributes.upper_colour))],
        ),
        lower=_vary_colour(rng, COLOURS[attributes.lower_colour or "black"]),
        hat=_vary_colour(rng, COLOURS[attributes.hat_colour or "black"]),
        bag=_vary_colour(rng, COLOURS[attributes.bag_colour or "brown"]),
        shoes=_vary_colour(
            rng, COLOURS[pick_option(rng, ("black", "brown", "white", "red", "grey"))]
        ),
        tempo=float(rng.uniform(0.88, 1.14)),
    )


def sample_cast(rng: np.random.Generator, persons: int, sides: bool) -> list[Appearance]:
    """The persons of a film; each has a reference that describes nobody else.

    Args:
        rng: source of randomness.
        persons: how many.
        sides: make the first two equal except for the side of the picture that they keep to.
    """
    while True:
        cast = _sample_cast(rng, persons, sides)
        people = [appearance.attributes for appearance in cast]
        if all(find_descriptions(p, people) for p in range(persons)):
            return cast


def _sample_cast(rng: np.random.Generator, persons: int, sides: bool) -> list[Appearance]:
    cast: list[Appearance] = []
    seen: list[Attributes] = []
    if sides:
        twin = _sample_attributes(rng)
        order = ("left", "right") if rng.random() < 0.5 else ("right", "left")
        for side in order:
            attributes = replace(twin, side=side)
            cast.append(_sample_appearance(rng, attributes, cast[0] if cast else None))
            seen.append(attributes)
    while len(cast) < persons:
        like = None
        if cast and not sides and rng.random() < 0.35:
            like = cast[int(rng.integers(len(cast)))]
            attributes = _sample_lookalike(rng, like.attributes)
        else:
            attributes = _sample_attributes(rng)
        if any(attributes == replace(s, side=None) for s in seen):
            continue
        seen.append(attributes)
        cast.append(_sample_appearance(rng, attributes, like))
    return cast
