"""How a person gets about in a setting, and what the arms do meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from math import pi

import numpy as np

from rhas.mini.appearance import Appearance
from rhas.mini.balance import ClassBalance
from rhas.mini.body_motions import gait_speed
from rhas.mini.places import FITTING, Place
from rhas.mini.props import Prop
from rhas.mini.story import (
    MEMORY,
    ArmMotion,
    BodyMotion,
    Flight,
    RestingBox,
    Timeline,
)
from rhas.mini.things import KEPT

_WALKING = (
    "waving", "pointing", "drinking", "eating", "talking", "calling", "handsinpocket", "holding",
)  # fmt: skip
_ALONE = {
    "waving": "movehand", "punching": "movehand", "talking": "movemouth", "offering": "holding",
    "showing": "holding",
}  # fmt: skip
"""Class of a motion of the arms that nobody answers, where it is not the motion's name."""
_UNANSWERED = (*_ALONE, "raising", "reaching")
"""Motions that somebody else may answer: more often done alone, so that they tell less."""
_HELD = {
    "drinking": ("cup",), "eating": ("food",), "reading": ("book",), "writing": ("paper",),
    "calling": ("phone",), "picturing": ("camera",), "playingmusic": ("guitar",),
    "holding": ("ball", *KEPT), "offering": KEPT, "showing": KEPT, "carrying": ("box",),
}  # fmt: skip
_DUE = {"writing": "drawing", "raising": "stretching"}
"""Motions of the arms that have another class when it is due."""


@dataclass
class Company:
    """What the people of a setting share."""

    place: Place
    people: list[Mover] = field(default_factory=list)
    cabinet: Prop | None = None
    opener: int = -1
    """The person who opened the cabinet and closes it later; -1 it has not been opened."""
    changed: float = -math.inf
    """Seconds at which the cabinet was last opened or closed."""
    is_closed: bool = False
    """Whether it was opened and closed again, and stays so."""
    wrongs: dict[tuple[int, int], float] = field(default_factory=dict)
    """Seconds at which somebody (first) was hit or pushed by somebody (second)."""
    falls: dict[int, float] = field(default_factory=dict)
    """Seconds at which somebody was pushed and fell."""

    def weigh(self, name: str) -> float:
        """How much likelier something is in this place than elsewhere."""
        return 2.5 if name in FITTING[self.place.kind] else 1.0


