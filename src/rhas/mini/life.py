"""One person's random chain of actions in a setting."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from rhas.mini.appearance import Appearance
from rhas.mini.body_motions import gait_speed
from rhas.mini.props import Prop
from rhas.mini.story import MINI_CLASSES, ArmMotion, BodyMotion, LabelMark, RestingBox, Timeline

_ON_FEET = (
    "waving", "raising", "stretching", "pointing", "clapping", "drinking", "eating", "reading",
    "writing", "talking", "calling", "lookingdown", "handsinpocket", "holding", "picturing",
    "playingmusic",
)  # fmt: skip
_WALKING = (
    "waving", "pointing", "drinking", "eating", "talking", "calling", "lookingdown",
    "handsinpocket", "holding",
)  # fmt: skip
_SEATED = (
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


class ClassBalance:
    """Seconds of every class in the film so far, so that rare ones are chosen more often."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.seconds = {name: float(rng.uniform(0, 6)) for name in MINI_CLASSES}

    def choose_action(self, options: list[tuple[str, float]]) -> str:
        """One of the actions, of (name, weight); those shown least so far are preferred."""
        weights = np.array([w / (3.0 + self.seconds.get(name, 0.0)) ** 1.4 for name, w in options])
        return options[int(self.rng.choice(len(options), p=weights / weights.sum()))][0]

    def add_seconds(self, label: str | None, seconds: float) -> None:
        """Count so many seconds of a class; None is no class."""
        if label is not None:
            self.seconds[label] += seconds


