"""Motions of the whole body: the pose at each moment of standing, walking, sitting down, ..."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from rhas.mini.poses import (
    CRAWL,
    FOOT,
    HAND,
    HEAD_PITCH,
    HEAD_YAW,
    KNEEL,
    LIE,
    PF,
    PITCH,
    PU,
    ROLL,
    SIT,
    SIT_ON_FLOOR,
    SQUAT,
    STAND,
    TWIST,
    YAW,
    Pose,
    mix_poses,
    set_hand,
    set_hands,
    smooth_step,
)

BodyMotionFunction = Callable[[float, float, float], Pose]
"""Pose after t seconds of a motion of a given length (seconds), at a person's tempo (factor)."""


def _stand_pose(t: float, length: float, tempo: float) -> Pose:
    pose = STAND.copy()
    pose[ROLL] = 0.02 * sin(0.9 * tempo * t)
    pose[HEAD_YAW] = 0.25 * sin(0.55 * tempo * t)
    pose[PU] += 0.003 * sin(1.7 * t)
    return pose


def _rest_pose(t: float, length: float, tempo: float) -> Pose:
    pose = _stand_pose(t, length, tempo)
    set_hands(pose, 0.02, 0.06, -0.62, 1.6)
    return pose


def _gait_pose(t: float, rate: float, reach: float, lift: float) -> Pose:
    pose = STAND.copy()
    for side, shift in (("R", 0.0), ("L", pi)):
        phase = 2 * pi * rate * t + shift
        pose[FOOT[side]] = reach * cos(phase)
        pose[FOOT[side] + 2] = lift * max(0.0, -sin(phase)) + 0.25 * lift * (cos(phase) < -0.6)
        pose[HAND[side]] = 0.08 - 0.42 * cos(phase)
        pose[HAND[side] + 2] = -0.9
    return pose


def gait_speed(stature: float, tempo: float, run: bool) -> float:
    """Metres per second at which the feet of a walk or run do not slide."""
    return (4 * 0.23 * 1.6 if run else 4 * 0.165 * 0.98) * stature * tempo


def _walk_pose(t: float, length: float, tempo: float) -> Pose:
    pose = _gait_pose(t, 0.98 * tempo, 0.165, 0.07)
    pose[PU] = 0.485 + 0.008 * cos(4 * pi * 0.98 * tempo * t)
    pose[PITCH] = 0.05
    return pose


def _run_pose(t: float, length: float, tempo: float) -> Pose:
    rate = 1.6 * tempo
    pose = _gait_pose(t, rate, 0.23, 0.2)
    pose[PU] = 0.475 + 0.025 * cos(4 * pi * rate * t)
    pose[PITCH] = 0.3
    pose[HEAD_PITCH] = -0.2
    for side, shift in (("R", 0.0), ("L", pi)):
        swing = cos(2 * pi * rate * t + shift)
        set_hand(pose, side, 0.4 - 0.45 * swing, 0.05, -0.4 - 0.18 * swing, 0.3)
    return pose


def _sit_pose(t: float, length: float, tempo: float) -> Pose:
    pose = SIT.copy()
    pose[HEAD_YAW] = 0.25 * sin(0.5 * tempo * t)
    pose[ROLL] = 0.02 * sin(0.8 * t)
    return pose


def _sitting_down_pose(t: float, length: float, tempo: float) -> Pose:
    x = smooth_step(t / length)
    pose = mix_poses(STAND, SIT, x)
    pose[PITCH] += 0.75 * sin(pi * x)
    pose[PF] -= 0.06 * sin(pi * x)
    return pose


def _reverse_motion(motion: BodyMotionFunction) -> BodyMotionFunction:
    return lambda t, length, tempo: motion(max(0.0, length - t), length, tempo)


def _getting_down_pose(t: float, length: float, tempo: float) -> Pose:
    x = 3 * t / length
    if x < 1:
        return mix_poses(STAND, SQUAT, smooth_step(x))
    if x < 2:
        return mix_poses(SQUAT, SIT_ON_FLOOR, smooth_step(x - 1))
    return mix_poses(SIT_ON_FLOOR, LIE, smooth_step(x - 2))


