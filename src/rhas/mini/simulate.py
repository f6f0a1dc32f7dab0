"""Who does what, where and when: every person's own random chain of actions, and the shots.

A film is a sequence of acts. In an act the people are spread over one or two places, each living
their own chain of actions from its start to its end, filmed or not; shots cut between the places
and between views of them. Nothing here draws.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from math import pi

import numpy as np

from rhas.base.classes import CLASS_ID
from rhas.mini.appearance import Look, make_cast
from rhas.mini.motions import ARMS, BODY, MOUTH, Pose, smooth, speed
from rhas.mini.scenery import (
    Place,
    Prop,
    make_chair,
    make_foreground,
    make_place,
    make_stand,
    make_table,
)

MINI_CLASSES: tuple[str, ...] = tuple(
    sorted(
        (
            "standing", "walking", "running", "sitting", "sittingdown", "standingup", "kneeling",
            "squatting", "bending", "bowing", "lying", "gettingdown", "gettingup", "crawling",
            "jumping", "dancing", "kicking", "entering", "leaving", "picking", "putting",
            "carrying", "holding", "throwing", "waving", "raising", "stretching", "pointing",
            "clapping", "drinking", "eating", "reading", "writing", "talking", "calling",
            "lookingdown", "handsinpocket", "picturing", "playingmusic",
        ),
        key=CLASS_ID.__getitem__,
    )
)  # fmt: skip

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
_OFFSTAGE = 1.0  # metres beyond the edge of a place
BLEND = 0.3  # seconds from one movement to the next
_TURN = 0.45  # seconds of a turn


@dataclass(slots=True)
class Body:
    """A stretch of one body motion."""

    t0: float
    t1: float
    stage: int
    name: str
    label: str | None
    length: float
    """Full duration of the motion, also where the stretch is cut short."""
    x0: float
    x1: float
    z: float
    yaw: float


@dataclass(slots=True)
class Arms:
    """A stretch of one movement of arms and head."""

    t0: float
    t1: float
    name: str
    label: str | None
    side: str
    held: str
    swap: float = -1.0
    """Moment at which the held thing appears (picking) or goes (putting, throwing)."""


@dataclass(slots=True)
class Mark:
    """A label that belongs to neither track, as entering."""

    t0: float
    t1: float
    label: str


@dataclass(slots=True)
class Resting:
    """A box that nobody holds."""

    t0: float
    t1: float
    stage: int
    owner: int
    x: float
    z: float
    lift: float
    """Metres above the floor."""


@dataclass(slots=True)
class Track:
    """All that a person does in the film."""

    body: list[Body] = field(default_factory=list)
    arms: list[Arms] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    body_starts: list[float] = field(default_factory=list)
    arms_starts: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Stage:
    """A place during one act, with its furniture."""

    place: Place
    t0: float
    t1: float
    props: list[Prop] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    homes: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Shot:
    """One camera setup."""

    t0: float
    t1: float
    stage: int
    start: tuple[float, float]
    """Middle of the view in metres from the place's left edge, height of the view in metres."""
    end: tuple[float, float]
    follow: int
    """Person that the camera keeps in the picture, or -1."""
    shake: float
    """Amplitude of a hand-held camera in metres, 0 on a tripod."""


@dataclass(slots=True)
class Story:
    """Everything that happens in a film."""

    seconds: float
    aspect: float
    cast: list[Look]
    tracks: list[Track]
    stages: list[Stage]
    shots: list[Shot]
    rests: list[Resting]


class _Balance:
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


