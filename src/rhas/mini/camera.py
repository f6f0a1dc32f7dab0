"""Where the camera looks, and where the people are in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

import numpy as np

from rhas.mini.extents import find_figure_box, find_visible_box, list_test_points
from rhas.mini.moments import PersonState, find_position, find_state
from rhas.mini.places import LANES
from rhas.mini.poses import smooth_step
from rhas.mini.props import Prop
from rhas.mini.skeleton import Projected, compute_joints, project_joints
from rhas.mini.story import Shot, Story

_HEADROOM = -2.5  # y of the view's upper edge, metres
_HIDDEN = 0.08  # visible fraction below which somebody counts as not in the picture


@dataclass(slots=True)
class View:
    """The part of a place that the camera shows."""

    x: float
    """Left edge in metres."""
    y: float
    """Upper edge in metres."""
    scale: float
    """Pixels per metre."""


def find_view(story: Story, shot: Shot, t: float, height: int) -> View:
    """The camera's window at a moment.

    Args:
        story: the film.
        shot: the shot that the moment belongs to.
        t: seconds.
        height: of the picture in pixels.
    """
    u = smooth_step((t - shot.t0) / max(1e-6, shot.t1 - shot.t0))
    x = shot.start[0] + (shot.end[0] - shot.start[0]) * u
    h = shot.start[1] + (shot.end[1] - shot.start[1]) * u
    width = story.settings[shot.setting].place.width
    if shot.follow >= 0:
        seen = []
        for dt in (-0.8, -0.4, 0.0, 0.4, 0.8):
            moment = min(max(t + dt, shot.t0), shot.t1 - 1e-3)
            at = find_position(story.timelines[shot.follow], moment)
            if at is not None and at[0] == shot.setting:
                seen.append(at[1])
        if seen:
            x = sum(seen) / len(seen)
    top = _HEADROOM
    if shot.shake:
        x += shot.shake * (sin(2.1 * t + shot.t0) + 0.6 * sin(5.3 * t))
        top += 0.6 * shot.shake * (sin(2.9 * t) + 0.5 * sin(6.1 * t + 1.0))
    half = min(h * story.aspect, width) / 2
    x = min(max(x, half), width - half)
    return View(x - half, top - 0.2 * (h - 2.6), height / h)


@dataclass(slots=True)
class PlacedPerson:
    """A person in the picture."""

    person: int
    state: PersonState
    projected: Projected
    origin: tuple[float, float]
    """The point on the floor below the person, pixels."""
    scale: float
    """Pixels per metre."""
    box: tuple[float, float, float, float]
    """Around the part inside the picture, pixels; meaningless where visible is 0."""
    visible: float
    """Fraction of the figure inside the picture and not hidden, 0 to 1."""

    @property
    def joints(self) -> tuple[tuple[float, float, float], ...]:
        """Every joint's x, y and depth, pixels; see :class:`rhas.mini.skeleton.Projected`."""
        (ox, oy), k, p = self.origin, self.scale, self.projected
        return tuple(
            (ox + x * k, oy + y * k, depth * k)
            for x, y, depth in zip(p.x, p.y, p.depth, strict=True)
        )


def place_people(
    story: Story, shot: Shot, t: float, view: View, size: tuple[int, int]
) -> list[PlacedPerson]:
    """The people in the filmed setting, far to near.

    Args:
        story: the film.
        shot: the shot.
        t: seconds.
        view: the camera's window.
        size: picture width and height in pixels.
    """
    setting = story.settings[shot.setting]
    candidates = (
        _place_person(story, shot.setting, person, t, view, size) for person in setting.persons
    )
    people = sorted((p for p in candidates if p is not None), key=lambda p: p.state.z)
    points = [list_test_points(p.projected) * view.scale + p.origin for p in people]
    fractions = [
        _find_visible_fraction(n, people, points, setting.props, view, size) if p.visible else 0.0
        for n, p in enumerate(people)
    ]
    for person, fraction in zip(people, fractions, strict=True):
        person.visible = fraction if fraction >= _HIDDEN else 0.0
    return people


def _place_person(
    story: Story, setting: int, person: int, t: float, view: View, size: tuple[int, int]
) -> PlacedPerson | None:
    """A person in the picture or at its edge, None elsewhere; ``visible`` is 1, or 0 without a
    box."""
    appearance, (width, height), k = story.cast[person], size, view.scale
    state = find_state(story.timelines[person], appearance, t, setting)
    if state is None:
        return None
    ox = (state.x - view.x) * k
    if not -1.6 * k < ox < width + 1.6 * k:
        return None
    oy = ((state.z - 1) * LANES - view.y) * k
    joints = compute_joints(state.pose, appearance.girth)
    projected = project_joints(joints, state.pose, state.yaw, appearance.stature)
    x0, y0, x1, y1 = find_figure_box(projected, appearance, state.held)
    window = (-ox / k, -oy / k, (width - ox) / k, (height - oy) / k)
    if x0 < window[0] or y0 < window[1] or x1 > window[2] or y1 > window[3]:
        cut = find_visible_box(projected, appearance, state.held, window)
        x0, y0, x1, y1 = cut or (0.0, 0.0, 0.0, 0.0)
    box = (
        max(0.0, ox + x0 * k), max(0.0, oy + y0 * k),
        min(float(width), ox + x1 * k), min(float(height), oy + y1 * k),
    )  # fmt: skip
    visible = 1.0 if box[2] - box[0] > 2 and box[3] - box[1] > 2 else 0.0
    return PlacedPerson(person, state, projected, (ox, oy), k, box, visible)


def _find_visible_fraction(
    number: int, people: list[PlacedPerson], points: list[np.ndarray], props: list[Prop],
    view: View, size: tuple[int, int],
) -> float:  # fmt: skip
    """The fraction of a person's test points in the picture with nobody and nothing before them."""
    person, test_points = people[number], points[number]
    seen = (test_points[:, 0] >= 0) & (test_points[:, 0] < size[0])
    seen &= (test_points[:, 1] >= 0) & (test_points[:, 1] < size[1])
    for nearer, theirs in zip(people[number + 1 :], points[number + 1 :], strict=True):
        if nearer.box[0] > person.box[2] or nearer.box[2] < person.box[0] or nearer.visible == 0.0:
            continue
        gap = test_points[:, None, :] - theirs[None, :, :]
        seen &= (gap * gap).sum(-1).min(1) >= (0.062 * nearer.projected.size * view.scale) ** 2
    for prop in props:
        if prop.z > person.state.z:
            seen &= ~_find_hidden(test_points, prop, view)
    return float(seen.mean())


def _find_hidden(points: np.ndarray, prop: Prop, view: View) -> np.ndarray:
    """Which points (n, 2) lie behind a prop, bool (n,)."""
    if prop.solid is None:
        return np.zeros(len(points), bool)
    x0, y0, x1, y1 = prop.solid
    k = view.scale
    hidden = (points[:, 0] > (x0 - view.x) * k) & (points[:, 0] < (x1 - view.x) * k)
    hidden &= (points[:, 1] > (y0 - view.y) * k) & (points[:, 1] < (y1 - view.y) * k)
    return hidden
