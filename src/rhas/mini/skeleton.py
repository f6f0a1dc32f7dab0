"""From a pose to joints in space, and to joints on the screen.

Screen coordinates are metres here: x to the right, y down, from the point on the floor below the
person; ``depth`` grows towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin, sqrt

from rhas.mini.poses import (
    FOOT,
    HAND,
    HEAD_PITCH,
    HEAD_YAW,
    KNEE_OUT,
    MOUTH,
    PF,
    PITCH,
    PU,
    ROLL,
    TOES,
    TWIST,
    Pose,
)

THIGH, CALF, ANKLE = 0.25, 0.235, 0.03
TORSO, NECK, HEAD = 0.3, 0.035, 0.085  # HEAD: half the head's height
UPPER_ARM, FORE_ARM = 0.17, 0.165
SHOULDER, HIP = 0.105, 0.052
ARM = UPPER_ARM + FORE_ARM
TILT = 0.13  # how much lower a point nearer to the camera appears

(
    PELVIS, NECK_J, HEAD_J, SHOULDER_R, ELBOW_R, HAND_R, SHOULDER_L, ELBOW_L, HAND_L, HIP_R, KNEE_R,
    ANKLE_R, TOE_R, HIP_L, KNEE_L, ANKLE_L, TOE_L, FACE_J, CROWN, BACK,
) = range(20)  # fmt: skip
JOINTS = 20

Point = tuple[float, float, float]


def _bend_limb(a: Point, b: Point, first: float, second: float, pole: Point) -> tuple[Point, Point]:
    """The middle joint of a two-bone chain from a to b, bent towards pole; and the reached end."""
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    d = sqrt(dx * dx + dy * dy + dz * dz) or 1e-6
    reach = min(d, 0.999 * (first + second))
    reach = max(reach, abs(first - second) + 1e-3)
    dx, dy, dz = dx / d, dy / d, dz / d
    along = (first * first - second * second + reach * reach) / (2 * reach)
    off = sqrt(max(0.0, first * first - along * along))
    dot = pole[0] * dx + pole[1] * dy + pole[2] * dz
    px, py, pz = pole[0] - dot * dx, pole[1] - dot * dy, pole[2] - dot * dz
    n = sqrt(px * px + py * py + pz * pz) or 1e-6
    px, py, pz = px / n * off, py / n * off, pz / n * off
    middle = (a[0] + dx * along + px, a[1] + dy * along + py, a[2] + dz * along + pz)
    return middle, (a[0] + dx * reach, a[1] + dy * reach, a[2] + dz * reach)


def compute_joints(pose: Pose, girth: float) -> list[Point]:
    """The joints in the body's coordinates (forward, left, up), in units of body height."""
    v = pose.tolist()
    cp, sp, cr, sr = cos(v[PITCH]), sin(v[PITCH]), cos(v[ROLL]), sin(v[ROLL])
    ct, st = cos(v[TWIST]), sin(v[TWIST])
    up = (sp * cr, sr, cp * cr)
    forward0 = (cp, 0.0, -sp)
    left0 = (-sp * sr, cr, -cp * sr)
    forward = tuple(ct * f + st * s for f, s in zip(forward0, left0, strict=True))
    left = tuple(ct * s - st * f for f, s in zip(forward0, left0, strict=True))
    pelvis = (v[PF], 0.0, v[PU] + ANKLE)
    neck = tuple(p + TORSO * u for p, u in zip(pelvis, up, strict=True))
    ch, sh = cos(v[HEAD_PITCH]), sin(v[HEAD_PITCH])
    head_up = tuple(ch * u + sh * f for u, f in zip(up, forward, strict=True))
    nod = tuple(ch * f - sh * u for u, f in zip(up, forward, strict=True))
    cy, sy = cos(v[HEAD_YAW]), sin(v[HEAD_YAW])
    face = tuple(cy * f + sy * s for f, s in zip(nod, left, strict=True))
    head = tuple(n + (NECK + HEAD) * u for n, u in zip(neck, head_up, strict=True))
    joints: list[Point] = [(0.0, 0.0, 0.0)] * JOINTS
    joints[PELVIS], joints[NECK_J], joints[HEAD_J] = pelvis, neck, head
    joints[FACE_J] = tuple(h + 0.1 * f for h, f in zip(head, face, strict=True))
    joints[CROWN] = tuple(h + HEAD * u for h, u in zip(head, head_up, strict=True))
    joints[BACK] = tuple(n - 0.1 * u - 0.085 * f for n, u, f in zip(neck, up, forward, strict=True))
    shoulder = SHOULDER * (0.86 + 0.14 * girth)
    for side, sign, base in (("R", -1.0, SHOULDER_R), ("L", 1.0, SHOULDER_L)):
        f, o, u, elbow = v[HAND[side] : HAND[side] + 4]
        start = tuple(
            n - 0.025 * uu + sign * shoulder * s for n, uu, s in zip(neck, up, left, strict=True)
        )
        target = tuple(
            a + ARM * (f * ff + sign * o * s + u * uu)
            for a, ff, s, uu in zip(start, forward, left, up, strict=True)
        )
        pole = tuple(
            -0.35 * ff + sign * elbow * s - uu for ff, s, uu in zip(forward, left, up, strict=True)
        )
        middle, end = _bend_limb(start, target, UPPER_ARM, FORE_ARM, pole)
        joints[base : base + 3] = [start, middle, end]
    hip = HIP * (0.7 + 0.3 * girth)
    toe_f, toe_u = 0.075 * cos(v[TOES]), 0.075 * sin(v[TOES])
    for side, sign, base in (("R", -1.0, HIP_R), ("L", 1.0, HIP_L)):
        f, o, u = v[FOOT[side] : FOOT[side] + 3]
        start = (pelvis[0], sign * hip, pelvis[2])
        target = (f, sign * (hip + 0.012 + o), u + ANKLE)
        middle, end = _bend_limb(start, target, THIGH, CALF, (1.0, sign * v[KNEE_OUT], 0.35))
        toe = (end[0] + toe_f, end[1] + sign * 0.012, max(0.008, end[2] - 0.02 + toe_u))
        joints[base : base + 4] = [start, middle, end, toe]
    return joints


@dataclass(slots=True)
class Projected:
    """A skeleton on the screen."""

    x: list[float]
    """Metres to the right of the point on the floor."""
    y: list[float]
    """Metres downward, so negative above the floor."""
    depth: list[float]
    """Metres towards the camera."""
    yaw: float
    """Direction of the body: 0 faces the camera, pi/2 faces right."""
    size: float
    """Body height in metres on the screen."""
    mouth: float
    """How far the mouth is open, 0 to about 1."""

    def in_body_heights(self) -> Projected:
        """The same with the body's height as the unit."""
        k = 1.0 / self.size
        x, y, depth = ([v * k for v in values] for values in (self.x, self.y, self.depth))
        return Projected(x, y, depth, self.yaw, 1.0, self.mouth)


def project_joints(joints: list[Point], pose: Pose, yaw: float, size: float) -> Projected:
    """See a skeleton from the camera.

    Args:
        joints: from :func:`compute_joints`.
        pose: the pose they come from.
        yaw: direction of the body in radians, 0 to the camera, pi/2 to the right.
        size: body height in metres.
    """
    s, c = sin(yaw) * size, cos(yaw) * size
    xs, ys, ds = [], [], []
    for f, left, u in joints:
        depth = f * c - left * s
        xs.append(f * s + left * c)
        ys.append(TILT * depth - u * size)
        ds.append(depth)
    return Projected(xs, ys, ds, yaw, size, float(pose[MOUTH]))
