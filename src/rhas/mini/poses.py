"""The pose vector and the poses that motions start from and end in.

A pose is a float64 vector of ``SIZE`` numbers in the coordinates of the body (f forward, o outward
from the body's middle on that side, u up), lengths in units of body height, angles in radians.
Hands are relative to their shoulder in units of the arm's length, in the coordinates of the torso;
feet are relative to the point on the floor below the body.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

Pose = NDArray[np.float64]

PF, PU, PITCH, ROLL, TWIST, HEAD_PITCH, HEAD_YAW, MOUTH = range(8)
HAND = {"R": 8, "L": 12}  # f, o, u, how far the elbow points outward
FOOT = {"R": 16, "L": 19}  # f, o, u
YAW, TOES, KNEE_OUT = 22, 23, 24
SIZE = 25
OTHER_SIDE = {"R": "L", "L": "R"}


def _make_pose(
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


STAND = _make_pose()
SIT = _make_pose(pelvis=(0.0, 0.275), hand=(0.62, -0.02, -0.62), foot=(0.235, 0.0, 0.0), pitch=0.05)
SQUAT = _make_pose(
    pelvis=(-0.07, 0.17), pitch=0.45, hand=(0.72, -0.05, -0.3), foot=(0.03, 0.03, 0.0),
    knee_out=0.45, head=-0.2,
)  # fmt: skip
KNEEL = _make_pose(pelvis=(0.0, 0.27), hand=(0.3, 0.0, -0.85), foot=(-0.23, 0.0, 0.03), toes=pi)
LIE = _make_pose(
    pelvis=(-0.1, 0.085), pitch=-1.5, hand=(0.05, 0.2, -0.95), foot=(0.39, 0.02, 0.05),
    toes=1.4, head=0.15,
)  # fmt: skip
CRAWL = _make_pose(
    pelvis=(-0.05, 0.27), pitch=1.3, hand=(0.93, 0.0, 0.12), foot=(-0.28, 0.0, 0.04),
    toes=pi, head=-0.7,
)  # fmt: skip
SIT_ON_FLOOR = _make_pose(
    pelvis=(-0.08, 0.09), pitch=-0.5, hand=(-0.35, 0.1, -0.85), foot=(0.3, 0.02, 0.0)
)


def smooth_step(x: float) -> float:
    """0 below 0, 1 above 1, a smooth step between."""
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


def mix_poses(a: Pose, b: Pose, x: float) -> Pose:
    """The pose between ``a`` (x = 0) and ``b`` (x = 1)."""
    return a + (b - a) * x


def set_hand(pose: Pose, side: str, f: float, o: float, u: float, elbow: float = 0.3) -> None:
    """Move the hand of a side, ``R`` or ``L``."""
    pose[HAND[side] : HAND[side] + 4] = f, o, u, elbow


def set_hands(pose: Pose, f: float, o: float, u: float, elbow: float = 0.3) -> None:
    """Move both hands, mirrored."""
    for side in "RL":
        set_hand(pose, side, f, o, u, elbow)