class _Life:
    """Plans one person's stay on one stage."""

    def __init__(
        self, rng: np.random.Generator, balance: _Balance, look: Look, track: Track, stage: int,
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
        self.fill(t0, t1, _SEATED)
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
        edge = -_OFFSTAGE if self.x < self.width / 2 else self.width + _OFFSTAGE
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


def _zones(count: int, width: float) -> list[tuple[float, float]]:
    """Strips side by side, with a gap, from left to right."""
    strip = (width - 1.0) / count
    return [(0.5 + strip * k + 0.22, 0.5 + strip * (k + 1) - 0.22) for k in range(count)]


def make_story(
    rng: np.random.Generator, seconds: float, aspect: float, *, sides: bool = False,
    persons: int | None = None,
) -> Story:  # fmt: skip
    """Invent a film.

    Args:
        rng: source of randomness.
        seconds: length.
        aspect: picture width / height.
        sides: include look-alikes who keep to their side of the picture.
        persons: size of the cast; None to draw it, 2 to 5.
    """
    if persons is None:
        persons = int(rng.choice([2, 3, 4, 5], p=[0.2, 0.35, 0.3, 0.15]))
        if sides:
            persons = int(rng.integers(2, 4))
    cast = make_cast(rng, persons, sides)
    view = 3.1
    width = max(4.2, 1.28 * view * aspect) if not sides else max(4.2, view * aspect)
    places = [make_place(rng, width) for _ in range(int(rng.integers(2, 5)))]
    story = Story(seconds, aspect, cast, [Track() for _ in cast], [], [], [])
    balance = _Balance(rng)
    t = 0.0
    last = -1
    while t < seconds - 1e-6:
        end = t + float(rng.uniform(35, 75))
        if seconds - end < 20:
            end = seconds
        end = min(end, seconds)
        last = _act(rng, story, balance, places, t, end, sides, last)
        t = end
    for track in story.tracks:
        track.body_starts = [b.t0 for b in track.body]
        track.arms_starts = [a.t0 for a in track.arms]
    return story


def _act(
    rng: np.random.Generator, story: Story, balance: _Balance, places: list[Place], t0: float,
    t1: float, sides: bool, last: int,
) -> int:  # fmt: skip
    """Plan one act; returns the index of the first place used."""
    count = len(story.cast)
    two = not sides and count >= 3 and len(places) > 1 and rng.random() < 0.55
    first = int(rng.integers(len(places)))
    if first == last:
        first = (first + 1) % len(places)
    chosen = [first]
    if two:
        chosen.append((first + 1 + int(rng.integers(len(places) - 1))) % len(places))
    numbers = []
    for place in chosen:
        numbers.append(len(story.stages))
        story.stages.append(Stage(places[place], t0, t1))
    for person in range(count):
        if sides or rng.random() < 0.93 or count <= 2:
            story.stages[numbers[int(rng.integers(len(numbers)))]].persons.append(person)
    numbers = [n for n in numbers if story.stages[n].persons]
    if not numbers:
        numbers = [len(story.stages) - 1]
        story.stages[-1].persons.append(int(rng.integers(count)))
    for number in numbers:
        _fill_stage(rng, story, balance, number, sides)
    _film_act(rng, story, numbers, t0, t1, sides)
    return first


def _fill_stage(
    rng: np.random.Generator, story: Story, balance: _Balance, number: int, sides: bool
) -> None:
    stage = story.stages[number]
    width, people = stage.place.width, stage.persons
    lanes = (np.arange(len(people)) + 0.5) / len(people) * 0.9 + 0.05
    lanes = lanes[rng.permutation(len(people))]
    if sides:

        def order(person: int) -> int:
            return {"left": 0, None: 1, "right": 2}[story.cast[person].attributes.side]

        strips = dict(zip(sorted(people, key=order), _zones(len(people), width), strict=True))
    slots = (np.arange(len(people)) + 0.5) / len(people) * (width - 1.6) + 0.8
    slots = slots[rng.permutation(len(people))]
    for k, person in enumerate(people):
        look, z = story.cast[person], float(lanes[k])
        zone = strips[person] if sides else (0.6, width - 0.6)
        home = float(np.mean(zone)) if sides else float(slots[k])
        stage.homes.append(home)
        chair = stand = None
        if rng.random() < 0.6:
            facing = 1 if rng.random() < 0.5 else -1
            seat = 0.25 * look.stature
            chair = make_chair(rng, home, z, facing, seat)
            stage.props.append(chair)
            if rng.random() < 0.45:
                stage.props.append(make_table(rng, home + 0.52 * facing, z + 0.04))
        elif rng.random() < 0.5 and not sides:
            stand = make_stand(rng, home, z + 0.02)
            stage.props.append(stand)
        life = _Life(rng, balance, look, story.tracks[person], number, stage.t1, zone, width, z,
                     chair, stand, story.rests, person, sides)  # fmt: skip
        life.t = stage.t0
        life.x = home + float(rng.uniform(-0.2, 0.2)) * (not sides)
        start = rng.random()
        if start < 0.22 and not sides:
            life.x = -_OFFSTAGE if rng.random() < 0.5 else width + _OFFSTAGE
            life.body("stand", None, float(rng.uniform(1, 9)))
            life.enter()
        elif start < 0.45 and chair is not None:
            life.x = chair.x
            a, b = life.body("sit", "sitting", float(rng.uniform(4, 18)), yaw=1.15 * chair.facing)
            life.fill(a, b, _SEATED)
            life.body("stand_up", "standingup", float(rng.uniform(1.1, 1.7)))
        life.live()
    if rng.random() < 0.3 and not sides:
        stage.props.append(make_foreground(rng, stage.place))


def _film_act(
    rng: np.random.Generator, story: Story, numbers: list[int], t0: float, t1: float, sides: bool
) -> None:
    t = t0
    now = numbers[int(rng.integers(len(numbers)))]
    before: tuple[float, float] | None = None
    while t < t1 - 1e-6:
        end = t + float(rng.uniform(5, 16))
        if t1 - end < 4:
            end = t1
        if before is not None and len(numbers) > 1 and rng.random() < 0.6:
            now = numbers[(numbers.index(now) + 1) % len(numbers)]
            before = None
        shot = _shot(rng, story, now, t, end, before, sides)
        if before is not None and not _jumps(before, shot.start):
            story.shots[-1].t1 = end  # a cut that nobody would see is none
        else:
            story.shots.append(shot)
        before = story.shots[-1].end
        t = end


def _jumps(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether the view changes so much that a cut is seen as one."""
    return abs(after[0] - before[0]) > 0.5 or abs(after[1] - before[1]) > 0.45


def _shot(
    rng: np.random.Generator, story: Story, number: int, t0: float, t1: float,
    before: tuple[float, float] | None, sides: bool,
) -> Shot:  # fmt: skip
    width = story.stages[number].place.width

    def clip(x: float, h: float) -> tuple[float, float]:
        half = min(h * story.aspect, width) / 2
        return min(max(x, half), width - half), h

    if sides:
        h = min(float(rng.uniform(2.85, 3.1)), width / story.aspect)
        centre = clip(width / 2, h)
        return Shot(t0, t1, number, centre, centre, -1, 0.0)
    best, most = None, -1.0
    for _ in range(5):
        shot = _candidate(rng, story, number, t0, t1, clip)
        seen = _people_seen(story, shot)
        if before is not None:
            seen -= 0.0 if _jumps(before, shot.start) else 0.6
        if seen > most or best is None:
            best, most = shot, seen
        if most >= 0.85:
            break
    assert best is not None
    return best


def _candidate(
    rng: np.random.Generator, story: Story, number: int, t0: float, t1: float,
    clip: Callable[[float, float], tuple[float, float]],
) -> Shot:  # fmt: skip
    stage = story.stages[number]
    width = stage.place.width
    portrait = story.aspect < 1
    widest = min(3.25, width / story.aspect)
    kind = rng.random()
    middle = (t0 + t1) / 2
    inside = [
        (p, at[1]) for p in stage.persons
        if (at := position(story.tracks[p], middle)) is not None and 0.3 < at[1] < width - 0.3
    ]  # fmt: skip
    target, x = -1, float(np.mean(stage.homes))
    if inside:
        target, middle_x = inside[int(rng.integers(len(inside)))]
        x = middle_x if portrait or kind > 0.4 else float(np.mean([x for _, x in inside]))
    if kind < 0.5:
        h = min(widest, float(rng.uniform(2.75, 3.25)))
    elif kind < 0.85:
        h = float(rng.uniform(2.25, 2.75))
    else:
        h = float(rng.uniform(1.75, 2.2))
    start = clip(x + float(rng.uniform(-0.5, 0.5)), h)
    end = start
    move = rng.random()
    if move < 0.18:  # pan
        end = clip(start[0] + float(rng.uniform(0.8, 2.2)) * (1 if rng.random() < 0.5 else -1), h)
    elif move < 0.36:  # zoom
        end = clip(start[0], min(widest, h * float(rng.choice([0.72, 0.8, 1.25, 1.38]))))
    wanted = 0.8 if portrait or kind > 0.85 else 0.3
    follow = target if rng.random() < wanted else -1
    shake = float(rng.uniform(0.01, 0.035)) if rng.random() < 0.3 else 0.0
    return Shot(t0, t1, number, start, end, follow, shake)


def _people_seen(story: Story, shot: Shot) -> float:
    """About how many people are in the picture, averaged over the shot."""
    count, moments = 0, 5
    for k in range(moments):
        u = (k + 0.5) / moments
        x = shot.start[0] + (shot.end[0] - shot.start[0]) * smooth(u)
        half = 0.45 * story.aspect * (shot.start[1] + (shot.end[1] - shot.start[1]) * smooth(u))
        for person in story.stages[shot.stage].persons:
            at = position(story.tracks[person], shot.t0 + u * (shot.t1 - shot.t0))
            if at is not None and (person == shot.follow or abs(at[1] - x) < half):
                count += 1
    return count / moments


def position(track: Track, t: float) -> tuple[int, float] | None:
    """Stage and x of a person, None where the person is nowhere."""
    body = _at(track, t)
    if body is None:
        return None
    x = (t - body.t0) / max(1e-9, body.t1 - body.t0)
    return body.stage, body.x0 + (body.x1 - body.x0) * x


def _at(track: Track, t: float) -> Body | None:
    starts = track.body_starts or [b.t0 for b in track.body]
    i = bisect_right(starts, t) - 1
    if i < 0 or t >= track.body[i].t1 + 1e-6:
        return None
    return track.body[i]


@dataclass(slots=True)
class State:
    """A person at one moment."""

    stage: int
    x: float
    z: float
    yaw: float
    pose: Pose
    held: str
    side: str
    hidden: bool
    """Hands in the pockets."""


def state_at(track: Track, look: Look, t: float, stage: int) -> State | None:
    """What a person looks like at a moment, None where not on that stage."""
    i = bisect_right(track.body_starts, t) - 1
    if i < 0:
        return None
    body = track.body[i]
    if body.stage != stage or t >= body.t1 + 1e-6:
        return None
    tempo = look.tempo
    since = t - body.t0
    share = since / max(1e-9, body.t1 - body.t0)
    x = body.x0 + (body.x1 - body.x0) * share
    pose = BODY[body.name](since, body.length, tempo)
    yaw = body.yaw
    before = track.body[i - 1] if i > 0 else None
    if before is not None and (before.stage != stage or body.t0 - before.t1 > 1e-6):
        before = None
    if before is not None and since < BLEND:
        old = BODY[before.name](t - before.t0, before.length, tempo)
        pose = old + (pose - old) * smooth(since / BLEND)
    if before is not None and since < _TURN:
        difference = (body.yaw - before.yaw + pi) % (2 * pi) - pi
        yaw = before.yaw + difference * smooth(since / _TURN)
    held, side, hidden = "", "R", False
    j = bisect_right(track.arms_starts, t) - 1
    if j >= 0:
        arms = track.arms[j]
        previous = track.arms[j - 1] if j > 0 else None
        active = t < arms.t1
        if active or t - arms.t1 < BLEND:
            begun = body.t0 <= arms.t0 + 1e-6 or before is not None
            if active:
                done = pose.copy()
                ARMS[arms.name](done, t - arms.t0, tempo, arms.side)
                if t - arms.t0 < BLEND and begun and arms.t0 > body.t0 - 5:
                    start = pose
                    if previous is not None and arms.t0 - previous.t1 < 1e-6:
                        start = pose.copy()
                        ARMS[previous.name](start, t - previous.t0, tempo, previous.side)
                    pose = start + (done - start) * smooth((t - arms.t0) / BLEND)
                else:
                    pose = done
                held, side = _held(arms, t), arms.side
                hidden = arms.name == "handsinpocket" and t - arms.t0 > 0.2
            elif body.t0 <= arms.t0 or since < BLEND:
                done = pose.copy()
                ARMS[arms.name](done, t - arms.t0, tempo, arms.side)
                pose = done + (pose - done) * smooth((t - arms.t1) / BLEND)
    yaw += float(pose[22])
    pose[MOUTH] = max(0.0, pose[MOUTH])
    return State(stage, x, body.z, yaw, pose, held, side, hidden)


def _held(arms: Arms, t: float) -> str:
    if arms.swap < 0:
        return arms.held
    after = t >= arms.swap
    return arms.held if after == (arms.label == "picking") else ""


def shot_at(story: Story, t: float) -> int:
    """Index of the shot that shows a moment."""
    starts = [s.t0 for s in story.shots]
    return max(0, bisect_right(starts, t + 1e-9) - 1)


def labelled(track: Track) -> list[tuple[str, float, float]]:
    """Every labelled stretch of a person's life, seen or not."""
    out = [(b.label, b.t0, b.t1) for b in track.body if b.label is not None]
    out += [(a.label, a.t0, a.t1) for a in track.arms if a.label is not None]
    out += [(m.label, m.t0, m.t1) for m in track.marks]
    return out