@dataclass
class ActionPlanner:
    """Plans what one person does in one setting."""

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
    owner: int
    """The person's number."""
    stays: bool
    """Whether the person never leaves the zone."""
    yaw: float = 0.0
    box: RestingBox | None = None
    """The person's own box, where it is."""

    def draw_uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    @property
    def is_over(self) -> bool:
        return self.t >= self.until - 1e-6

    def add_body_motion(
        self, name: str, label: str | None, length: float, *, to: float | None = None,
        yaw: float | None = None,
    ) -> tuple[float, float]:  # fmt: skip
        """Append a body motion; returns its start and end."""
        t0, t1 = self.t, min(self.until, self.t + length)
        if yaw is not None:
            self.yaw = yaw
        x1 = self.x if to is None else to
        x1 = self.x + (x1 - self.x) * (t1 - t0) / length
        if t1 > t0:
            self.timeline.body.append(
                BodyMotion(t0, t1, self.setting, name, label, length, self.x, x1, self.z, self.yaw)
            )
            self.balance.add_seconds(label, t1 - t0)
        self.t, self.x = t1, x1
        return t0, t1

    def find_acting_hand(self) -> str:
        return "R" if self.yaw >= 0 else "L"

    def add_arm_motion(
        self, name: str, label: str | None, t0: float, t1: float, held: str = "",
        swap: float = -1.0,
    ) -> None:  # fmt: skip
        """Append a movement of the arms."""
        t1 = min(t1, self.until)
        if t1 > t0:
            self.timeline.arms.append(
                ArmMotion(t0, t1, name, label, self.find_acting_hand(), held, swap)
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
            name = self.balance.choose_action([(a, 1.0) for a in allowed])
            length = min(self.draw_uniform(2.0, 6.0), t1 - t)
            held = _HELD.get(name, ("",))
            self.add_arm_motion(name, name, t, t + length, held[int(self.rng.integers(len(held)))])
            t += length

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

    def draw_spot(self) -> float:
        return self.draw_uniform(*self.zone)

    def walk_to(self, x: float, run: bool = False, held: str = "", free: bool = True) -> None:
        """Walk or run to a place, doing something with the arms or carrying."""
        distance = abs(x - self.x)
        if distance < 0.15 or self.is_over:
            return
        pace = gait_speed(self.appearance.stature, self.appearance.tempo, run)
        name, label = ("run", "running") if run else ("walk", "walking")
        t0, t1 = self.add_body_motion(
            name, label, distance / pace, to=x, yaw=1.38 if x > self.x else -1.38
        )
        if held:
            self.add_arm_motion("carrying", "carrying", t0, t1, held)
        elif free and run:
            self.fill_with_arm_motions(t0, t1, ("waving",), 0.15)
        elif free:
            self.fill_with_arm_motions(t0, t1, _WALKING, 0.6)

    def begin(self, may_enter: bool) -> None:
        """Perhaps come in from beyond the edge, or sit at first."""
        start = self.rng.random()
        if start < 0.22 and may_enter:
            self.x = -OFFSTAGE if self.rng.random() < 0.5 else self.width + OFFSTAGE
            self.add_body_motion("stand", None, self.draw_uniform(1, 9))
            self.enter_setting()
        elif start < 0.45 and self.chair is not None:
            self.x = self.chair.x
            self.sit_for(self.draw_uniform(4, 18), yaw=1.15 * self.chair.facing)

    def sit_for(self, seconds: float, yaw: float | None = None) -> None:
        """Sit, busy with the arms, and stand up."""
        t0, t1 = self.add_body_motion("sit", "sitting", seconds, yaw=yaw)
        self.fill_with_arm_motions(t0, t1, _SEATED)
        self.add_body_motion("stand_up", "standingup", self.draw_uniform(1.1, 1.7))

    def plan_all(self) -> None:
        """Choose and do, until the act is over."""
        while not self.is_over:
            self.plan_next()

    def plan_next(self) -> None:
        """Choose an action and plan it."""
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
        getattr(self, f"do_{self.balance.choose_action(options)}")()

    def do_standing(self) -> None:
        t0, t1 = self.add_body_motion(
            "stand", "standing", self.draw_uniform(3.5, 10), yaw=self.draw_yaw()
        )
        if abs(self.yaw) < 2:
            self.fill_with_arm_motions(t0, t1, _ON_FEET)

    def do_rest(self) -> None:
        self.add_body_motion("rest", None, self.draw_uniform(2, 5), yaw=self.draw_yaw())

    def do_walking(self) -> None:
        for _ in range(int(self.rng.integers(1, 4))):
            self.walk_to(self.draw_spot())

    def do_running(self) -> None:
        low, high = self.zone
        for _ in range(int(self.rng.integers(1, 4))):
            self.walk_to(high if self.x < (low + high) / 2 else low, run=True)

    def do_kneeling(self) -> None:
        t0, t1 = self.add_body_motion(
            "kneel", "kneeling", self.draw_uniform(3.5, 7), yaw=self.draw_sideways_yaw()
        )
        self.fill_with_arm_motions(t0 + 0.8, t1 - 0.8, _KNEELING, 0.5)

    def do_squatting(self) -> None:
        t0, t1 = self.add_body_motion(
            "squat", "squatting", self.draw_uniform(3, 6), yaw=self.draw_sideways_yaw()
        )
        self.fill_with_arm_motions(t0 + 0.7, t1 - 0.7, _SQUATTING, 0.35)

    def do_bending(self) -> None:
        self.add_body_motion(
            "bend", "bending", self.draw_uniform(2.5, 5), yaw=self.draw_sideways_yaw()
        )

    def do_bowing(self) -> None:
        self.add_body_motion(
            "bow", "bowing", 1.9 * int(self.rng.integers(1, 4)), yaw=self.draw_sideways_yaw()
        )

    def do_lying(self) -> None:
        self.add_body_motion(
            "get_down", "gettingdown", self.draw_uniform(1.8, 2.4), yaw=self.draw_sideways_yaw()
        )
        t0, t1 = self.add_body_motion("lie", "lying", self.draw_uniform(5, 14))
        self.fill_with_arm_motions(t0, t1, _LYING, 0.4)
        self.add_body_motion("get_up", "gettingup", self.draw_uniform(1.8, 2.4))

    def do_crawling(self) -> None:
        x = self.draw_spot()
        length = self.draw_uniform(3, 6)
        reach = max(-1.0, min(1.0, (x - self.x) / (0.35 * length))) * 0.35 * length
        self.add_body_motion(
            "crawl", "crawling", length, to=self.x + reach, yaw=1.35 if reach > 0 else -1.35
        )

    def do_jumping(self) -> None:
        self.add_body_motion(
            "jump", "jumping", self.draw_uniform(2, 4.5), yaw=self.draw_uniform(-0.9, 0.9)
        )

    def do_dancing(self) -> None:
        self.add_body_motion(
            "dance", "dancing", self.draw_uniform(4, 9), yaw=self.draw_uniform(-0.6, 0.6)
        )

    def do_kicking(self) -> None:
        self.add_body_motion(
            "kick", "kicking", self.draw_uniform(2, 4), yaw=self.draw_sideways_yaw()
        )

    def do_sitting(self) -> None:
        chair = self.chair
        assert chair is not None
        self.walk_to(chair.x)
        self.add_body_motion(
            "sit_down", "sittingdown", self.draw_uniform(1.1, 1.7), yaw=1.15 * chair.facing
        )
        self.sit_for(self.draw_uniform(7, 30))

    def do_throwing(self) -> None:
        yaw = self.draw_sideways_yaw()
        t0, t1 = self.add_body_motion(
            "stand", "standing", self.draw_uniform(1.5, 3.5) + 1.4, yaw=yaw
        )
        throw = max(t0, t1 - 1.4)
        self.add_arm_motion("holding", "holding", t0, throw, "handball")
        self.add_arm_motion("throwing", "throwing", throw, t1, "handball", throw + 0.68)

    def do_picking(self) -> None:
        """Pick the own box up, carry it about and put it down."""
        box = self.box or self._place_box()
        side = 1 if self.x < box.x else -1
        self.walk_to(box.x - 0.48 * side)
        start, end, middle = self._reach(side, box.lift > 0.1)
        box.t1 = min(middle, self.until) if not self.is_over else self.until
        self.add_arm_motion("none", "picking", start, end, "box", middle)
        if not self.is_over:
            self._carry_box()
        if not self.is_over:
            self._put_box_down()

    def _place_box(self) -> RestingBox:
        """A box of the person's own, there since the person came into the setting."""
        if self.stand is not None:
            x, lift = self.stand.x, self.stand.height
        else:
            x, lift = self.draw_spot(), 0.0
        here = (b.t0 for b in self.timeline.body if b.setting == self.setting)
        box = RestingBox(next(here, self.t), 0.0, self.setting, self.owner, x, self.z, lift)
        self.boxes.append(box)
        return box

    def _reach(self, side: int, on_stand: bool) -> tuple[float, float, float]:
        """Bend to a stand or the floor; returns start, end and the moment the hands are there."""
        length = self.draw_uniform(1.6, 2.2)
        name = "reach_table" if on_stand else "reach_floor"
        start, end = self.add_body_motion(name, None, length, yaw=1.3 * side)
        return start, end, start + length / 2

    def _carry_box(self) -> None:
        target = self.draw_spot()
        for _ in range(int(self.rng.integers(1, 3))):
            if self.rng.random() < 0.5:
                length = self.draw_uniform(1.5, 4)
                t0, t1 = self.add_body_motion("stand", "standing", length, yaw=self.draw_yaw())
                self.add_arm_motion("carrying", "carrying", t0, t1, "box")
            self.walk_to(target, held="box")
            target = self.draw_spot()

    def _put_box_down(self) -> None:
        side, lift = 1 if self.yaw >= 0 else -1, 0.0
        stand = self.stand if self.stand is not None and self.rng.random() < 0.6 else None
        if stand is not None:
            side, lift = 1 if self.x < stand.x else -1, stand.height
            self.walk_to(stand.x - 0.48 * side, held="box")
        start, end, middle = self._reach(side, stand is not None)
        if end <= start:
            return
        self.add_arm_motion("none", "putting", start, end, "box", middle)
        x = self.x + 0.48 * side
        self.box = RestingBox(middle, self.until, self.setting, self.owner, x, self.z, lift)
        if middle < self.until:
            self.boxes.append(self.box)

    def do_leaving(self) -> None:
        edge = -OFFSTAGE if self.x < self.width / 2 else self.width + OFFSTAGE
        start = self.t
        self.walk_to(edge, run=bool(self.rng.random() < 0.15))
        self._add_mark(start, self.t, "leaving")
        self.add_body_motion("stand", None, self.draw_uniform(3, 12))
        self.enter_setting()

    def enter_setting(self) -> None:
        """Come in from beyond the edge."""
        start = self.t
        self.walk_to(self.draw_spot(), run=bool(self.rng.random() < 0.15))
        self._add_mark(start, self.t, "entering")

    def _add_mark(self, t0: float, t1: float, label: str) -> None:
        """Label the part of a walk within 1.8 m of the place's edge."""
        for body in self.timeline.body:
            if body.t0 < t0 - 1e-9 or body.t1 > t1 + 1e-9 or body.x0 == body.x1:
                continue
            rate = (body.x1 - body.x0) / (body.t1 - body.t0)
            outside = body.x0 if label == "entering" else body.x1
            edge = 0.0 if outside < self.width / 2 else self.width
            inner = edge + (1.8 if edge == 0.0 else -1.8)
            a, b = sorted((body.t0 + (x - body.x0) / rate) for x in (edge, inner))
            a, b = max(a, body.t0), min(b, body.t1)
            if b > a:
                self.timeline.marks.append(LabelMark(a, b, label))
                self.balance.add_seconds(label, b - a)
