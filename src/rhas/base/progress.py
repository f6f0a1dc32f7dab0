"""How a long computation tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Takes the number of frames done since the last call."""


def ignore_progress(frames: int) -> None:
    """For callers that do not show it."""
