"""The outcome of a check: ok, a warning or a failure, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Args:
        name: what was checked, in a few words.
        level: ok, warn (not an error, but worth a look) or fail.
        found: what was found.
        do: what the user can do about it; empty where it is ok.
    """

    name: str
    level: Level
    found: str
    do: str = ""


def worst_level(checks: list[Check]) -> Level:
    """The most serious level of all checks; ok without any."""
    levels = {check.level for check in checks}
    return "fail" if "fail" in levels else "warn" if "warn" in levels else "ok"
