"""Who does what, where and when: every person's own random chain of actions, and the shots.

A film is a sequence of acts. In an act the people are spread over one or two places, each living
their own chain of actions from its start to its end, filmed or not; shots cut between the places
and between views of them. Nothing here draws.
"""

from __future__ import annotations

import numpy as np

from rhas.mini.appearance import make_cast
from rhas.mini.life import OFFSTAGE, SEATED, Balance, Life
from rhas.mini.scenery import Place, make_chair, make_foreground, make_place, make_stand, make_table
from rhas.mini.shots import film_act
from rhas.mini.story import Stage, Story, Track


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
    balance = Balance(rng)
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
    rng: np.random.Generator, story: Story, balance: Balance, places: list[Place], t0: float,
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
    film_act(rng, story, numbers, t0, t1, sides)
    return first


def _fill_stage(
    rng: np.random.Generator, story: Story, balance: Balance, number: int, sides: bool
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
        life = Life(rng, balance, look, story.tracks[person], number, stage.t1, zone, width, z,
                     chair, stand, story.rests, person, sides)  # fmt: skip
        life.t = stage.t0
        life.x = home + float(rng.uniform(-0.2, 0.2)) * (not sides)
        start = rng.random()
        if start < 0.22 and not sides:
            life.x = -OFFSTAGE if rng.random() < 0.5 else width + OFFSTAGE
            life.body("stand", None, float(rng.uniform(1, 9)))
            life.enter()
        elif start < 0.45 and chair is not None:
            life.x = chair.x
            a, b = life.body("sit", "sitting", float(rng.uniform(4, 18)), yaw=1.15 * chair.facing)
            life.fill(a, b, SEATED)
            life.body("stand_up", "standingup", float(rng.uniform(1.1, 1.7)))
        life.live()
    if rng.random() < 0.3 and not sides:
        stage.props.append(make_foreground(rng, stage.place))
