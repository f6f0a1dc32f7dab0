"""What a reference may say of a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass


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
