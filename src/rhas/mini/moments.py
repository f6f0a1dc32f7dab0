"""A person at one moment of a story."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import pi

from rhas.mini.appearance import Appearance
from rhas.mini.arm_motions import ARM_MOTIONS
from rhas.mini.body_motions import BODY_MOTIONS
from rhas.mini.poses import HAND, MOUTH, YAW, Pose, mix_poses, smooth_step
from rhas.mini.story import ArmMotion, BodyMotion, Timeline

_BLEND = 0.3  # seconds from one movement to the next
_TURN = 0.45  # seconds of a turn


def find_position(timeline: Timeline, t: float) -> tuple[int, float] | None:
    """Setting and x (metres) of a person; None where the person is in no setting."""
    body = _find_body_motion(timeline, t)
    if body is None:
        return None
    x = (t - body.t0) / max(1e-9, body.t1 - body.t0)
    return body.setting, body.x0 + (body.x1 - body.x0) * x


def _find_body_motion(timeline: Timeline, t: float) -> BodyMotion | None:
    starts = timeline.body_starts or [b.t0 for b in timeline.body]
    i = bisect_right(starts, t) - 1
    if i < 0 or t >= timeline.body[i].t1 + 1e-6:
        return None
    return timeline.body[i]


@dataclass(slots=True)
class PersonState:
    """A person at one moment."""

    setting: int
    x: float
    z: float
    yaw: float
    pose: Pose
    held: str
    side: str
    hidden: bool
    """Hands in the pockets."""


def find_state(
    timeline: Timeline, appearance: Appearance, t: float, setting: int
) -> PersonState | None:
    """A person's place and pose at a moment; None where the person is not in that setting."""
    i = bisect_right(timeline.body_starts, t) - 1
    if i < 0:
        return None
    body = timeline.body[i]
    if body.setting != setting or t >= body.t1 + 1e-6:
        return None
    tempo, since = appearance.tempo, t - body.t0
    pose, yaw = BODY_MOTIONS[body.name](since, body.length, tempo), body.yaw
    before = timeline.body[i - 1] if i > 0 else None
    if before is not None and (before.setting != setting or body.t0 - before.t1 > 1e-6):
        before = None
    if before is not None and since < _BLEND:
        old = BODY_MOTIONS[before.name](t - before.t0, before.length, tempo)
        pose = mix_poses(old, pose, smooth_step(since / _BLEND))
    if before is not None and since < _TURN:
        difference = (body.yaw - before.yaw + pi) % (2 * pi) - pi
        yaw = before.yaw + difference * smooth_step(since / _TURN)
    held, side, hidden = "", "R", False
    arms = _find_arm_motion(timeline, t)
    if arms is not None:
        pose = _move_arms(timeline, arms, body, before is not None, pose, t, tempo)
        if t < timeline.arms[arms].t1:
            active = timeline.arms[arms]
            held, side = _find_held(active, t), active.side
            hidden = active.name == "handsinpocket" and t - active.t0 > 0.2
    yaw += float(pose[YAW])
    pose[MOUTH] = max(0.0, pose[MOUTH])
    share = since / max(1e-9, body.t1 - body.t0)
    x = body.x0 + (body.x1 - body.x0) * share
    z = body.z0 + (body.z1 - body.z0) * share
    return PersonState(setting, x, z, yaw, pose, held, side, hidden)


def _find_arm_motion(timeline: Timeline, t: float) -> int | None:
    """Index of the arm motion of a moment, or of one that has just ended."""
    j = bisect_right(timeline.arms_starts, t) - 1
    return j if j >= 0 and t - timeline.arms[j].t1 < _BLEND else None


def _move_arms(
    timeline: Timeline, j: int, body: BodyMotion, continued: bool, pose: Pose, t: float,
    tempo: float,
) -> Pose:  # fmt: skip
    """A body's pose with arm motion ``j`` on top, blended at its start and end.

    ``continued``: the body moved in this setting before its present motion.
    """
    arms = timeline.arms[j]
    if t >= arms.t1:  # just ended
        if body.t0 <= arms.t0 or t - body.t0 < _BLEND:
            return mix_poses(
                _apply_motion(arms, pose, t, tempo), pose, smooth_step((t - arms.t1) / _BLEND)
            )
        return pose
    moved = _apply_motion(arms, pose, t, tempo)
    begun = body.t0 <= arms.t0 + 1e-6 or continued
    if not (t - arms.t0 < _BLEND and begun and arms.t0 > body.t0 - 5):
        return moved
    previous = timeline.arms[j - 1] if j > 0 else None
    start = pose
    if previous is not None and arms.t0 - previous.t1 < 1e-6:
        start = _apply_motion(previous, pose, t, tempo)
    return mix_poses(start, moved, smooth_step((t - arms.t0) / _BLEND))


def _apply_motion(arms: ArmMotion, pose: Pose, t: float, tempo: float) -> Pose:
    moved = pose.copy()
    ARM_MOTIONS[arms.name](moved, t - arms.t0, tempo, arms.side)
    if arms.lift:
        moved[[HAND["R"] + 2, HAND["L"] + 2]] += arms.lift
    return moved


def _find_held(arms: ArmMotion, t: float) -> str:
    if arms.swap < 0:
        return arms.held
    return arms.held if (t >= arms.swap) == arms.appears else ""
