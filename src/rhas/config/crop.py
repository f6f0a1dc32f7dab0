"""Parameters of the crop stage."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rhas.config.section import Section


class CropConfig(Section):
    """How persons are tracked and cut out of frames."""

    section: ClassVar[str] = "crop"

    size: int = Field(default=96, ge=8, le=4096)
    """Side of a crop in pixels: the encoder's input (224 for the full-size ones)."""
    margin: float = Field(default=0.1, ge=0, le=2)
    """Added to every side of a box, as a share of its longer side."""
    quality: int = Field(default=92, ge=1, le=95)
    """JPEG quality of the crops."""
    min_score: float = Field(default=0.1, ge=0.001, le=0.999)
    """A candidate's score that counts neither for nor against it. With a higher value fewer frames
    have a box, and more of these boxes are right."""
    max_gap: int = Field(default=30, ge=1, le=1_000_000)
    """Working frames from one detection to the next over which a track may be interpolated; at
    least the stride of grounding."""
    cut_threshold: float = Field(default=1.4, ge=0.1, le=100)
    """How far a change must stand out from those around it to be a cut (`rhas.crop.shots`)."""
