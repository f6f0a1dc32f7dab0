"""Poses over time: what a body does in each motion.

A pose is a float64 vector of ``SIZE`` numbers in the body's own frame (f forward, o outward from
the body's middle on that side, u up), lengths in units of body height, angles in radians. Hands
are given relative to their shoulder in units of the arm's length, in the frame of the torso; feet
relative to the point on the floor below the body. Every motion is a pure function of time.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Pose = NDArray[np.float64]

PF, PU, PITCH, ROLL, TWIST, HEAD_PITCH, HEAD_YAW, MOUTH = range(8)
HAND = {"R": 8, "L": 12}  # f, o, u, how far the elbow points outward
FOOT = {"R": 16, "L": 19}  # f, o, u
YAW, TOES, KNEE_OUT = 22, 23, 24
SIZE = 25
_OTHER = {"R": "L", "L": "R"}


def _pose(
    *, pelvis: tuple[float, float] = (0.0, 0.5), pitch: float = 0.0, head: float = 0.0,
    hand: tuple[float, float, float] = (0.1, 0.12, -0.96), elbow: float = 0.3,
    foot: tuple[float, float, float] = (0.0, 0.0, 0.0), toes: float = 0.0, knee_out: float = 0.1,
) -> Pose:  # fmt: skip
    pose = np.zeros(SIZE)
    pose[[PF, PU, PITCH, HEAD_PITCH, TOES, KNEE_OUT]] = *pelvis, pitch, head, toes, knee_out
    for side in "RL":
        pose[HAND[side] : HAND[side] + 4] = *hand, elbow
        pose[FOOT[side] : FOOT[side] + 3] = foot
    return pose


_STAND = _pose()
_SIT = _pose(pelvis=(0.0, 0.275), hand=(0.62, -0.02, -0.62), foot=(0.235, 0.0, 0.0), pitch=0.05)
_SQUAT = _pose(pelvis=(-0.07, 0.17), pitch=0.45, hand=(0.72, -0.05, -0.3), foot=(0.03, 0.03, 0.0),
               knee_out=0.45, head=-0.2)  # fmt: skip
_KNEEL = _pose(pelvis=(0.0, 0.27), hand=(0.3, 0.0, -0.85), foot=(-0.23, 0.0, 0.03), toes=pi)
_LIE = _pose(pelvis=(-0.1, 0.085), pitch=-1.5, hand=(0.05, 0.2, -0.95), foot=(0.39, 0.02, 0.05),
             toes=1.4, head=0.15)  # fmt: skip
_CRAWL = _pose(pelvis=(-0.05, 0.27), pitch=1.3, hand=(0.93, 0.0, 0.12), foot=(-0.28, 0.0, 0.04),
               toes=pi, head=-0.7)  # fmt: skip
_FLOOR = _pose(pelvis=(-0.08, 0.09), pitch=-0.5, hand=(-0.35, 0.1, -0.85),
               foot=(0.3, 0.02, 0.0))  # fmt: skip


def smooth(x: float) -> float:
    """0 below 0, 1 above 1, a smooth step between."""
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


def _mix(a: Pose, b: Pose, x: float) -> Pose:
    return a + (b - a) * x


def _stand(t: float, length: float, tempo: float) -> Pose:
    pose = _STAND.copy()
    pose[ROLL] = 0.02 * sin(0.9 * tempo * t)
    pose[HEAD_YAW] = 0.25 * sin(0.55 * tempo * t)
    pose[PU] += 0.003 * sin(1.7 * t)
    return pose


def _rest(t: float, length: float, tempo: float) -> Pose:
    pose = _stand(t, length, tempo)
    for side in "RL":
        pose[HAND[side] : HAND[side] + 4] = 0.02, 0.06, -0.62, 1.6
    return pose


def _gait(t: float, rate: float, reach: float, lift: float) -> Pose:
    pose = _STAND.copy()
    for side, shift in (("R", 0.0), ("L", pi)):
        phase = 2 * pi * rate * t + shift
        pose[FOOT[side]] = reach * cos(phase)
        pose[FOOT[side] + 2] = lift * max(0.0, -sin(phase)) + 0.25 * lift * (cos(phase) < -0.6)
        pose[HAND[side]] = 0.08 - 0.42 * cos(phase)
        pose[HAND[side] + 2] = -0.9
    return pose


def speed(stature: float, tempo: float, run: bool) -> float:
    """Metres per second at which the feet of a walk or run do not slide."""
    return (4 * 0.23 * 1.6 if run else 4 * 0.165 * 0.98) * stature * tempo


def _walk(t: float, length: float, tempo: float) -> Pose:
    pose = _gait(t, 0.98 * tempo, 0.165, 0.07)
    pose[PU] = 0.485 + 0.008 * cos(4 * pi * 0.98 * tempo * t)
    pose[PITCH] = 0.05
    return pose


def _run(t: float, length: float, tempo: float) -> Pose:
    rate = 1.6 * tempo
    pose = _gait(t, rate, 0.23, 0.2)
    pose[PU] = 0.475 + 0.025 * cos(4 * pi * rate * t)
    pose[PITCH] = 0.3
    pose[HEAD_PITCH] = -0.2
    for side, shift in (("R", 0.0), ("L", pi)):
        swing = cos(2 * pi * rate * t + shift)
        pose[HAND[side] : HAND[side] + 4] = 0.4 - 0.45 * swing, 0.05, -0.4 - 0.18 * swing, 0.3
    return pose


def _sit(t: float, length: float, tempo: float) -> Pose:
    pose = _SIT.copy()
    pose[HEAD_YAW] = 0.25 * sin(0.5 * tempo * t)
    pose[ROLL] = 0.02 * sin(0.8 * t)
    return pose


def _sitting_down(t: float, length: float, tempo: float) -> Pose:
    x = smooth(t / length)
    pose = _mix(_STAND, _SIT, x)
    pose[PITCH] += 0.75 * sin(pi * x)
    pose[PF] -= 0.06 * sin(pi * x)
    return pose


def _reversed(motion: Callable[[float, float, float], Pose]) -> Callable[..., Pose]:
    return lambda t, length, tempo: motion(max(0.0, length - t), length, tempo)


def _getting_down(t: float, length: float, tempo: float) -> Pose:
    x = 3 * t / length
    if x < 1:
        return _mix(_STAND, _SQUAT, smooth(x))
    if x < 2:
        return _mix(_SQUAT, _FLOOR, smooth(x - 1))
    return _mix(_FLOOR, _LIE, smooth(x - 2))


def _kneel(t: float, length: float, tempo: float) -> Pose:
    pose = _mix(_STAND, _KNEEL, _ends(t, length, 0.7))
    pose[HEAD_YAW] = 0.25 * sin(0.6 * t)
    return pose


def _squat(t: float, length: float, tempo: float) -> Pose:
    pose = _mix(_STAND, _SQUAT, _ends(t, length, 0.6))
    pose[PU] += 0.01 * sin(2.2 * t)
    return pose


def _ends(t: float, length: float, ramp: float) -> float:
    """Rises from 0 to 1 at the start and falls back at the end."""
    ramp = min(ramp, length / 3)
    return smooth(t / ramp) * smooth((length - t) / ramp)


def _bend(t: float, length: float, tempo: float) -> Pose:
    x = _ends(t, length, 0.6)
    pose = _STAND.copy()
    pose[PITCH] = 1.35 * x
    pose[PF] = -0.1 * x
    pose[PU] -= 0.03 * x
    for side in "RL":
        pose[HAND[side] : HAND[side] + 4] = (
            0.1 + 0.85 * x, 0.1, -0.96 + (0.72 + 0.08 * sin(2.5 * t)) * x, 0.2,
        )  # fmt: skip
    pose[HEAD_PITCH] = 0.3 * x
    return pose


def _bow(t: float, length: float, tempo: float) -> Pose:
    x = 0.5 - 0.5 * cos(2 * pi * t / 1.9)
    x = smooth(0.15 + 1.5 * x) * _ends(t, length, 0.4)
    pose = _STAND.copy()
    pose[PITCH] = 0.85 * x
    pose[HEAD_PITCH] = 0.35 * x
    pose[PF] = -0.06 * x
    for side in "RL":
        pose[HAND[side] : HAND[side] + 4] = 0.28 + 0.05 * x, -0.3, -0.72, 0.5
    return pose


def _lie(t: float, length: float, tempo: float) -> Pose:
    pose = _LIE.copy()
    pose[HEAD_YAW] = 0.3 * sin(0.5 * t)
    pose[FOOT["R"] : FOOT["R"] + 3] = 0.17 + 0.03 * sin(0.6 * t), 0.0, 0.02
    return pose


def _crawl(t: float, length: float, tempo: float) -> Pose:
    pose = _mix(_STAND, _CRAWL, _ends(t, length, 0.7))
    depth = _ends(t, length, 0.7)
    for side, shift in (("R", 0.0), ("L", pi)):
        phase = 2 * pi * 0.9 * tempo * t + shift
        pose[HAND[side] + 2] += depth * 0.3 * cos(phase)
        pose[HAND[side]] -= depth * 0.12 * max(0.0, sin(phase))
        pose[FOOT[side]] += depth * 0.08 * cos(phase + pi)
    return pose


def _jump(t: float, length: float, tempo: float) -> Pose:
    phase = (t * 1.25 * tempo) % 1.0
    crouch = max(0.0, 1 - abs(phase - 0.2) / 0.2) + 0.6 * max(0.0, 1 - abs(phase - 0.9) / 0.1)
    air = max(0.0, sin(pi * (phase - 0.36) / 0.5)) if 0.36 < phase < 0.86 else 0.0
    pose = _STAND.copy()
    lift = 0.2 * air
    pose[PU] += lift - 0.13 * crouch
    pose[PITCH] = 0.4 * crouch
    for side in "RL":
        pose[FOOT[side] : FOOT[side] + 3] = -0.04 * air, 0.08 * air, lift * 0.95
        up = smooth(1.6 * air)
        pose[HAND[side] : HAND[side] + 4] = (
            -0.3 * crouch + 0.1, 0.15 + 0.5 * up, -0.9 + 1.55 * up, 0.5,
        )  # fmt: skip
    return pose


def _dance(t: float, length: float, tempo: float) -> Pose:
    beat = 2 * pi * 0.95 * tempo * t
    pose = _STAND.copy()
    pose[PU] = 0.475 + 0.018 * cos(2 * beat)
    pose[ROLL] = 0.22 * sin(beat)
    pose[TWIST] = 0.4 * sin(beat)
    pose[YAW] = 0.6 * sin(beat / 4)
    pose[HEAD_PITCH] = 0.1 * cos(2 * beat)
    for side, sign in (("R", 1.0), ("L", -1.0)):
        swing = sign * sin(beat)
        pose[HAND[side] : HAND[side] + 4] = (
            0.3, 0.5 + 0.15 * swing, 0.12 + 0.5 * swing, 1.2,
        )  # fmt: skip
        pose[FOOT[side] + 1] = 0.05 + 0.05 * max(0.0, swing)
        pose[FOOT[side] + 2] = 0.05 * max(0.0, swing)
    return pose


def _kick(t: float, length: float, tempo: float) -> Pose:
    phase = (t * 0.95 * tempo) % 1.0
    back = max(0.0, 1 - abs(phase - 0.12) / 0.14)
    forth = smooth((phase - 0.18) / 0.12) * smooth((1.02 - phase) / 0.22)
    pose = _STAND.copy()
    pose[FOOT["R"] : FOOT["R"] + 3] = -0.24 * back + 0.38 * forth, 0.0, 0.1 * back + 0.3 * forth
    pose[PITCH] = -0.28 * forth + 0.12 * back
    pose[HAND["L"] : HAND["L"] + 4] = 0.5 * forth, 0.35 + 0.3 * forth, -0.75 + 0.5 * forth, 0.4
    pose[HAND["R"] : HAND["R"] + 4] = -0.45 * forth, 0.35, -0.75, 0.4
    return pose


def _reach_down(depth: float) -> Callable[[float, float, float], Pose]:
    def motion(t: float, length: float, tempo: float) -> Pose:
        x = _ends(t, length, 0.42 * length)
        pose = _STAND.copy()
        pose[PU] -= 0.2 * x * depth
        pose[PF] = -0.1 * x
        pose[PITCH] = (0.35 + 0.75 * depth) * x
        pose[HEAD_PITCH] = 0.2 * x
        rise = 0.38 * (1 - x)
        for side in "RL":
            pose[HAND[side] : HAND[side] + 4] = (
                0.62 + 0.25 * x, -0.12, -0.62 + 0.05 * x + rise, 0.35,
            )  # fmt: skip
        return pose

    return motion


BODY: dict[str, Callable[[float, float, float], Pose]] = {
    "stand": _stand,
    "rest": _rest,
    "walk": _walk,
    "run": _run,
    "sit": _sit,
    "sit_down": _sitting_down,
    "stand_up": _reversed(_sitting_down),
    "get_down": _getting_down,
    "get_up": _reversed(_getting_down),
    "kneel": _kneel,
    "squat": _squat,
    "bend": _bend,
    "bow": _bow,
    "lie": _lie,
    "crawl": _crawl,
    "jump": _jump,
    "dance": _dance,
    "kick": _kick,
    "reach_floor": _reach_down(1.0),
    "reach_table": _reach_down(0.25),
}


# What the arms and the head do on top of a body's pose; ``side`` is the acting hand.
Overlay = Callable[[Pose, float, float, str], None]

# relative to the shoulder, in arm lengths, in the torso's frame
_TO_MOUTH = (0.36, -0.3, 0.36)


def _set(pose: Pose, side: str, f: float, o: float, u: float, elbow: float = 0.3) -> None:
    pose[HAND[side] : HAND[side] + 4] = f, o, u, elbow


def _none(pose: Pose, t: float, tempo: float, side: str) -> None:
    return


def _waving(pose: Pose, t: float, tempo: float, side: str) -> None:
    _set(pose, side, 0.12, 0.42 + 0.3 * sin(2 * pi * 1.8 * tempo * t), 0.72, 1.0)
    pose[MOUTH] = 0.3


def _raising(pose: Pose, t: float, tempo: float, side: str) -> None:
    _set(pose, side, 0.08, 0.1 + 0.02 * sin(2 * t), 0.99, 0.6)


def _stretching(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one in "RL":
        _set(pose, one, -0.08, 0.5 + 0.06 * sin(1.6 * t), 0.84, 0.8)
    pose[PITCH] -= 0.12
    pose[ROLL] += 0.1 * sin(1.3 * t)
    pose[HEAD_PITCH] -= 0.3


def _pointing(pose: Pose, t: float, tempo: float, side: str) -> None:
    _set(pose, side, 0.97, 0.12, 0.1 + 0.03 * sin(2.4 * t), 0.4)
    pose[HEAD_YAW] *= 0.3


def _clapping(pose: Pose, t: float, tempo: float, side: str) -> None:
    gap = 0.5 + 0.5 * cos(2 * pi * 2.6 * tempo * t)
    for one in "RL":
        _set(pose, one, 0.62, -0.3 + 0.42 * gap, 0.12, 0.9)
    pose[MOUTH] = 0.2


def _drinking(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth(0.5 + 1.4 * sin(2 * pi * 0.33 * tempo * t - 0.2) + 0.5)
    f, o, u = _TO_MOUTH
    _set(pose, side, 0.52 + (f - 0.52) * x, -0.1 + (o + 0.1) * x, -0.1 + (u + 0.08) * x, 0.7)
    pose[HEAD_PITCH] -= 0.3 * x


def _eating(pose: Pose, t: float, tempo: float, side: str) -> None:
    x = smooth(0.5 + 1.3 * sin(2 * pi * 0.7 * tempo * t))
    f, o, u = _TO_MOUTH
    _set(pose, side, 0.5 + (f - 0.5) * x, -0.2 + (o + 0.2) * x, 0.0 + u * x, 0.8)
    _set(pose, _OTHER[side], 0.5, -0.2, -0.35, 0.4)
    pose[MOUTH] = 0.5 + 0.5 * sin(2 * pi * 2.1 * t)
    pose[HEAD_PITCH] += 0.18


def _reading(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one in "RL":
        _set(pose, one, 0.68, -0.22, 0.02 + 0.02 * sin(1.1 * t), 0.5)
    pose[HEAD_PITCH] += 0.42
    pose[HEAD_YAW] *= 0.4


def _writing(pose: Pose, t: float, tempo: float, side: str) -> None:
    _set(pose, _OTHER[side], 0.58, -0.25, -0.32, 0.5)
    _set(pose, side, 0.68 + 0.05 * sin(9 * t), -0.28 + 0.1 * sin(2.3 * t), -0.24, 0.8)
    pose[HEAD_PITCH] += 0.62


def _talking(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one, shift in (("R", 0.0), ("L", 1.7)):
        phase = 2 * pi * 0.8 * tempo * t + shift
        _set(pose, one, 0.5 + 0.1 * sin(phase), 0.22 + 0.18 * cos(phase), -0.22 + 0.2 * sin(phase))
    pose[MOUTH] = 0.55 + 0.45 * sin(2 * pi * 2.7 * t)
    pose[HEAD_PITCH] += 0.1 * sin(2 * pi * 0.7 * t)


def _calling(pose: Pose, t: float, tempo: float, side: str) -> None:
    _set(pose, side, 0.1, -0.12, 0.46, 1.3)
    pose[MOUTH] = 0.5 + 0.5 * sin(2 * pi * 2.3 * t)
    pose[HEAD_YAW] *= 0.4


def _looking_down(pose: Pose, t: float, tempo: float, side: str) -> None:
    pose[HEAD_PITCH] += 0.95
    pose[HEAD_YAW] = 0.12 * sin(1.3 * t)
    pose[PITCH] += 0.1


def _pockets(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one in "RL":
        _set(pose, one, 0.12, 0.0, -0.74, 1.1)


def _holding(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one in "RL":
        _set(pose, one, 0.5, -0.16, -0.3 + 0.02 * sin(1.5 * t), 0.5)


def _carrying(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one in "RL":
        _set(pose, one, 0.62, -0.12, -0.24 + 0.015 * sin(5 * t), 0.45)
    pose[PITCH] -= 0.06


def _picturing(pose: Pose, t: float, tempo: float, side: str) -> None:
    for one in "RL":
        _set(pose, one, 0.58, -0.12, 0.5, 0.9)


def _guitar(pose: Pose, t: float, tempo: float, side: str) -> None:
    _set(pose, "R", 0.42, -0.25, -0.5 + 0.12 * sin(2 * pi * 2.0 * tempo * t), 1.0)
    _set(pose, "L", 0.5, 0.5 + 0.08 * sin(2 * pi * 0.6 * t), -0.08, 0.5)
    pose[HEAD_PITCH] += 0.2


def _throwing(pose: Pose, t: float, tempo: float, side: str) -> None:
    phase = t % 1.4
    back = smooth(phase / 0.45)
    forth = smooth((phase - 0.55) / 0.2)
    f, o, u = -0.5 * back + 1.3 * forth, 0.35 - 0.2 * forth, 0.5 * back - 0.35 * forth
    _set(pose, side, f, o, u, 0.9)
    _set(pose, _OTHER[side], 0.55 * back * (1 - forth), 0.2, -0.6, 0.3)
    pose[PITCH] += -0.15 * back + 0.4 * forth
    sign = 1.0 if side == "R" else -1.0
    pose[TWIST] += sign * (0.5 * forth - 0.35 * back)


ARMS: dict[str, Overlay] = {
    "none": _none,
    "waving": _waving,
    "raising": _raising,
    "stretching": _stretching,
    "pointing": _pointing,
    "clapping": _clapping,
    "drinking": _drinking,
    "eating": _eating,
    "reading": _reading,
    "writing": _writing,
    "talking": _talking,
    "calling": _calling,
    "lookingdown": _looking_down,
    "handsinpocket": _pockets,
    "holding": _holding,
    "carrying": _carrying,
    "picturing": _picturing,
    "playingmusic": _guitar,
    "throwing": _throwing,
}
