"""Places that people are filmed in, and the coordinates of the world.

World coordinates are metres: x to the right from the left edge of the place, y down with 0 at
the nearest lane of the floor. A person in lane z (0 far, 1 near) stands at y = (z - 1) * LANES.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANES = 0.5  # metres on the screen between the farthest and the nearest lane
WALL = -0.72  # where the back wall or horizon meets the floor
TOP, BOTTOM = -4.3, 0.75  # painted range of y
PLACES = (
    "living room", "kitchen", "office", "classroom", "street", "park", "hall", "gym", "beach",
    "kitchen",
)  # fmt: skip
OUTDOOR = ("street", "park", "beach")


FITTING: dict[str, tuple[str, ...]] = {
    "living room": ("reading", "sitting", "drinking", "watch", "calling"),
    "kitchen": ("eating", "drinking", "stirring", "putting", "picking"),
    "office": ("writing", "calling", "sitting", "give", "talk"),
    "classroom": ("writing", "reading", "raising", "ask", "show"),
    "street": ("walking", "calling", "wave", "shake", "playingmusic"),
    "park": ("running", "throw", "lying", "playingmusic", "picturing"),
    "hall": ("entering", "leaving", "hug", "dancing", "shake"),
    "gym": ("jumping", "kicking", "crawling", "hit", "throw"),
    "beach": ("lying", "running", "throw", "picturing", "picture"),
}
"""What people do more often in a place than elsewhere: actions and kinds of meetings."""


@dataclass(frozen=True)
class Place:
    """A place people are filmed in."""

    kind: str
    width: float
    """Metres; the camera never sees beyond 0 and width."""
    seed: int
    tint: tuple[float, float, float]
    """Colour of the light, factors 0 to 1."""


def make_place(rng: np.random.Generator, width: float) -> Place:
    """A random place of a given width in metres."""
    warm = float(rng.uniform(-1, 1))
    level = float(rng.uniform(0.8, 1.0))
    tint = (level, level * (1 - 0.05 * abs(warm)), level * (1 - 0.16 * max(0.0, warm)))
    if warm < 0:
        tint = (level * (1 + 0.14 * warm), level * (1 + 0.04 * warm), level)
    return Place(
        kind=PLACES[int(rng.integers(len(PLACES)))],
        width=width,
        seed=int(rng.integers(2**31)),
        tint=tint,
    )
