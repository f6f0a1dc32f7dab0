"""The people of a setting: who does what alone, and who meets whom."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rhas.mini.life import ActionPlanner
from rhas.mini.meetings import HANDING, MEETINGS, Meeting, Phase, Role
from rhas.mini.skeleton import ARM
from rhas.mini.story import MEMORY, Flight, LabelMark
from rhas.mini.things import KEPT

_PATIENCE = 5.0  # seconds that somebody waits at most for the other one to be free
_REACTION = 0.4  # how often somebody does what follows from what another one did
_REACTIONS = {"talk": "talking", "hit": "hitting", "touch": "touching"}
_WRONGED = {"talking": "shouting", "hitting": "struggling"}
_SOCIABLE = 0.66  # how often somebody looks for a partner before doing something alone
_TO_OTHER = ("handshake", "offering", "reaching", "touching", "hugging", "pushing")
_SHOULDERS = 0.8  # height of the shoulders, in body heights
_FAR = 1.2  # metres; who meets at less comes into the other one's lane
_EDGE = 0.4  # metres from the edge of the place
_RELEASE, _CATCH = 0.68, 1.15  # seconds from the start of a throw


def plan_company(rng: np.random.Generator, planners: Sequence[ActionPlanner]) -> None:
    """Plan what everybody does until the act is over; who is free first chooses first."""
    while waiting := [p for p in planners if not p.is_over]:
        planner = min(waiting, key=lambda p: p.t)
        if _give_back(rng, planner, planners) or planner.follow_up():
            continue
        if _react(rng, planner, planners):
            continue
        if not _meet_somebody(rng, planner, planners):
            planner.plan_next()


def _is_free(planner: ActionPlanner, other: ActionPlanner) -> bool:
    """Whether somebody is soon free to meet the planner."""
    inside = _EDGE <= other.x <= other.width - _EDGE
    return other is not planner and not other.is_over and inside and (
        other.t - planner.t < _PATIENCE
    )  # fmt: skip


def _give_back(
    rng: np.random.Generator, planner: ActionPlanner, planners: Sequence[ActionPlanner]
) -> bool:
    """Hand a thing back that belongs to somebody else, if it is time and the owner is free."""
    if not planner.thing or planner.thing_owner == planner.owner or planner.t < planner.thing_until:
        return False
    owner = next(p for p in planners if p.owner == planner.thing_owner)
    if not _is_free(planner, owner) or owner.thing:
        return False
    return _meet(rng, planner, owner, HANDING["taking"])


def _react(
    rng: np.random.Generator, planner: ActionPlanner, planners: Sequence[ActionPlanner]
) -> bool:
    """Perhaps meet somebody who wronged the planner, or who fell; whether something was planned."""
    if planner.thing or planner.stays or rng.random() > _REACTION:
        return False
    options = [
        (name, other)
        for other in planners
        if _is_free(planner, other) and not other.thing
        for name, label in _REACTIONS.items()
        if _rename_label(label, planner, other, planner.t) != label
    ]
    if not options:
        return False
    name, other = options[int(rng.integers(len(options)))]
    return _meet(rng, planner, other, MEETINGS[name])


def _rename_label(
    label: str | None, planner: ActionPlanner, other: ActionPlanner, t: float
) -> str | None:
    """The class of what one does with another one, by what happened long before."""
    company = planner.company
    if label == "touching" and t - company.falls.get(other.owner, math.inf) > MEMORY:
        return "rubbing"
    if label in _WRONGED and (
        t - company.wrongs.get((planner.owner, other.owner), math.inf) > MEMORY
    ):  # fmt: skip
        return _WRONGED[label]
    return label


def _note_event(label: str | None, planner: ActionPlanner, other: ActionPlanner, t: float) -> None:
    """Remember what was done."""
    if label in ("dodging", "falling"):
        planner.company.wrongs.setdefault((planner.owner, other.owner), t)
    if label == "falling":
        planner.company.falls.setdefault(planner.owner, t)
    if label == "watching":
        planner.due.setdefault("drawing", t)


def _meet_somebody(
    rng: np.random.Generator, planner: ActionPlanner, planners: Sequence[ActionPlanner]
) -> bool:
    """Perhaps choose somebody and something to do together; whether something was planned."""
    if rng.random() > _SOCIABLE:
        return False
    others = [p for p in planners if _is_free(planner, p) and not p.thing]
    if not others or not _EDGE <= planner.x <= planner.width - _EDGE:
        return False
    other = others[int(rng.integers(len(others)))]
    if planner.thing:
        if planner.thing_owner != planner.owner or planner.stays:
            return False
        return _meet(rng, planner, other, HANDING["receiving"])
    options = [
        (name, meeting.weight * planner.company.weigh(name.split()[0]))
        for name, meeting in MEETINGS.items()
        if not planner.stays or (meeting.distance[0] > _FAR and name != "beckon")
    ]
    labels = {name: tuple(meeting.labels) for name, meeting in MEETINGS.items()}
    name = planner.balance.choose_action(options, labels)
    if not _meet(rng, planner, other, MEETINGS[name]):
        return False
    if name == "beckon" and not other.is_over:
        side = 1 if other.x < planner.x else -1
        other.walk_to(planner.x - side * planner.draw_uniform(0.9, 1.3), z=planner.z)
    return True


def _meet(
    rng: np.random.Generator, first: ActionPlanner, second: ActionPlanner, meeting: Meeting
) -> bool:
    """Plan a meeting: the first comes to the second, both turn, act and are free again.

    Returns:
        Whether there was time for it.
    """
    until = min(first.until, second.until)
    if max(first.t, second.t) + 0.6 * meeting.longest + 2 > until:
        return False
    if not first.stays:
        _approach(rng, first, second, meeting)
    start = max(first.t, second.t)
    side = 1 if first.x < second.x else -1
    ways = side, side if meeting.behind else -side
    for planner, way in zip((first, second), ways, strict=True):
        yaw = planner.draw_uniform(1.05, 1.45) * way
        if start > planner.t:
            t0, t1 = planner.add_body_motion("stand", "standing", start - planner.t, yaw=yaw)
            if planner.thing:
                planner.keep_thing(t0, t1)
        planner.yaw = yaw
    pair = first, second
    thing = first.thing or KEPT[int(rng.integers(len(KEPT)))]
    for _ in range(int(rng.integers(meeting.turns[0], meeting.turns[1] + 1))):
        for phase in meeting.phases:
            _do_phase(rng, pair, phase, thing)
        pair = pair[1], pair[0]
    if first.thing and meeting in HANDING.values():
        _pass_on(first, second)
    return True


def _approach(
    rng: np.random.Generator, first: ActionPlanner, second: ActionPlanner, meeting: Meeting
) -> None:
    """The first walks to a place beside the second, with nobody in between if there is one; where
    somebody else stands, the second moves on. Far meetings need no walk where all is well."""
    near, far = meeting.distance
    distance = float(rng.uniform(near, far))
    if near <= _FAR and first.find_gap(second.x, first, second) < 0.5 * distance + 0.3:
        second.walk_to(second.draw_spot())
    others = [p.x for p in first.company.people if p not in (first, second)]

    def rate_place(x: float) -> tuple[int, float]:
        """Fewer people in between, then more room."""
        left, right = sorted((x, second.x))
        between = sum(left < other < right for other in others)
        return -between, min(first.find_gap(x, first, second), 0.8)

    side = 1 if first.x < second.x else -1
    places = [second.x - side * distance, second.x + side * distance]
    places = [min(max(x, _EDGE), second.width - _EDGE) for x in places]
    wide = [x for x in places if abs(x - second.x) > near - 1e-6] or places[:1]
    if near > _FAR and near <= abs(first.x - second.x) <= far:
        wide.insert(0, first.x)
    z = first.z if near > _FAR else min(max(second.z + 0.03, 0.02), 1.0)
    first.walk_to(max(wide, key=rate_place), z=z)


def _do_phase(
    rng: np.random.Generator, pair: tuple[ActionPlanner, ActionPlanner], phase: Phase, thing: str
) -> None:
    length = float(rng.uniform(*phase.seconds))
    start = pair[0].t
    for number, role in enumerate((phase.first, phase.second)):
        _do_role(pair[number], pair[1 - number], role, length, thing, phase.passes, number == 1)
    if phase.passes == "air" and not pair[0].is_over:
        _throw(pair[0], pair[1], start)


def _do_role(
    planner: ActionPlanner, other: ActionPlanner, role: Role, length: float, thing: str,
    passes: str, gets: bool,
) -> None:  # fmt: skip
    """Append what one of the two does; ``gets``: it is the one to whom a thing passes."""
    back = 0.0
    if role.body == "fall":
        back = 0.35 if planner.x > other.x else -0.35
    t0, t1 = planner.add_body_motion(
        role.body, role.body_label, length, to=planner.x + back if back else None
    )
    swap = {"": -1.0, "hand": t0 + length / 2, "air": t0 + (_CATCH if gets else _RELEASE)}[passes]
    held = thing if role.held == "thing" else role.held
    lift = _find_lift(planner, other) if role.arms in _TO_OTHER else 0.0
    planner.add_arm_motion(role.arms, None, t0, t1, held, swap, appears=gets, lift=lift)
    _note_event(role.body_label if role.body == "fall" else role.label, planner, other, t1)
    if t1 > t0 and (role.label or role.alone):
        label = _rename_label(role.label, planner, other, t0)
        planner.timeline.marks.append(LabelMark(t0, t1, label, other.owner, role.alone))
        planner.balance.add_seconds(label, t1 - t0)


def _find_lift(planner: ActionPlanner, other: ActionPlanner) -> float:
    """How much higher one's hands are, in lengths of the arm, so that they meet a taller or smaller
    one's halfway."""
    own, theirs = planner.appearance.stature, other.appearance.stature
    return float(np.clip((theirs - own) * _SHOULDERS / 2 / (ARM * own), -0.5, 0.5))


def _throw(first: ActionPlanner, second: ActionPlanner, start: float) -> None:
    way = 1 if second.x > first.x else -1
    distance = abs(second.x - first.x)
    first.flights.append(
        Flight(
            start + _RELEASE, start + _CATCH, first.setting, first.x + 0.5 * way,
            second.x - 0.4 * way, first.z, second.z, 0.85 * first.appearance.stature,
            0.72 * second.appearance.stature, 0.08 * distance,
        )
    )  # fmt: skip


def _pass_on(first: ActionPlanner, second: ActionPlanner) -> None:
    """The second has the first's thing now; the owner puts it away, anybody else keeps it."""
    second.thing, second.thing_owner, first.thing = first.thing, first.thing_owner, ""
    if second.thing_owner == second.owner:
        second.thing_until = second.t + second.draw_uniform(0, 10)
    else:
        second.thing_until = second.t + second.draw_uniform(16, 30)
