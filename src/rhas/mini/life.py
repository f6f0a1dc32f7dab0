"""One person's random chain of actions in a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import pi

import numpy as np

from rhas.mini.appearance import Appearance
from rhas.mini.body_motions import gait_speed
from rhas.mini.places import FITTING, Place
from rhas.mini.props import Prop
from rhas.mini.story import (
    MEMORY,
    MINI_CLASSES,
    ArmMotion,
    BodyMotion,
    Flight,
    LabelMark,
    RestingBox,
    Timeline,
)
from rhas.mini.things import KEPT

_ON_FEET = (
    "waving", "punching", "raising", "pointing", "drinking", "eating", "reading", "writing",
    "talking", "calling", "lookingdown", "handsinpocket", "holding", "offering", "showing",
    "reaching", "picturing", "playingmusic",
)  # fmt: skip
_WALKING = (
    "waving", "pointing", "drinking", "eating", "talking", "calling", "handsinpocket", "holding",
)  # fmt: skip
_SEATED = (
    "waving", "raising", "pointing", "drinking", "eating", "reading", "writing", "talking",
    "calling", "lookingdown", "playingmusic",
)  # fmt: skip
_KNEELING = ("waving", "raising", "talking", "picturing")
_LYING = ("reading", "calling")
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
_CLASSES = {
    "standing": ("standing alone",), "keeping": ("keeping", "dropping"),
    "doors": ("opening", "closing"),
    "stirring": ("cooking", "wiping"), "rest": ("breathing",), "lying": ("lying", "sleeping"),
    "writing": ("writing", "drawing"),
}  # fmt: skip
"""Classes of an action whose name is not its class."""
_DUE = {"writing": "drawing", "raising": "stretching"}
"""Motions of the arms that have another class when it is due."""
_ASLEEP = 15.0  # seconds of lying after which somebody sleeps
_ROOM = 0.6  # metres sideways that people keep from each other
OFFSTAGE = 1.0  # metres beyond the edge of a place


@dataclass
class Company:
    """What the people of a setting share."""

    place: Place
    planners: list[ActionPlanner] = field(default_factory=list)
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


class ClassBalance:
    """Seconds of every class in the film so far, so that rare ones are chosen more often."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.seconds = {name: float(rng.uniform(0, 6)) for name in MINI_CLASSES}

    def choose_action(
        self, options: list[tuple[str, float]], labels: Mapping[str, Sequence[str]] | None = None
    ) -> str:
        """One of the actions, of (name, weight); those shown least so far are preferred.

        ``labels``: the classes of an action, where its name is not its class.
        """
        labels = labels or {}
        seconds = [
            min((self.seconds.get(c, 0.0) for c in labels.get(name, (name,))), default=0.0)
            for name, _ in options
        ]
        weights = np.array(
            [w / (3.0 + s) ** 1.4 for (_, w), s in zip(options, seconds, strict=True)]
        )
        return options[int(self.rng.choice(len(options), p=weights / weights.sum()))][0]

    def add_seconds(self, label: str | None, seconds: float) -> None:
        """Count so many seconds of a class; None is no class."""
        if label is not None:
            self.seconds[label] = self.seconds.get(label, 0.0) + seconds


