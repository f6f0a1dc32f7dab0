"""Sizes and durations as text for people."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape_controls(text: str) -> str:
    """Text for a terminal or a page: control characters as ``\\u001b``, as JSON writes them.

    They are C0 and C1 (with them all ANSI sequences), marks that change the direction of writing,
    and half characters. Line breaks and tabs stay.
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def list_some(names: Collection[str], most: int = 10) -> str:
    """The first names of a list that may be long: ``0, 1, 2 and 19,997 others``."""
    shown = ", ".join(islice(names, most))
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} others"


def format_size(count: float) -> str:
    """Bytes: 999 B, 2.3 kB, 4.6 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def format_duration(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def format_minutes(seconds: float) -> str:
    """Seconds as m:ss, with minutes beyond 59; for time axes labelled min:s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
