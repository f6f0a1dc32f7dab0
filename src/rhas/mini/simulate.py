"""The story of a film: what every person does, where and when, and the shots.

A film is a sequence of acts. In an act the people are spread over one or two places, each living
their own chain of actions from its start to its end, filmed or not, alone or in meetings with
somebody else; shots cut between the places
and between views of them. Nothing here draws.
"""

from __future__ import annotations

import numpy as np

from rhas.mini.appearance import Appearance, sample_cast
from rhas.mini.balance import ClassBalance
from rhas.mini.company import plan_company
from rhas.mini.life import ActionPlanner
from rhas.mini.movement import Company
from rhas.mini.places import Place, make_place
from rhas.mini.props import Prop, make_cabinet, make_chair, make_foreground, make_stand, make_table
from rhas.mini.shots import plan_shots
from rhas.mini.story import Setting, Story, Timeline


def _split_into_zones(count: int, width: float) -> list[tuple[float, float]]:
    """Strips side by side, with a gap, from left to right."""
    strip = (width - 1.0) / count
    return [(0.5 + strip * k + 0.22, 0.5 + strip * (k + 1) - 0.22) for k in range(count)]


def invent_story(
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
    cast = sample_cast(rng, persons, sides)
    view = 3.1
    width = max(4.2, 1.28 * view * aspect) if not sides else max(4.2, view * aspect)
    places = [make_place(rng, width) for _ in range(int(rng.integers(2, 5)))]
    story = Story(seconds, aspect, cast, [Timeline() for _ in cast], [], [], [], [])
    balance = ClassBalance(rng)
    t = 0.0
    last = -1
    while t < seconds - 1e-6:
        end = t + float(rng.uniform(55, 100))
        if seconds - end < 20:
            end = seconds
        end = min(end, seconds)
        last = _plan_act(rng, story, balance, places, t, end, sides, last)
        t = end
    for timeline in story.timelines:
        timeline.body_starts = [b.t0 for b in timeline.body]
        timeline.arms_starts = [a.t0 for a in timeline.arms]
    return story


def _plan_act(
    rng: np.random.Generator, story: Story, balance: ClassBalance, places: list[Place], t0: float,
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
        numbers.append(len(story.settings))
        story.settings.append(Setting(places[place], t0, t1))
    for person in range(count):
        if sides or rng.random() < 0.93 or count <= 2:
            story.settings[numbers[int(rng.integers(len(numbers)))]].persons.append(person)
    numbers = [n for n in numbers if story.settings[n].persons]
    if not numbers:
        numbers = [len(story.settings) - 1]
        story.settings[-1].persons.append(int(rng.integers(count)))
    for number in numbers:
        _furnish_setting(rng, story, balance, number, sides)
    plan_shots(rng, story, numbers, t0, t1, sides)
    return first


def _furnish_setting(
    rng: np.random.Generator, story: Story, balance: ClassBalance, number: int, sides: bool
) -> None:
    """Give every person of a setting a lane, a home and furniture, and plan what they do there."""
    setting = story.settings[number]
    width, people = setting.place.width, setting.persons
    lanes = (np.arange(len(people)) + 0.5) / len(people) * 0.9 + 0.05
    lanes = lanes[rng.permutation(len(people))]
    zones = _find_zones(story, people, width) if sides else {}
    company = Company(setting.place)
    if not sides and rng.random() < 0.85:
        company.cabinet = make_cabinet(rng, float(rng.uniform(1.2, width - 1.2)), -0.05)
        setting.props.append(company.cabinet)
    homes = (np.arange(len(people)) + 0.5) / len(people) * (width - 1.6) + 0.8
    homes = homes[rng.permutation(len(people))]
    planners: list[ActionPlanner] = []
    for k, person in enumerate(people):
        zone = zones.get(person, (0.6, width - 0.6))
        home, z = float(np.mean(zone)) if sides else float(homes[k]), float(lanes[k])
        setting.homes.append(home)
        chair, stand = _place_furniture(rng, setting, story.cast[person], home, z, sides)
        planner = ActionPlanner(
            rng=rng, balance=balance, appearance=story.cast[person],
            timeline=story.timelines[person], setting=number, t=setting.t0, until=setting.t1,
            zone=zone, width=width, x=home + float(rng.uniform(-0.2, 0.2)) * (not sides), z=z,
            chair=chair, stand=stand, boxes=story.boxes_at_rest, flights=story.flights,
            owner=person, stays=sides, company=company,
        )  # fmt: skip
        planners.append(planner)
        company.people.append(planner)
    for planner in planners:
        planner.begin(may_enter=not sides)
    plan_company(rng, planners)
    if rng.random() < 0.3 and not sides:
        setting.props.append(make_foreground(rng, setting.place))


def _find_zones(story: Story, people: list[int], width: float) -> dict[int, tuple[float, float]]:
    """Strips of a place side by side, by person: who keeps to the left is leftmost."""

    def order(person: int) -> int:
        return {"left": 0, None: 1, "right": 2}[story.cast[person].attributes.side]

    zones = _split_into_zones(len(people), width)
    return dict(zip(sorted(people, key=order), zones, strict=True))


def _place_furniture(
    rng: np.random.Generator, setting: Setting, appearance: Appearance, home: float, z: float,
    sides: bool,
) -> tuple[Prop | None, Prop | None]:  # fmt: skip
    """Perhaps a chair, with a table or without, or a stand for things, at a person's home."""
    kitchen = setting.place.kind == "kitchen"
    if rng.random() < (0.25 if kitchen else 0.5):
        facing = 1 if rng.random() < 0.5 else -1
        chair = make_chair(rng, home, z, facing, 0.25 * appearance.stature)
        setting.props.append(chair)
        if rng.random() < 0.45:
            setting.props.append(make_table(rng, home + 0.52 * facing, z + 0.04))
        return chair, None
    if rng.random() < (1.0 if kitchen else 0.6):
        stand = make_stand(rng, home, z + 0.02)
        setting.props.append(stand)
        return None, stand
    return None, None
