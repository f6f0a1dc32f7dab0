"""Where RHAS133's published files lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rhas.stores.manifest import SUBSETS

Vlm = Literal["blip2", "clip"]
Protocol = Literal["cross_movie", "random"]

HOLISTIC_FOLDERS: dict[Vlm, tuple[str, ...]] = {
    "blip2": ("RHAS_feature_blipv2", "RHAS_feature_blipv2_val", "RHAS_feature_blipv2_test"),
    "clip": tuple(f"RHAS_1_feature_clip_{s}/RHAS_feature_clip_{s}" for s in SUBSETS),
}
"""Folders of holistic features in the order of `SUBSETS`."""
PARTIAL_FOLDERS: dict[Vlm, tuple[str, ...]] = {
    "blip2": tuple(f"RHAS_feature_blipv2_{subset}_grounding_dino" for subset in SUBSETS),
    "clip": tuple(f"RHAS_feature_clip_{subset}_grounding_dino" for subset in SUBSETS),
}
_SUFFIXES: dict[Vlm, str] = {"blip2": "blip_feat.npy", "clip": "clip_feat.npy"}


@dataclass(frozen=True)
class PublishedFiles:
    """The published files of one encoder and split.

    Args:
        pickles: folder of the pickles.
        features: folder that contains the folders of features under their published names.
        vlm: which features.
        protocol: which of the paper's two splits.
    """

    pickles: Path
    features: Path
    vlm: Vlm
    protocol: Protocol

    @property
    def suffix(self) -> str:
        """What follows ``<number>_`` in the name of a feature file."""
        return _SUFFIXES[self.vlm]

    def holistic_file(self, subset: str, number: int) -> Path:
        """Holistic features of a sample by its subset and number in the cross-movie split."""
        return self._feature_file(HOLISTIC_FOLDERS[self.vlm], subset, number)

    def partial_file(self, subset: str, number: int) -> Path:
        """Partial features of a sample by its subset and number in the cross-movie split."""
        return self._feature_file(PARTIAL_FOLDERS[self.vlm], subset, number)

    def _feature_file(self, folders: tuple[str, ...], subset: str, number: int) -> Path:
        return self.features / folders[SUBSETS.index(subset)] / f"{number}_{self.suffix}"

    def list_numbers(self, subset: str) -> set[int]:
        """Numbers of the samples of a subset that have holistic features."""
        folder = self.holistic_file(subset, 0).parent
        found = (re.fullmatch(rf"(\d+)_{self.suffix}", p.name) for p in folder.glob("*.npy"))
        return {int(match[1]) for match in found if match}
