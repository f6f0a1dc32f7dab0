"""Lists of action classes, numbered from 0; the default is the 137 of RHAS133 in published order.

Names of RHAS133 are kept as published (they are the keys of imported annotations), the misspelt
"seaching" (92) included: it is an alias of "searching" (93), both occur. "no" (70) is probably
the annotators' background. The published list numbers from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

CLASSES: tuple[str, ...] = tuple(
    files("rhas.base").joinpath("classes.txt").read_text("utf-8").split()
)
CLASS_ID: dict[str, int] = {name: number for number, name in enumerate(CLASSES)}
ALIASES: dict[str, str] = {"seaching": "searching"}


@dataclass(frozen=True)
class ClassList:
    """The classes of a data set.

    Args:
        names: C names, all different, in order.
        file: where they stand, for messages.
    """

    names: tuple[str, ...]
    file: str

    @cached_property
    def ids(self) -> dict[str, int]:
        """Number by name."""
        return {name: number for number, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def published(self) -> bool:
        """Whether it is the list of RHAS133."""
        return self.names == CLASSES


RHAS133 = ClassList(CLASSES, "src/rhas/base/classes.txt")