@dataclass(eq=False)
class Mover:
    """One person in one setting: where they are, and the motions that are planned for them."""

    rng: np.random.Generator
    balance: ClassBalance
    appearance: Appearance
    timeline: Timeline
    """The person's; motions are appended to it."""
    setting: int
    t: float
    """Seconds up to which the person's motions are planned."""
    until: float
    """Seconds, end of the act."""
    zone: tuple[float, float]
    """Where the person may go, metres from the place's left edge."""
    width: float
    """Of the place, metres."""
    x: float
    """The person's position, metres."""
    z: float
    """The person's lane."""
    chair: Prop | None
    stand: Prop | None
    boxes: list[RestingBox]
    """Boxes of the film that nobody holds; new ones are appended."""
    flights: list[Flight]
    """Of the film; new ones are appended."""
    owner: int
    """The person's number."""
    stays: bool
    """Whether the person never leaves the zone."""
    company: Company
    """The people of the setting and what they share."""
    yaw: float = 0.0
    lane: float = 0.0
    """The person's own lane, to which walks return."""
    thing: str = ""
    """Kind of the thing that the person keeps in the hand."""
    thing_owner: int = -1
    thing_until: float = 0.0
    """Seconds until which it is kept."""
    due: dict[str, float] = field(default_factory=dict)
    """What follows from something that the person did, by name (``do_...``): seconds of that."""
    box: RestingBox | None = None
    """The person's own box, where it is."""

    def __post_init__(self) -> None:
        self.lane = self.z

    def draw_uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    @property
    def is_over(self) -> bool:
        return self.t >= self.until - 1e-6

    def add_body_motion(
        self, name: str, label: str | None, length: float, *, to: float | None = None,
        yaw: float | None = None, z: float | None = None,
    ) -> tuple[float, float]:  # fmt: skip
        """Append a body motion; returns its start and end."""
        t0, t1 = self.t, min(self.until, self.t + length)
        if yaw is not None:
            self.yaw = yaw
        x1 = self.x if to is None else to
        z1 = self.z if z is None else z
        x1 = self.x + (x1 - self.x) * (t1 - t0) / length
        z1 = self.z + (z1 - self.z) * (t1 - t0) / length
        if t1 > t0:
            self.timeline.body.append(
                BodyMotion(
                    t0, t1, self.setting, name, label, length, self.x, x1, self.z, z1, self.yaw
                )
            )
            self.balance.add_seconds(label, t1 - t0)
        self.t, self.x, self.z = t1, x1, z1
        return t0, t1

    def find_acting_hand(self) -> str:
        return "R" if self.yaw >= 0 else "L"

    def add_arm_motion(
        self, name: str, label: str | None, t0: float, t1: float, held: str = "",
        swap: float = -1.0, appears: bool = False, lift: float = 0.0,
    ) -> None:  # fmt: skip
        """Append a movement of the arms."""
        t1 = min(t1, self.until)
        if t1 > t0:
            self.timeline.arms.append(
                ArmMotion(t0, t1, name, label, self.find_acting_hand(), held, swap, appears, lift)
            )
            self.balance.add_seconds(label, t1 - t0)

    def fill_with_arm_motions(
        self, t0: float, t1: float, allowed: tuple[str, ...], busy: float = 0.72
    ) -> None:
        """Movements of the arms during a body motion, with pauses."""
        t = t0 + (self.draw_uniform(0.2, 1.2) if self.rng.random() < 0.5 else 0.0)
        while t1 - t > 1.3:
            if self.rng.random() > busy:
                t += self.draw_uniform(0.8, 2.5)
                continue
            weights = [
                (a, self.company.weigh(a) * (2.0 if a in _UNANSWERED else 1.0)) for a in allowed
            ]
            name = self.balance.choose_action(weights, {a: (f"{a} alone",) for a in _UNANSWERED})
            length = min(self.draw_uniform(2.0, 6.0), t1 - t)
            held = _HELD.get(name, ("",))
            label = _ALONE.get(name, name)
            if name in _DUE and self.is_due(_DUE[name], t):
                label = _DUE[name]
                del self.due[label]
            self.balance.add_seconds(f"{name} alone", length)
            thing = held[int(self.rng.integers(len(held)))]
            lift = self.draw_uniform(-0.3, 0.3) if name in ("offering", "reaching") else 0.0
            self.add_arm_motion(name, label, t, t + length, thing, lift=lift)
            t += length

    def keep_thing(self, t0: float, t1: float) -> None:
        """Hold the thing; somebody else's is held to help."""
        self.balance.add_seconds("keeping", t1 - t0)
        label = "holding" if self.thing_owner == self.owner else "helping"
        self.add_arm_motion("holding", label, t0, t1, self.thing)

    def draw_sideways_yaw(self) -> float:
        """A direction to the left or right."""
        return self.draw_uniform(1.0, 1.5) * (1 if self.rng.random() < 0.5 else -1)

    def draw_yaw(self) -> float:
        """Any direction: most often to the camera, seldom away from it."""
        kind = self.rng.random()
        if kind < 0.55:
            return self.draw_uniform(-0.7, 0.7)
        if kind < 0.95:
            return self.draw_sideways_yaw()
        return pi + self.draw_uniform(-0.5, 0.5)

    def draw_lonely_yaw(self) -> float:
        """A direction in which nobody is: away from everybody, or to the camera."""
        sides = {1 if p.x > self.x else -1 for p in self.company.people if p is not self}
        if len(sides) == 2 or self.rng.random() < 0.3:
            return self.draw_uniform(-0.6, 0.6)
        return self.draw_uniform(0.95, 1.45) * -(sides or {1}).pop()

    def draw_spot(self) -> float:
        """Somewhere in the zone, rather where nobody else is."""
        spots = [self.draw_uniform(*self.zone) for _ in range(3)]
        return max(spots, key=lambda x: self.find_gap(x, self))

    def find_gap(self, x: float, *but: Mover) -> float:
        """Metres sideways from a place to the nearest person who is none of ``but``."""
        return min((abs(x - p.x) for p in self.company.people if p not in but), default=math.inf)

    def walk_to(
        self, x: float, run: bool = False, held: str = "", free: bool = True,
        z: float | None = None, carrying: str = "carrying",
    ) -> tuple[float, float]:  # fmt: skip
        """Walk or run to a place, doing something with the arms or carrying.

        Args:
            x: metres.
            run: instead of walking.
            held: what is carried.
            free: may do something with the arms.
            z: lane; None for the own.
            carrying: class of carrying.

        Returns:
            Start and end.
        """
        z = self.lane if z is None else z
        distance = abs(x - self.x) + abs(z - self.z)
        if distance < 0.15 or self.is_over:
            return self.t, self.t
        pace = gait_speed(self.appearance.stature, self.appearance.tempo, run)
        name, label = ("run", "running") if run else ("walk", "walking")
        t0, t1 = self.add_body_motion(
            name, label, distance / pace, to=x, yaw=1.38 if x > self.x else -1.38, z=z
        )
        if self.thing:
            self.keep_thing(t0, t1)
        elif held:
            self.add_arm_motion("carrying", carrying, t0, t1, held)
        elif free and run:
            self.fill_with_arm_motions(t0, t1, ("waving",), 0.15)
        elif free:
            self.fill_with_arm_motions(t0, t1, _WALKING, 0.6)
        return t0, t1

    def is_due(self, name: str, t: float) -> bool:
        """Whether a cause of something lies long enough before a moment."""
        return t - self.due.get(name, math.inf) > MEMORY
