"""Where the camera looks, and who of the people is where in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

import numpy as np

from rhas.mini.extents import extent, extent_inside, sample_points
from rhas.mini.moments import State, position, state_at
from rhas.mini.motions import smooth
from rhas.mini.scenery import LANES, Prop
from rhas.mini.skeleton import Projected, project, skeleton
from rhas.mini.story import Shot, Story

_HEADROOM = -2.5  # y of the view's upper edge, metres
_HIDDEN = 0.08  # visible fraction below which somebody counts as not in the picture


@dataclass(slots=True)
class View:
    """A window on the stage."""

    x: float
    """Left edge in metres."""
    y: float
    """Upper edge in metres."""
    scale: float
    """Pixels per metre."""


def view_at(story: Story, shot: Shot, t: float, height: int) -> View:
    """The camera's window at a moment.

    Args:
        story: the film.
        shot: the shot that the moment belongs to.
        t: seconds.
        height: of the picture in pixels.
    """
    u = smooth((t - shot.t0) / max(1e-6, shot.t1 - shot.t0))
    x = shot.start[0] + (shot.end[0] - shot.start[0]) * u
    h = shot.start[1] + (shot.end[1] - shot.start[1]) * u
    width = story.stages[shot.stage].place.width
    if shot.follow >= 0:
        seen = []
        for dt in (-0.8, -0.4, 0.0, 0.4, 0.8):
            moment = min(max(t + dt, shot.t0), shot.t1 - 1e-3)
            at = position(story.tracks[shot.follow], moment)
            if at is not None and at[0] == shot.stage:
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
class Placed:
    """A person in the picture."""

    person: int
    state: State
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


def placed_at(
    story: Story, shot: Shot, t: float, view: View, size: tuple[int, int]
) -> list[Placed]:
    """The people on the filmed stage, far to near.

    Args:
        story: the film.
        shot: the shot.
        t: seconds.
        view: the camera's window.
        size: picture width and height in pixels.
    """
    stage = story.stages[shot.stage]
    width, height = size
    k = view.scale
    out: list[Placed] = []
    clouds: list[np.ndarray] = []
    for person in stage.persons:
        look = story.cast[person]
        state = state_at(story.tracks[person], look, t, shot.stage)
        if state is None:
            continue
        ox = (state.x - view.x) * k
        if not -1.6 * k < ox < width + 1.6 * k:
            continue
        oy = ((state.z - 1) * LANES - view.y) * k
        p = project(skeleton(state.pose, look.girth), state.pose, state.yaw, look.stature)
        x0, y0, x1, y1 = extent(p, look, state.held)
        window = (-ox / k, -oy / k, (width - ox) / k, (height - oy) / k)
        if x0 < window[0] or y0 < window[1] or x1 > window[2] or y1 > window[3]:
            x0, y0, x1, y1 = extent_inside(p, look, state.held, window) or (0.0, 0.0, 0.0, 0.0)
        box = (
            max(0.0, ox + x0 * k), max(0.0, oy + y0 * k),
            min(float(width), ox + x1 * k), min(float(height), oy + y1 * k),
        )  # fmt: skip
        visible = 1.0 if box[2] - box[0] > 2 and box[3] - box[1] > 2 else 0.0
        out.append(Placed(person, state, p, (ox, oy), k, box, visible))
    out.sort(key=lambda q: q.state.z)
    for q in out:
        clouds.append(sample_points(q.projected) * k + q.origin)
    for i, q in enumerate(out):
        if q.visible == 0.0:
            continue
        cloud = clouds[i]
        inside = (cloud[:, 0] >= 0) & (cloud[:, 0] < width)
        inside &= (cloud[:, 1] >= 0) & (cloud[:, 1] < height)
        seen = inside.copy()
        for j in range(i + 1, len(out)):
            b = out[j].box
            if b[0] > q.box[2] or b[2] < q.box[0] or out[j].visible == 0.0:
                continue
            gap = cloud[:, None, :] - clouds[j][None, :, :]
            near = (gap * gap).sum(-1).min(1) < (0.062 * out[j].projected.size * k) ** 2
            seen &= ~near
        for prop in stage.props:
            if prop.z > q.state.z:
                seen &= ~_behind(cloud, prop, view)
        q.visible = float(seen.mean())
        if q.visible < _HIDDEN:
            q.visible = 0.0
    return out


def _behind(cloud: np.ndarray, prop: Prop, view: View) -> np.ndarray:
    solid = prop.solid
    if solid is None:
        return np.zeros(len(cloud), bool)
    x0, y0, x1, y1 = solid
    k = view.scale
    hidden = (cloud[:, 0] > (x0 - view.x) * k) & (cloud[:, 0] < (x1 - view.x) * k)
    hidden &= (cloud[:, 1] > (y0 - view.y) * k) & (cloud[:, 1] < (y1 - view.y) * k)
    return hidden
