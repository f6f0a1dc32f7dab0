"""Sizes and durations as text for people."""

from __future__ import annotations


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
