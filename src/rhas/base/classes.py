"""The 137 action classes of RHAS133, numbered from 0 in the published order.

Names are kept as published (they are the keys of imported annotations), the misspelt
"seaching" (92) included: it is an alias of "searching" (93), both occur. "no" (70) is probably
the annotators' background. The published list numbers from 1.
"""

from __future__ import annotations

from importlib.resources import files

CLASSES: tuple[str, ...] = tuple(
    files("rhas.base").joinpath("classes.txt").read_text("utf-8").split()
)
CLASS_ID: dict[str, int] = {name: number for number, name in enumerate(CLASSES)}
ALIASES: dict[str, str] = {"seaching": "searching"}
