"""One person's random chain of actions on a stage."""

from __future__ import annotations

from math import pi

import numpy as np

from rhas.mini.appearance import Look
from rhas.mini.motions import speed
from rhas.mini.scenery import Prop
from rhas.mini.story import MINI_CLASSES, Arms, Body, Mark, Resting, Track

_ON_FEET = (
    "waving", "raising", "stretching", "pointing", "clapping", "drinking", "eating", "reading",
    "writing", "talking", "calling", "lookingdown", "handsinpocket", "holding", "picturing",
    "playingmusic",
)  # fmt: skip
_WALKING = (
    "waving", "pointing", "drinking", "eating", "talking", "calling", "lookingdown",
    "handsinpocket", "holding",
)  # fmt: skip
SEATED = (
    "waving", "raising", "pointing", "clapping", "drinking", "eating", "reading", "writing",
    "talking", "calling", "lookingdown", "playingmusic",
)  # fmt: skip
_KNEELING = ("waving", "raising", "clapping", "talking", "picturing")
_SQUATTING = ("pointing", "drinking", "eating")
_LYING = ("reading", "calling")
_HELD = {
    "drinking": ("cup",), "eating": ("food",), "reading": ("book",), "writing": ("paper",),
    "calling": ("phone",), "picturing": ("camera",), "playingmusic": ("guitar",),
    "holding": ("ball", "flowers"), "carrying": ("box",),
}  # fmt: skip
OFFSTAGE = 1.0  # metres beyond the edge of a place


