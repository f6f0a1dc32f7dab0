"""The outcome of looking at one thing: fine, worth a look, or wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: what, in a few words.
        level: ok, warn (goes on, but somebody should look) or fail.
        found: what was found.
        do: what the user can do about it; empty where it is ok.
    """

    name: str
    level: Level
    found: str
    do: str = ""


def worst(checks: list[Check]) -> Level:
    """The worst level of all; ok where there is nothing."""
    levels = {check.level for check in checks}
    return "fail" if "fail" in levels else "warn" if "warn" in levels else "ok"
