"""Which part of the screen a figure fills, and where its visibility is tested (metres)."""

from __future__ import annotations

import numpy as np

from rhas.mini.appearance import Appearance
from rhas.mini.skeleton import (
    ANKLE_L,
    ANKLE_R,
    BACK,
    CROWN,
    ELBOW_L,
    ELBOW_R,
    FACE_J,
    HAND_L,
    HAND_R,
    HEAD,
    HEAD_J,
    HIP_L,
    HIP_R,
    JOINTS,
    KNEE_L,
    KNEE_R,
    NECK_J,
    PELVIS,
    SHOULDER_L,
    SHOULDER_R,
    TOE_L,
    TOE_R,
    Projected,
)

# radius around each joint, in units of body height, that the drawn figure fills
_RADII = np.array(
    [0.07, 0.04, 0.085, 0.045, 0.03, 0.035, 0.045, 0.03, 0.035, 0.07, 0.045,
     0.03, 0.025, 0.07, 0.045, 0.03, 0.025, 0.0, 0.015, 0.0]
)  # fmt: skip
_BOX_JOINTS = [j for j in range(JOINTS) if j not in (FACE_J, BACK)]
# where visibility is sampled: more points on torso and head than on the limbs
_SAMPLES = np.array(
    [PELVIS, NECK_J, HEAD_J, HEAD_J, CROWN, SHOULDER_R, SHOULDER_L, ELBOW_R, ELBOW_L, HAND_R,
     HAND_L, HIP_R, HIP_L, KNEE_R, KNEE_L, ANKLE_R, ANKLE_L]
)  # fmt: skip


def find_figure_box(
    p: Projected, appearance: Appearance, held: str
) -> tuple[float, float, float, float]:
    """Box around the drawn figure with what it holds: x0, y0, x1, y1 in metres."""
    size, wide = p.size, 0.6 + 0.4 * appearance.girth
    x0 = y0 = 1e9
    x1 = y1 = -1e9
    radii = _RADII.tolist()
    for j in _BOX_JOINTS:
        r = radii[j] * size * (wide if j in (PELVIS, HIP_R, HIP_L) else 1.0)
        x, y = p.x[j], p.y[j]
        x0, x1, y0, y1 = min(x0, x - r), max(x1, x + r), min(y0, y - r), max(y1, y + r)
    hat = appearance.attributes.hat
    if hat is not None:
        cx, cy = p.x[CROWN], p.y[CROWN]
        y0 = min(y0, cy - 0.03 * size)
        if hat == "hat":
            x0, x1 = min(x0, cx - 0.1 * size), max(x1, cx + 0.1 * size)
    for x, y, r in list_held_discs(p, held):
        x0, x1, y0, y1 = min(x0, x - r), max(x1, x + r), min(y0, y - r), max(y1, y + r)
    if appearance.attributes.bag == "backpack":
        bx, by, r = p.x[BACK], p.y[BACK], 0.07 * size
        x0, x1, y0, y1 = min(x0, bx - r), max(x1, bx + r), min(y0, by - r), max(y1, by + r)
    return x0, y0, x1, y1


_BONES = np.array(
    [(PELVIS, NECK_J), (NECK_J, HEAD_J), (HEAD_J, CROWN), (SHOULDER_R, SHOULDER_L),
     (SHOULDER_R, ELBOW_R), (ELBOW_R, HAND_R), (SHOULDER_L, ELBOW_L), (ELBOW_L, HAND_L),
     (HIP_R, KNEE_R), (KNEE_R, ANKLE_R), (ANKLE_R, TOE_R),
     (HIP_L, KNEE_L), (KNEE_L, ANKLE_L), (ANKLE_L, TOE_L), (PELVIS, HIP_R), (PELVIS, HIP_L)]
)  # fmt: skip
_BONE_RADII = np.array(
    [0.1, 0.07, 0.08, 0.045, 0.035, 0.032, 0.035, 0.032, 0.055, 0.04, 0.027, 0.055, 0.04, 0.027,
     0.07, 0.07]
)  # fmt: skip
_ALONG = np.linspace(0, 1, 9)


def find_visible_box(
    p: Projected, appearance: Appearance, held: str, window: tuple[float, float, float, float]
) -> tuple[float, float, float, float] | None:
    """Box around the part of the figure inside a window (x0, y0, x1, y1, metres); None if empty."""
    joints = np.stack([p.x, p.y], axis=1)
    a, b = joints[_BONES[:, 0]], joints[_BONES[:, 1]]
    points = a[:, None] + (b - a)[:, None] * _ALONG[:, None]  # (bones, 9, 2)
    wide = np.ones(len(_BONES))
    wide[[0, 14, 15]] = 0.55 + 0.45 * appearance.girth
    radii = np.repeat(_BONE_RADII * wide * p.size, len(_ALONG))
    centres = points.reshape(-1, 2)
    things = [(p.x[HEAD_J], p.y[HEAD_J], HEAD * p.size)]
    things += list_held_discs(p, held)
    if appearance.attributes.bag == "backpack":
        things.append((p.x[BACK], p.y[BACK], 0.07 * p.size))
    extra = np.array(things)
    centres = np.concatenate([centres, extra[:, :2]])
    radii = np.concatenate([radii, extra[:, 2]])
    low, high = centres - radii[:, None], centres + radii[:, None]
    x0, y0, x1, y1 = window
    reach = 0.6 * radii  # a disc that only grazes the window shows less than its box
    inside = (centres[:, 0] + reach > x0) & (centres[:, 0] - reach < x1)
    inside &= (centres[:, 1] + reach > y0) & (centres[:, 1] - reach < y1)
    if not inside.any():
        return None
    low, high = low[inside].min(0), high[inside].max(0)
    return (
        max(x0, float(low[0])), max(y0, float(low[1])),
        min(x1, float(high[0])), min(y1, float(high[1])),
    )  # fmt: skip


def list_held_discs(p: Projected, held: str) -> list[tuple[float, float, float]]:
    mx, my = (p.x[HAND_R] + p.x[HAND_L]) / 2, (p.y[HAND_R] + p.y[HAND_L]) / 2
    if held == "box":
        return [(mx, my - 0.02, 0.19)]
    if held in ("ball", "book", "paper"):
        return [(mx, my, 0.15)]
    if held == "guitar":
        return [(p.x[HAND_R], p.y[HAND_R], 0.2), (p.x[HAND_L], p.y[HAND_L], 0.12)]
    return []


def list_test_points(p: Projected) -> np.ndarray:
    """Points on the figure at which visibility is tested, float64 (19, 2), metres."""
    x, y = np.array(p.x)[_SAMPLES], np.array(p.y)[_SAMPLES]
    xm = (p.x[PELVIS] + p.x[NECK_J]) / 2
    ym = (p.y[PELVIS] + p.y[NECK_J]) / 2
    extra_x = [xm, (xm + p.x[NECK_J]) / 2]
    extra_y = [ym, (ym + p.y[NECK_J]) / 2]
    return np.stack([np.append(x, extra_x), np.append(y, extra_y)], axis=1)