class Balance:
    """Prefers what the film has shown least."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.seconds = {name: float(rng.uniform(0, 6)) for name in MINI_CLASSES}

    def choose(self, options: list[tuple[str, float]]) -> str:
        weights = np.array([w / (3.0 + self.seconds.get(name, 0.0)) ** 1.4 for name, w in options])
        return options[int(self.rng.choice(len(options), p=weights / weights.sum()))][0]

    def add(self, label: str | None, seconds: float) -> None:
        if label is not None:
            self.seconds[label] += seconds


class Life:
    """Plans one person's stay on one stage."""

    def __init__(
        self, rng: np.random.Generator, balance: Balance, look: Look, track: Track, stage: int,
        until: float, zone: tuple[float, float], width: float, z: float, chair: Prop | None,
        stand: Prop | None, rests: list[Resting], owner: int, stays: bool,
    ) -> None:  # fmt: skip
        self.rng, self.balance, self.look, self.track = rng, balance, look, track
        self.stage, self.until, self.zone, self.width, self.z = stage, until, zone, width, z
        self.chair, self.stand, self.rests, self.owner = chair, stand, rests, owner
        self.stays = stays
        self.t = 0.0
        self.x = 0.0
        self.yaw = 0.0
        self.box: Resting | None = None

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    @property
    def over(self) -> bool:
        return self.t >= self.until - 1e-6

    def body(self, name: str, label: str | None, length: float, *, to: float | None = None,
             yaw: float | None = None) -> tuple[float, float]:  # fmt: skip
        """Append a body motion; returns its start and end."""
        t0, t1 = self.t, min(self.until, self.t + length)
        if yaw is not None:
            self.yaw = yaw
        x1 = self.x if to is None else to
        x1 = self.x + (x1 - self.x) * (t1 - t0) / length
        if t1 > t0:
            self.track.body.append(
                Body(t0, t1, self.stage, name, label, length, self.x, x1, self.z, self.yaw)
            )
            self.balance.add(label, t1 - t0)
        self.t, self.x = t1, x1
        return t0, t1

    def near(self) -> str:
        return "R" if self.yaw >= 0 else "L"

    def arms(self, name: str, label: str | None, t0: float, t1: float, held: str = "",
             swap: float = -1.0) -> None:  # fmt: skip
        t1 = min(t1, self.until)
        if t1 > t0:
            self.track.arms.append(Arms(t0, t1, name, label, self.near(), held, swap))
            self.balance.add(label, t1 - t0)

    def fill(self, t0: float, t1: float, allowed: tuple[str, ...], busy: float = 0.72) -> None:
        """Movements of the arms during a body motion, with pauses."""
        t = t0 + (self.uniform(0.2, 1.2) if self.rng.random() < 0.5 else 0.0)
        while t1 - t > 1.3:
            if self.rng.random() > busy:
                t += self.uniform(0.8, 2.5)
                continue
            name = self.balance.choose([(a, 1.0) for a in allowed])
            length = min(self.uniform(2.0, 6.0), t1 - t)
            held = _HELD.get(name, ("",))
            self.arms(name, name, t, t + length, held[int(self.rng.integers(len(held)))])
            t += length

    def sideways(self) -> float:
        return self.uniform(1.0, 1.5) * (1 if self.rng.random() < 0.5 else -1)

    def any_way(self) -> float:
        kind = self.rng.random()
        if kind < 0.55:
            return self.uniform(-0.7, 0.7)
        if kind < 0.95:
            return self.sideways()
        return pi + self.uniform(-0.5, 0.5)

    def spot(self) -> float:
        return self.uniform(*self.zone)

    def walk_to(self, x: float, run: bool = False, held: str = "", free: bool = True) -> None:
        """Walk or run to a place, doing something with the arms or carrying."""
        distance = abs(x - self.x)
        if distance < 0.15 or self.over:
            return
        pace = speed(self.look.stature, self.look.tempo, run)
        name, label = ("run", "running") if run else ("walk", "walking")
        t0, t1 = self.body(name, label, distance / pace, to=x, yaw=1.38 if x > self.x else -1.38)
        if held:
            self.arms("carrying", "carrying", t0, t1, held)
        elif free and run:
            self.fill(t0, t1, ("waving",), 0.15)
        elif free:
            self.fill(t0, t1, _WALKING, 0.6)

    def live(self) -> None:
        """Choose and do, until the stage's time is over."""
        while not self.over:
            self.step()

    def step(self) -> None:
        options = [
            ("standing", 8.0), ("walking", 5.0), ("running", 1.0), ("kneeling", 0.8),
            ("squatting", 0.8), ("bending", 0.7), ("bowing", 0.7), ("lying", 0.5),
            ("crawling", 0.6), ("jumping", 0.8), ("dancing", 0.8), ("kicking", 0.8),
            ("picking", 0.7), ("throwing", 0.6), ("rest", 0.35),
        ]  # fmt: skip
        if self.chair is not None:
            options.append(("sitting", 3.0))
        if self.stays:
            options = [o for o in options if o[0] not in ("running", "crawling")]
        else:
            options.append(("leaving", 0.5))
        getattr(self, f"do_{self.balance.choose(options)}")()

    def do_standing(self) -> None:
        t0, t1 = self.body("stand", "standing", self.uniform(3.5, 10), yaw=self.any_way())
        if abs(self.yaw) < 2:
            self.fill(t0, t1, _ON_FEET)

    def do_rest(self) -> None:
        self.body("rest", None, self.uniform(2, 5), yaw=self.any_way())

    def do_walking(self) -> None:
        for _ in range(int(self.rng.integers(1, 4))):
            self.walk_to(self.spot())

    def do_running(self) -> None:
        low, high = self.zone
        for _ in range(int(self.rng.integers(1, 4))):
            self.walk_to(high if self.x < (low + high) / 2 else low, run=True)

    def do_kneeling(self) -> None:
        t0, t1 = self.body("kneel", "kneeling", self.uniform(3.5, 7), yaw=self.sideways())
        self.fill(t0 + 0.8, t1 - 0.8, _KNEELING, 0.5)

    def do_squatting(self) -> None:
        t0, t1 = self.body("squat", "squatting", self.uniform(3, 6), yaw=self.sideways())
        self.fill(t0 + 0.7, t1 - 0.7, _SQUATTING, 0.35)

    def do_bending(self) -> None:
        self.body("bend", "bending", self.uniform(2.5, 5), yaw=self.sideways())

    def do_bowing(self) -> None:
        self.body("bow", "bowing", 1.9 * int(self.rng.integers(1, 4)), yaw=self.sideways())

    def do_lying(self) -> None:
        self.body("get_down", "gettingdown", self.uniform(1.8, 2.4), yaw=self.sideways())
        t0, t1 = self.body("lie", "lying", self.uniform(5, 14))
        self.fill(t0, t1, _LYING, 0.4)
        self.body("get_up", "gettingup", self.uniform(1.8, 2.4))

    def do_crawling(self) -> None:
        x = self.spot()
        length = self.uniform(3, 6)
        reach = max(-1.0, min(1.0, (x - self.x) / (0.35 * length))) * 0.35 * length
        self.body("crawl", "crawling", length, to=self.x + reach, yaw=1.35 if reach > 0 else -1.35)

    def do_jumping(self) -> None:
        self.body("jump", "jumping", self.uniform(2, 4.5), yaw=self.uniform(-0.9, 0.9))

    def do_dancing(self) -> None:
        self.body("dance", "dancing", self.uniform(4, 9), yaw=self.uniform(-0.6, 0.6))

    def do_kicking(self) -> None:
        self.body("kick", "kicking", self.uniform(2, 4), yaw=self.sideways())

    def do_sitting(self) -> None:
        chair = self.chair
        assert chair is not None
        self.walk_to(chair.x)
        self.body("sit_down", "sittingdown", self.uniform(1.1, 1.7), yaw=1.15 * chair.facing)
        t0, t1 = self.body("sit", "sitting", self.uniform(7, 30))
        self.fill(t0, t1, SEATED)
        self.body("stand_up", "standingup", self.uniform(1.1, 1.7))

    def do_throwing(self) -> None:
        yaw = self.sideways()
        t0, t1 = self.body("stand", "standing", self.uniform(1.5, 3.5) + 1.4, yaw=yaw)
        throw = max(t0, t1 - 1.4)
        self.arms("holding", "holding", t0, throw, "handball")
        self.arms("throwing", "throwing", throw, t1, "handball", throw + 0.68)

    def do_picking(self) -> None:
        if self.box is None:
            if self.stand is not None:
                x, lift = self.stand.x, self.stand.height
            else:
                x, lift = self.spot(), 0.0
            began = self.track.body[0].t0 if self.track.body else self.t
            if self.rests and any(r.owner == self.owner and r.stage == self.stage
                                  for r in self.rests):  # fmt: skip
                began = self.t
            began = next((b.t0 for b in self.track.body if b.stage == self.stage), began)
            self.box = Resting(began, 0.0, self.stage, self.owner, x, self.z, lift)
            self.rests.append(self.box)
        box = self.box
        side = 1 if self.x < box.x else -1
        self.walk_to(box.x - 0.48 * side)
        name = "reach_table" if box.lift > 0.1 else "reach_floor"
        length = self.uniform(1.6, 2.2)
        t0, t1 = self.body(name, None, length, yaw=1.3 * side)
        middle = t0 + length / 2
        box.t1 = min(middle, self.until) if not self.over else self.until
        self.arms("none", "picking", t0, t1, "box", middle)
        if self.over:
            return
        target = self.spot()
        for _ in range(int(self.rng.integers(1, 3))):
            if self.rng.random() < 0.5:
                s0, s1 = self.body("stand", "standing", self.uniform(1.5, 4), yaw=self.any_way())
                self.arms("carrying", "carrying", s0, s1, "box")
            self.walk_to(target, held="box")
            target = self.spot()
        if self.over:
            return
        side = 1 if self.yaw >= 0 else -1
        on_stand = self.stand is not None and self.rng.random() < 0.6
        if on_stand:
            assert self.stand is not None
            side = 1 if self.x < self.stand.x else -1
            self.walk_to(self.stand.x - 0.48 * side, held="box")
        name = "reach_table" if on_stand else "reach_floor"
        length = self.uniform(1.6, 2.2)
        t0, t1 = self.body(name, None, length, yaw=1.3 * side)
        if t1 <= t0:
            return
        middle = t0 + length / 2
        self.arms("none", "putting", t0, t1, "box", middle)
        lift = self.stand.height if on_stand and self.stand is not None else 0.0
        self.box = Resting(middle, self.until, self.stage, self.owner, self.x + 0.48 * side,
                           self.z, lift)  # fmt: skip
        if middle < self.until:
            self.rests.append(self.box)

    def do_leaving(self) -> None:
        edge = -OFFSTAGE if self.x < self.width / 2 else self.width + OFFSTAGE
        start = self.t
        self.walk_to(edge, run=bool(self.rng.random() < 0.15))
        self._mark(start, self.t, "leaving")
        self.body("stand", None, self.uniform(3, 12))
        self.enter()

    def enter(self) -> None:
        """Come in from beyond the edge."""
        start = self.t
        self.walk_to(self.spot(), run=bool(self.rng.random() < 0.15))
        self._mark(start, self.t, "entering")

    def _mark(self, t0: float, t1: float, label: str) -> None:
        """Label the part of a walk within 1.8 m of the place's edge."""
        for body in self.track.body:
            if body.t0 < t0 - 1e-9 or body.t1 > t1 + 1e-9 or body.x0 == body.x1:
                continue
            rate = (body.x1 - body.x0) / (body.t1 - body.t0)
            outside = body.x0 if label == "entering" else body.x1
            edge = 0.0 if outside < self.width / 2 else self.width
            inner = edge + (1.8 if edge == 0.0 else -1.8)
            a, b = sorted((body.t0 + (x - body.x0) / rate) for x in (edge, inner))
            a, b = max(a, body.t0), min(b, body.t1)
            if b > a:
                self.track.marks.append(Mark(a, b, label))
                self.balance.add(label, b - a)