def _kneel_pose(t: float, length: float, tempo: float) -> Pose:
    pose = mix_poses(STAND, KNEEL, _ease_ends(t, length, 0.7))
    pose[HEAD_YAW] = 0.25 * sin(0.6 * t)
    return pose


def _ease_ends(t: float, length: float, ramp: float) -> float:
    """Rises from 0 to 1 at the start and falls back at the end."""
    ramp = min(ramp, length / 3)
    return smooth_step(t / ramp) * smooth_step((length - t) / ramp)


def _bend_pose(t: float, length: float, tempo: float) -> Pose:
    x = _ease_ends(t, length, 0.6)
    pose = STAND.copy()
    pose[PITCH] = 1.35 * x
    pose[PF] = -0.1 * x
    pose[PU] -= 0.03 * x
    set_hands(pose, 0.1 + 0.85 * x, 0.1, -0.96 + (0.72 + 0.08 * sin(2.5 * t)) * x, 0.2)
    pose[HEAD_PITCH] = 0.3 * x
    return pose


def _lie_pose(t: float, length: float, tempo: float) -> Pose:
    pose = LIE.copy()
    pose[HEAD_YAW] = 0.3 * sin(0.5 * t)
    pose[FOOT["R"] : FOOT["R"] + 3] = 0.17 + 0.03 * sin(0.6 * t), 0.0, 0.02
    return pose


def _falling_pose(t: float, length: float, tempo: float) -> Pose:
    x = smooth_step(t / length)
    pose = mix_poses(STAND, SIT_ON_FLOOR, x * x)
    flail = sin(pi * min(1.0, x * 1.2))
    for side in "RL":
        pose[HAND[side] : HAND[side] + 3] += 0.5 * flail, 0.3 * flail, 0.9 * flail
    pose[PITCH] -= 0.35 * flail
    return pose


def _floor_pose(t: float, length: float, tempo: float) -> Pose:
    pose = SIT_ON_FLOOR.copy()
    pose[HEAD_YAW] = 0.2 * sin(0.7 * t)
    return pose


def _rise_pose(t: float, length: float, tempo: float) -> Pose:
    x = 2 * t / length
    if x < 1:
        return mix_poses(SIT_ON_FLOOR, SQUAT, smooth_step(x))
    return mix_poses(SQUAT, STAND, smooth_step(x - 1))


def _dodge_pose(t: float, length: float, tempo: float) -> Pose:
    phase = (0.75 * tempo * t) % 1.0
    back = smooth_step(phase / 0.2) * smooth_step((0.55 - phase) / 0.2)
    duck = smooth_step((phase - 0.5) / 0.2) * smooth_step((1.0 - phase) / 0.2)
    pose = mix_poses(STAND, SQUAT, 0.45 * duck)
    pose[PITCH] += -0.4 * back
    pose[PF] -= 0.05 * back
    pose[ROLL] += 0.3 * (duck - back)
    set_hands(pose, 0.45, 0.1, -0.1, 0.7)
    return pose


def _crawl_pose(t: float, length: float, tempo: float) -> Pose:
    pose = mix_poses(STAND, CRAWL, _ease_ends(t, length, 0.7))
    depth = _ease_ends(t, length, 0.7)
    for side, shift in (("R", 0.0), ("L", pi)):
        phase = 2 * pi * 0.9 * tempo * t + shift
        pose[HAND[side] + 2] += depth * 0.3 * cos(phase)
        pose[HAND[side]] -= depth * 0.12 * max(0.0, sin(phase))
        pose[FOOT[side]] += depth * 0.08 * cos(phase + pi)
    return pose


