"""What a reference may say of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

GARMENTS = ("upper", "upper_colour", "pattern", "lower", "lower_colour", "hat", "hat_colour",
            "bag", "bag_colour")  # fmt: skip
"""Attributes of what a person wears or carries."""


@dataclass(frozen=True)
class Attributes:
    """What a reference may say of a person; None where the person has no such thing."""

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

    def as_dict(self) -> dict[str, str | bool | None]:
        """JSON-able form."""
        return asdict(self)


def classify_lookalike(person: int, cast: Sequence[Attributes]) -> str:
    """What tells a person from a look-alike in the cast.

    ``place``: somebody else differs in the side of the picture alone. ``garment``: else, somebody
    differs in one attribute of a garment, hat or bag alone, so that whatever singles the person
    out states it. ``none``: neither; so look-alikes that differ in their hair alone.

    Args:
        person: index into the cast.
        cast: everybody of the film.
    """
    differences = [
        [f.name for f in fields(own) if getattr(own, f.name) != getattr(other, f.name)]
        for own, other in ((cast[person], other) for n, other in enumerate(cast) if n != person)
    ]
    if ["side"] in differences:
        return "place"
    return "garment" if any([name] in differences for name in GARMENTS) else "none"
