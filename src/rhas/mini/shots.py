"""How an act is filmed: shots that cut between its places and between views of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rhas.mini.moments import find_position
from rhas.mini.poses import smooth_step
from rhas.mini.story import FOLLOWS, LabelMark, Shot, Story, list_labels

_TOLD = {*FOLLOWS, *(cause for _, causes in FOLLOWS.values() for cause in causes)}
_ENOUGH = 1.3  # score of a shot that is taken without looking for a better one

Events = list[tuple[int, LabelMark]]
"""Persons and what they do that matters to others or later."""


def plan_shots(
    rng: np.random.Generator, story: Story, numbers: list[int], t0: float, t1: float, sides: bool
) -> None:
    """Append the shots of an act to the story.

    Args:
        rng: source of randomness.
        story: with the act's settings and motions.
        numbers: the act's settings.
        t0: start of the act in seconds.
        t1: end of the act in seconds.
        sides: keep the camera still, so that left and right stay.
    """
    t = t0
    events = [
        (person, mark)
        for number in numbers
        for person in story.settings[number].persons
        for mark in list_labels(story.timelines[person])
        if t0 <= mark.t0 < t1 and (mark.partner >= 0 or mark.label in _TOLD)
    ]
    now = numbers[int(rng.integers(len(numbers)))]
    before: tuple[float, float] | None = None
    while t < t1 - 1e-6:
        end = t + float(rng.uniform(5, 16))
        if t1 - end < 4:
            end = t1
        if before is not None and len(numbers) > 1 and rng.random() < 0.6:
            now = numbers[(numbers.index(now) + 1) % len(numbers)]
            before = None
        shot = _choose_shot(rng, story, now, t, end, before, sides, events)
        if before is not None and not _is_visible_cut(before, shot.start):
            story.shots[-1].t1 = end  # the view hardly changes: the same shot goes on
        else:
            story.shots.append(shot)
        before = story.shots[-1].end
        t = end


def _is_visible_cut(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether the view changes so much that a cut is seen as one."""
    return abs(after[0] - before[0]) > 0.5 or abs(after[1] - before[1]) > 0.45


def _choose_shot(
    rng: np.random.Generator, story: Story, number: int, t0: float, t1: float,
    before: tuple[float, float] | None, sides: bool, events: Events,
) -> Shot:  # fmt: skip
    width = story.settings[number].place.width

    def clip(x: float, h: float) -> tuple[float, float]:
        half = min(h * story.aspect, width) / 2
        return min(max(x, half), width - half), h

    if sides:
        h = min(float(rng.uniform(2.85, 3.1)), width / story.aspect)
        centre = clip(width / 2, h)
        return Shot(t0, t1, number, centre, centre, -1, 0.0)
    best, most = None, -1.0
    for _ in range(5):
        shot = _sample_candidate(rng, story, number, t0, t1, clip)
        seen = _rate_view(story, shot, events)
        if before is not None:
            seen -= 0.0 if _is_visible_cut(before, shot.start) else 0.6
        if seen > most or best is None:
            best, most = shot, seen
        if most >= _ENOUGH:
            break
    assert best is not None
    return best


def _sample_candidate(
    rng: np.random.Generator, story: Story, number: int, t0: float, t1: float,
    clip: Callable[[float, float], tuple[float, float]],
) -> Shot:  # fmt: skip
    setting = story.settings[number]
    width = setting.place.width
    portrait = story.aspect < 1
    widest = min(3.25, width / story.aspect)
    kind = rng.random()
    middle = (t0 + t1) / 2
    positions = ((p, find_position(story.timelines[p], middle)) for p in setting.persons)
    inside = [(p, at[1]) for p, at in positions if at is not None and 0.3 < at[1] < width - 0.3]
    target, x = -1, float(np.mean(setting.homes))
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


def _rate_view(story: Story, shot: Shot, events: Events) -> float:
    """How much a shot shows, averaged over it: 1 for anybody, more for what matters to others or
    later, with everybody who takes part."""
    total, moments = 0.0, 5
    for k in range(moments):
        u = (k + 0.5) / moments
        t = shot.t0 + u * (shot.t1 - shot.t0)
        x = shot.start[0] + (shot.end[0] - shot.start[0]) * smooth_step(u)
        half = (
            0.45 * story.aspect * (shot.start[1] + (shot.end[1] - shot.start[1]) * smooth_step(u))
        )
        seen = set()
        for person in story.settings[shot.setting].persons:
            at = find_position(story.timelines[person], t)
            if at is not None and (person == shot.follow or abs(at[1] - x) < half):
                seen.add(person)
        shown = [
            person
            for person, mark in events
            if mark.t0 <= t < mark.t1 and person in seen
            and (mark.partner < 0 or mark.partner in seen)
        ]  # fmt: skip
        total += bool(seen) + 0.4 * len(shown)
    return total / moments