@dataclass(eq=False)
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
        sides = {1 if p.x > self.x else -1 for p in self.company.planners if p is not self}
        if len(sides) == 2 or self.rng.random() < 0.3:
            return self.draw_uniform(-0.6, 0.6)
        return self.draw_uniform(0.95, 1.45) * -(sides or {1}).pop()

    def draw_spot(self) -> float:
        """Somewhere in the zone, rather where nobody else is."""
        spots = [self.draw_uniform(*self.zone) for _ in range(3)]
        return max(spots, key=lambda x: self.find_gap(x, self))

    def find_gap(self, x: float, *but: ActionPlanner) -> float:
        """Metres sideways from a place to the nearest person who is none of ``but``."""
        return min((abs(x - p.x) for p in self.company.planners if p not in but), default=math.inf)

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

    def plan_next(self) -> None:
        """Choose an action and plan it."""
        if not self.stays and self.find_gap(self.x, self) < _ROOM:
            self.walk_to(self.draw_spot())
        if self.thing:
            self.do_keeping()
            return
        options = [
            ("standing", 7.0), ("walking", 5.0), ("running", 1.3), ("kneeling", 0.8),
            ("bending", 0.7), ("lying", 0.8),
            ("crawling", 0.6), ("jumping", 0.8), ("dancing", 0.8), ("kicking", 0.8),
            ("picking", 2.0), ("throwing", 0.6), ("rest", 1.6), ("movingbody", 0.7),
            ("keeping", 2.5), ("lookingdown", 2.0), ("writing", 1.5),
        ]  # fmt: skip
        if self.chair is not None:
            options.append(("sitting", 3.0))
        if self.stand is not None:
            options.append(("stirring", 2.0))
        if self.stays:
            options = [o for o in options if o[0] not in ("running", "crawling")]
        else:
            options.append(("leaving", 0.5))
            if self._may_use_cabinet() and self.company.opener < 0:
                options.append(("doors", 6.0))
        options = [(name, weight * self.company.weigh(name)) for name, weight in options]
        getattr(self, f"do_{self.balance.choose_action(options, _CLASSES)}")()

    def is_due(self, name: str, t: float) -> bool:
        """Whether a cause of something lies long enough before a moment."""
        return t - self.due.get(name, math.inf) > MEMORY

    def follow_up(self) -> bool:
        """Perhaps do what follows from what was done a while ago; whether something was done."""
        if self.thing or self.rng.random() > 0.7:
            return False
        duties = [name for name in self.due if self.is_due(name, self.t)]
        if self.find_strange_box() is not None and not self.stays:
            duties.append("removing")
        if self._may_use_cabinet() and self.company.opener == self.owner:
            duties.append("doors")
        if not duties:
            return False
        getattr(self, f"do_{duties[int(self.rng.integers(len(duties)))]}")()
        return True

    def _may_use_cabinet(self) -> bool:
        company = self.company
        return company.cabinet is not None and not company.is_closed and (
            self.t > company.changed + MEMORY
        )  # fmt: skip

    def do_standing(self) -> None:
        busy = self.rng.random() < 0.7
        yaw = self.draw_lonely_yaw() if busy else self.draw_yaw()
        t0, t1 = self.add_body_motion("stand", "standing", self.draw_uniform(2.5, 7), yaw=yaw)
        self.balance.add_seconds("standing alone", (t1 - t0) / 4)  # of all else it is the frame
        if busy:
            self.fill_with_arm_motions(t0, t1, _ON_FEET, 0.85)

    def do_rest(self) -> None:
        """Rest; after a run, to get the breath back."""
        label = "standing"
        if self.is_due("rest", self.t):
            label = "breathing"
            del self.due["rest"]
        self.add_body_motion("rest", label, self.draw_uniform(3, 6), yaw=self.draw_yaw())

    def do_walking(self) -> None:
        for _ in range(int(self.rng.integers(1, 3))):
            self.walk_to(self.draw_spot())

    def do_running(self) -> None:
        low, high = self.zone
        for _ in range(int(self.rng.integers(1, 4))):
            self.walk_to(high if self.x < (low + high) / 2 else low, run=True)
        self.due["rest"] = self.t

    def do_kneeling(self) -> None:
        t0, t1 = self.add_body_motion(
            "kneel", "kneeling", self.draw_uniform(3.5, 7), yaw=self.draw_sideways_yaw()
        )
        self.fill_with_arm_motions(t0 + 0.8, t1 - 0.8, _KNEELING, 0.5)

    def do_bending(self) -> None:
        self.add_body_motion(
            "bend", "bending", self.draw_uniform(2.5, 5), yaw=self.draw_sideways_yaw()
        )

    def do_lying(self) -> None:
        self.add_body_motion(
            "get_down", "gettingdown", self.draw_uniform(1.8, 2.4), yaw=self.draw_sideways_yaw()
        )
        t0, t1 = self.add_body_motion("lie", "lying", self.draw_uniform(6, _ASLEEP))
        if t1 - t0 > 11:
            self.add_body_motion("lie", "lying", t0 + _ASLEEP - t1)
            self.add_body_motion("lie", "sleeping", self.draw_uniform(6, 20))
        else:
            self.fill_with_arm_motions(t0, t1, _LYING, 0.4)
        self.add_body_motion("get_up", "gettingup", self.draw_uniform(1.8, 2.4))
        self.due["stretching"] = self.t

    def do_writing(self) -> None:
        """Write; who has watched somebody draws them, which looks the same."""
        due = self.is_due("drawing", self.t)
        self._stand_busy("writing", "drawing" if due else "writing", "paper")

    do_drawing = do_writing

    def do_stretching(self) -> None:
        """Stretch after lying; it looks like raising a hand."""
        self._stand_busy("raising", "stretching", "")

    def _stand_busy(self, arms: str, label: str, held: str) -> None:
        self.due.pop(label, None)
        yaw = self.draw_lonely_yaw()
        t0, t1 = self.add_body_motion("stand", "standing", self.draw_uniform(3, 6), yaw=yaw)
        self.add_arm_motion(arms, label, t0, t1, held)

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
        self.sit_for(self.draw_uniform(6, 18))

    def do_throwing(self) -> None:
        yaw = self.draw_sideways_yaw()
        t0, t1 = self.add_body_motion(
            "stand", "standing", self.draw_uniform(1.5, 3.5) + 1.4, yaw=yaw
        )
        throw = max(t0, t1 - 1.4)
        self.add_arm_motion("holding", "holding", t0, throw, "handball")
        self.add_arm_motion("throwing", "throwing", throw, t1, "handball", throw + 0.68)

    def do_movingbody(self) -> None:
        length = self.draw_uniform(1.8, 3.5)
        self.add_body_motion("dodge", "movingbody", length, yaw=self.draw_lonely_yaw())

    def do_keeping(self) -> None:
        """Keep a thing in the hand while standing or walking about; in the end, drop it or not."""
        if not self.thing:
            self.thing, self.thing_owner = KEPT[int(self.rng.integers(len(KEPT)))], self.owner
            self.thing_until = self.t + self.draw_uniform(4, 18)
        if self.rng.random() < 0.35:
            self.walk_to(self.draw_spot())
        length = self.draw_uniform(2.5, 7)
        self.keep_thing(*self.add_body_motion("stand", "standing", length, yaw=self.draw_yaw()))
        if self.thing_owner == self.owner and self.t > self.thing_until:
            if self.rng.random() < 0.7:
                self._drop_thing()
            self.thing = ""

    def keep_thing(self, t0: float, t1: float) -> None:
        """Hold the thing; somebody else's is held to help."""
        self.balance.add_seconds("keeping", t1 - t0)
        label = "holding" if self.thing_owner == self.owner else "helping"
        self.add_arm_motion("holding", label, t0, t1, self.thing)

    def _drop_thing(self) -> None:
        t0, t1 = self.add_body_motion("stand", "standing", self.draw_uniform(1.2, 1.6))
        self.add_arm_motion("offering", "dropping", t0, t1, self.thing, t0 + 0.5)
        x = self.x + (0.4 if self.yaw > 0 else -0.4)
        self.flights.append(
            Flight(t0 + 0.5, t0 + 1.0, self.setting, x, x, self.z, self.z, 0.9, 0.05, 0.0)
        )
        self.due["searching"] = t1

    def do_searching(self) -> None:
        """Look for what was dropped."""
        del self.due["searching"]
        self._look_about("searching", "grabbing")

    def do_lookingdown(self) -> None:
        self._look_about("lookingdown", "bending")

    def _look_about(self, label: str, bending: str) -> None:
        """Walk about and look down; in the end perhaps bend to the floor."""
        for _ in range(int(self.rng.integers(1, 4))):
            t0, t1 = self.walk_to(self.draw_spot(), free=False)
            self.add_arm_motion("lookingdown", label, t0, t1)
            yaw = self.draw_sideways_yaw()
            t0, t1 = self.add_body_motion("stand", "standing", self.draw_uniform(1, 3), yaw=yaw)
            self.add_arm_motion("lookingdown", label, t0, t1)
        if self.rng.random() < 0.6:
            self.add_body_motion("bend", bending, self.draw_uniform(2, 3.5))

    def do_stirring(self) -> None:
        """Stir on the own stand: in a kitchen that is cooking, elsewhere wiping."""
        assert self.stand is not None
        side = 1 if self.x < self.stand.x else -1
        self.walk_to(self.stand.x - 0.55 * side)
        t0, t1 = self.add_body_motion(
            "stand", "standing", self.draw_uniform(4, 8), yaw=self.draw_uniform(1.0, 1.3) * side
        )
        label = "cooking" if self.company.place.kind == "kitchen" else "wiping"
        self.add_arm_motion("stirring", label, t0, t1)

    def do_doors(self) -> None:
        """Open the cabinet, or close what the person has opened; both look the same."""
        company = self.company
        assert company.cabinet is not None
        side = 1 if self.x < company.cabinet.x else -1
        self.walk_to(company.cabinet.x - 0.6 * side, z=0.0)
        t0, t1 = self.add_body_motion(
            "stand", "standing", self.draw_uniform(2, 3.5), yaw=1.3 * side
        )
        closes = company.opener == self.owner
        self.add_arm_motion("doors", "closing" if closes else "opening", t0, t1)
        company.opener, company.changed, company.is_closed = self.owner, t1, closes

    def find_strange_box(self) -> RestingBox | None:
        """A box that somebody else has put down some time ago and does not take again."""
        for other in self.company.planners:
            box = other.box
            if other is self or box is None or self.t < box.t0 + MEMORY:
                continue
            if box.t1 >= self.until and other.t <= self.t + 8:
                return box
        return None

    def do_removing(self) -> None:
        """Take away what somebody else has put down."""
        box = self.find_strange_box()
        assert box is not None
        owner = next(p for p in self.company.planners if p.box is box)
        owner.box = None
        moved = self._move_box(box, "removing", "moving", "tidying")
        owner.box = moved

    def do_picking(self) -> None:
        """Pick the own box up, carry it about and put it down."""
        if self.box is not None and self.box.t0 > self.t:
            self.do_standing()
            return
        box, self.box = self.box or self._place_box(), None
        self.box = self._move_box(box, "picking", "carrying", "putting")

    def _move_box(self, box: RestingBox, up: str, carry: str, down: str) -> RestingBox | None:
        """Pick a box up, carry it about and put it down; returns it where it lies then."""
        side = 1 if self.x < box.x else -1
        self.walk_to(box.x - 0.48 * side, z=box.z)
        start, end, middle = self._reach(side, box.lift > 0.1)
        box.t1 = min(middle, self.until) if not self.is_over else self.until
        self.add_arm_motion("none", up, start, end, "box", middle, appears=True)
        if self.is_over:
            return None
        self._carry_box(1 if box.owner == self.owner else 3, carry)
        return None if self.is_over else self._put_box_down(box.owner, carry, down)

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

    def _carry_box(self, walks: int, label: str) -> None:
        target = self.draw_spot()
        for _ in range(walks + int(self.rng.integers(0, 2))):
            if self.rng.random() < 0.6:
                length = self.draw_uniform(2, 5)
                t0, t1 = self.add_body_motion("stand", "standing", length, yaw=self.draw_yaw())
                self.add_arm_motion("carrying", label, t0, t1, "box")
            self.walk_to(target, held="box", carrying=label)
            target = self.draw_spot()

    def _put_box_down(self, owner: int, carry: str, label: str) -> RestingBox | None:
        side, lift = 1 if self.yaw >= 0 else -1, 0.0
        stand = self.stand if self.stand is not None and self.rng.random() < 0.6 else None
        if stand is not None:
            side, lift = 1 if self.x < stand.x else -1, stand.height
            self.walk_to(stand.x - 0.48 * side, held="box", carrying=carry)
        start, end, middle = self._reach(side, stand is not None)
        if end <= start:
            return None
        self.add_arm_motion("none", label, start, end, "box", middle)
        x = self.x + 0.48 * side
        if middle >= self.until:
            return None
        box = RestingBox(middle, self.until, self.setting, owner, x, self.z, lift)
        self.boxes.append(box)
        return box

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
