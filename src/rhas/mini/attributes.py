"""Attributes of a person that a reference can state, and look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

GARMENTS = ("upper", "upper_colour", "pattern", "lower", "lower_colour", "hat", "hat_colour",
            "bag", "bag_colour")  # fmt: skip
"""Attributes of what a person wears or carries."""


@dataclass(frozen=True)
class Attributes:
    """Attributes that a reference can state; None where the person has no such thing."""

    gender: str
    """``man`` or ``woman``."""
    height: str
    """``tall``, ``medium`` or ``short``."""
    build: str
    """``stout``, ``medium`` or ``slim``."""
    hair: str
    """``long``, ``short``, ``bun`` or ``bald``."""
    hair_colour: str
    upper: str
    """``coat``, ``shirt``, ``jumper``, ``jacket`` or ``dress``."""
    upper_colour: str
    pattern: str
    """``plain``, ``striped``, ``dotted`` or ``checked``."""
    lower: str | None
    """``trousers``, ``shorts`` or ``skirt``; None under a dress."""
    lower_colour: str | None
    hat: str | None
    """``hat``, ``cap`` or ``beanie``."""
    hat_colour: str | None
    bag: str | None
    """``backpack`` or ``shoulder bag``."""
    bag_colour: str | None
    glasses: bool
    beard: bool
    side: str | None = None
    """``left`` or ``right``, where the person keeps to that side of the picture."""


def classify_lookalike(person: int, cast: Sequence[Attributes]) -> str:
    """How a person differs from their closest look-alike in the cast.

    Returns:
        ``place``: somebody differs only in the side of the picture. ``garment``: else, somebody
        differs only in one attribute of a garment, hat or bag, so that every reference of the
        person states it. ``none``: neither, also for look-alikes that differ only in their hair.

    Args:
        person: index into the cast.
        cast: everybody of the film.
    """
    differences = [
        [f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)]
        for one, other in ((cast[person], other) for n, other in enumerate(cast) if n != person)
    ]
    if ["side"] in differences:
        return "place"
    return "garment" if any([name] in differences for name in GARMENTS) else "none"