def _jump_pose(t: float, length: float, tempo: float) -> Pose:
    phase = (t * 1.25 * tempo) % 1.0
    crouch = max(0.0, 1 - abs(phase - 0.2) / 0.2) + 0.6 * max(0.0, 1 - abs(phase - 0.9) / 0.1)
    air = max(0.0, sin(pi * (phase - 0.36) / 0.5)) if 0.36 < phase < 0.86 else 0.0
    pose = STAND.copy()
    lift = 0.2 * air
    pose[PU] += lift - 0.13 * crouch
    pose[PITCH] = 0.4 * crouch
    for side in "RL":
        pose[FOOT[side] : FOOT[side] + 3] = -0.04 * air, 0.08 * air, lift * 0.95
        up = smooth_step(1.6 * air)
        set_hand(pose, side, -0.3 * crouch + 0.1, 0.15 + 0.5 * up, -0.9 + 1.55 * up, 0.5)
    return pose


def _dance_pose(t: float, length: float, tempo: float) -> Pose:
    beat = 2 * pi * 0.95 * tempo * t
    pose = STAND.copy()
    pose[PU] = 0.475 + 0.018 * cos(2 * beat)
    pose[ROLL] = 0.22 * sin(beat)
    pose[TWIST] = 0.4 * sin(beat)
    pose[YAW] = 0.6 * sin(beat / 4)
    pose[HEAD_PITCH] = 0.1 * cos(2 * beat)
    for side, sign in (("R", 1.0), ("L", -1.0)):
        swing = sign * sin(beat)
        set_hand(pose, side, 0.3, 0.5 + 0.15 * swing, 0.12 + 0.5 * swing, 1.2)
        pose[FOOT[side] + 1] = 0.05 + 0.05 * max(0.0, swing)
        pose[FOOT[side] + 2] = 0.05 * max(0.0, swing)
    return pose


def _kick_pose(t: float, length: float, tempo: float) -> Pose:
    phase = (t * 0.95 * tempo) % 1.0
    back = max(0.0, 1 - abs(phase - 0.12) / 0.14)
    forth = smooth_step((phase - 0.18) / 0.12) * smooth_step((1.02 - phase) / 0.22)
    pose = STAND.copy()
    pose[FOOT["R"] : FOOT["R"] + 3] = -0.24 * back + 0.38 * forth, 0.0, 0.1 * back + 0.3 * forth
    pose[PITCH] = -0.28 * forth + 0.12 * back
    set_hand(pose, "L", 0.5 * forth, 0.35 + 0.3 * forth, -0.75 + 0.5 * forth, 0.4)
    set_hand(pose, "R", -0.45 * forth, 0.35, -0.75, 0.4)
    return pose


def _reach_down(depth: float) -> BodyMotionFunction:
    def motion(t: float, length: float, tempo: float) -> Pose:
        x = _ease_ends(t, length, 0.42 * length)
        pose = STAND.copy()
        pose[PU] -= 0.2 * x * depth
        pose[PF] = -0.1 * x
        pose[PITCH] = (0.35 + 0.75 * depth) * x
        pose[HEAD_PITCH] = 0.2 * x
        rise = 0.38 * (1 - x)
        set_hands(pose, 0.62 + 0.25 * x, -0.12, -0.62 + 0.05 * x + rise, 0.35)
        return pose

    return motion


BODY_MOTIONS: dict[str, BodyMotionFunction] = {
    "stand": _stand_pose,
    "rest": _rest_pose,
    "walk": _walk_pose,
    "run": _run_pose,
    "sit": _sit_pose,
    "sit_down": _sitting_down_pose,
    "stand_up": _reverse_motion(_sitting_down_pose),
    "get_down": _getting_down_pose,
    "get_up": _reverse_motion(_getting_down_pose),
    "kneel": _kneel_pose,
    "bend": _bend_pose,
    "lie": _lie_pose,
    "crawl": _crawl_pose,
    "jump": _jump_pose,
    "dance": _dance_pose,
    "kick": _kick_pose,
    "fall": _falling_pose,
    "floor": _floor_pose,
    "rise": _rise_pose,
    "dodge": _dodge_pose,
    "reach_floor": _reach_down(1.0),
    "reach_table": _reach_down(0.25),
}
