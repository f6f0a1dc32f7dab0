"""One person's random chain of actions in a setting."""

from __future__ import annotations

from dataclasses import dataclass

from rhas.mini.boxes import BoxMover
from rhas.mini.story import MEMORY, Flight, LabelMark
from rhas.mini.things import KEPT

_ON_FEET = (
    "waving", "punching", "raising", "pointing", "drinking", "eating", "reading", "writing",
    "talking", "calling", "lookingdown", "handsinpocket", "holding", "offering", "showing",
    "reaching", "picturing", "playingmusic",
)  # fmt: skip
_SEATED = (
    "waving", "raising", "pointing", "drinking", "eating", "reading", "writing", "talking",
    "calling", "lookingdown", "playingmusic",
)  # fmt: skip
_KNEELING = ("waving", "raising", "talking", "picturing")
_LYING = ("reading", "calling")
_CLASSES = {
    "standing": ("standing alone",), "keeping": ("keeping", "dropping"),
    "doors": ("opening", "closing"),
    "stirring": ("cooking", "wiping"), "rest": ("breathing",), "lying": ("lying", "sleeping"),
    "writing": ("writing", "drawing"),
}  # fmt: skip
"""Classes of an action whose name is not its class."""
_ASLEEP = 15.0  # seconds of lying after which somebody sleeps
_ROOM = 0.6  # metres sideways that people keep from each other
OFFSTAGE = 1.0  # metres beyond the edge of a place


@dataclass(eq=False)
class ActionPlanner(BoxMover):
    """Plans what one person does in one setting."""

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

    def do_removing(self) -> None:
        """Take away what somebody else has put down."""
        box = self.find_strange_box()
        assert box is not None
        owner = next(p for p in self.company.people if p.box is box)
        owner.box = None
        moved = self.move_box(box, "removing", "moving", "tidying")
        owner.box = moved

    def do_picking(self) -> None:
        """Pick the own box up, carry it about and put it down."""
        if self.box is not None and self.box.t0 > self.t:
            self.do_standing()
            return
        box, self.box = self.box or self.place_box(), None
        self.box = self.move_box(box, "picking", "carrying", "putting")

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
