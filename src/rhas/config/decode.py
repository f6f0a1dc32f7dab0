"""Parameters of the decode stage."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rhas.config.section import Fps, Section


class DecodeConfig(Section):
    """How films are decoded."""

    section: ClassVar[str] = "decode"
    switches: ClassVar[tuple[str, ...]] = ("fps",)

    fps: Fps = 15.0
    """Working rate, frames per second."""
    short_side: int = Field(default=180, ge=16, le=8192)
    """Limit of a frame's shorter side in pixels; smaller films keep their size."""
    quality: int = Field(default=92, ge=1, le=95)
    """JPEG quality of the frames."""
    damaged: Literal["error", "keep"] = "error"
    """``error`` refuses a film with lost source frames; ``keep`` counts them and shows the nearest
    one there is."""
    gaps: Literal["hold", "error"] = "hold"
    """Pictures shown for longer than ``gap_s``: ``hold`` repeats them as the film's times
    say, and check and import warn; ``error`` refuses the film."""
    gap_s: float = Field(default=60.0, gt=0, le=1_000_000_000)
    """Seconds; see ``gaps``."""
