"""The folders of a data set, and where in them a film's stores lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DatasetPaths:
    """The folders of a data set: ``data/raw``, ``frames``, ``boxes``, ``tracks``."""

    raw: Path
    frames: Path
    boxes: Path
    tracks: Path

    def truth_path(self, movie: str) -> Path:
        """Where the true boxes of a film of RHAS-mini lie."""
        return self.raw / "truth" / f"{movie}.h5"
