"""A person at one moment of a story."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import pi

from rhas.mini.appearance import Look
from rhas.mini.motions import ARMS, BODY, MOUTH, Pose, smooth
from rhas.mini.story import Arms, Body, Track

_BLEND = 0.3  # seconds from one movement to the next
_TURN = 0.45  # seconds of a turn


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
    if before is not None and since < _BLEND:
        old = BODY[before.name](t - before.t0, before.length, tempo)
        pose = old + (pose - old) * smooth(since / _BLEND)
    if before is not None and since < _TURN:
        difference = (body.yaw - before.yaw + pi) % (2 * pi) - pi
        yaw = before.yaw + difference * smooth(since / _TURN)
    held, side, hidden = "", "R", False
    j = bisect_right(track.arms_starts, t) - 1
    if j >= 0:
        arms = track.arms[j]
        previous = track.arms[j - 1] if j > 0 else None
        active = t < arms.t1
        if active or t - arms.t1 < _BLEND:
            begun = body.t0 <= arms.t0 + 1e-6 or before is not None
            if active:
                done = pose.copy()
                ARMS[arms.name](done, t - arms.t0, tempo, arms.side)
                if t - arms.t0 < _BLEND and begun and arms.t0 > body.t0 - 5:
                    start = pose
                    if previous is not None and arms.t0 - previous.t1 < 1e-6:
                        start = pose.copy()
                        ARMS[previous.name](start, t - previous.t0, tempo, previous.side)
                    pose = start + (done - start) * smooth((t - arms.t0) / _BLEND)
                else:
                    pose = done
                held, side = _held(arms, t), arms.side
                hidden = arms.name == "handsinpocket" and t - arms.t0 > 0.2
            elif body.t0 <= arms.t0 or since < _BLEND:
                done = pose.copy()
                ARMS[arms.name](done, t - arms.t0, tempo, arms.side)
                pose = done + (pose - done) * smooth((t - arms.t1) / _BLEND)
    yaw += float(pose[22])
    pose[MOUTH] = max(0.0, pose[MOUTH])
    return State(stage, x, body.z, yaw, pose, held, side, hidden)


def _held(arms: Arms, t: float) -> str:
    if arms.swap < 0:
        return arms.held
    after = t >= arms.swap
    return arms.held if after == (arms.label == "picking") else ""
