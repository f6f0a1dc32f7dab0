"""From a pose to a drawn person: the skeleton, its projection, clothes and held things.

Screen coordinates are metres here: x to the right, y down, from the point on the floor below the
person; ``depth`` grows towards the camera. The caller scales the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, pi, sin, sqrt

import numpy as np
import skia

from rhas.mini.appearance import Look, Rgb
from rhas.mini.motions import (
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


def _bend(a: Point, b: Point, first: float, second: float, pole: Point) -> tuple[Point, Point]:
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


def skeleton(pose: Pose, girth: float) -> list[Point]:
    """The joints in the body's frame (forward, left, up), in units of body height."""
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
        middle, end = _bend(start, target, UPPER_ARM, FORE_ARM, pole)
        joints[base : base + 3] = [start, middle, end]
    hip = HIP * (0.7 + 0.3 * girth)
    toe_f, toe_u = 0.075 * cos(v[TOES]), 0.075 * sin(v[TOES])
    for side, sign, base in (("R", -1.0, HIP_R), ("L", 1.0, HIP_L)):
        f, o, u = v[FOOT[side] : FOOT[side] + 3]
        start = (pelvis[0], sign * hip, pelvis[2])
        target = (f, sign * (hip + 0.012 + o), u + ANKLE)
        middle, end = _bend(start, target, THIGH, CALF, (1.0, sign * v[KNEE_OUT], 0.35))
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


def project(joints: list[Point], pose: Pose, yaw: float, size: float) -> Projected:
    """See a skeleton from the camera.

    Args:
        joints: from :func:`skeleton`.
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
SAMPLES = len(_SAMPLES) + 2


def extent(p: Projected, look: Look, held: str) -> tuple[float, float, float, float]:
    """Box around the drawn figure with what it holds: x0, y0, x1, y1 in metres."""
    size, wide = p.size, 0.6 + 0.4 * look.girth
    x0 = y0 = 1e9
    x1 = y1 = -1e9
    radii = _RADII.tolist()
    for j in _BOX_JOINTS:
        r = radii[j] * size * (wide if j in (PELVIS, HIP_R, HIP_L) else 1.0)
        x, y = p.x[j], p.y[j]
        x0, x1, y0, y1 = min(x0, x - r), max(x1, x + r), min(y0, y - r), max(y1, y + r)
    hat = look.attributes.hat
    if hat is not None:
        cx, cy = p.x[CROWN], p.y[CROWN]
        y0 = min(y0, cy - 0.03 * size)
        if hat == "hat":
            x0, x1 = min(x0, cx - 0.1 * size), max(x1, cx + 0.1 * size)
    for x, y, r in _held_extent(p, held):
        x0, x1, y0, y1 = min(x0, x - r), max(x1, x + r), min(y0, y - r), max(y1, y + r)
    if look.attributes.bag == "backpack":
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


def extent_inside(
    p: Projected, look: Look, held: str, window: tuple[float, float, float, float]
) -> tuple[float, float, float, float] | None:
    """Box around the part of the figure inside a window (x0, y0, x1, y1, metres); None if empty."""
    joints = np.stack([p.x, p.y], axis=1)
    a, b = joints[_BONES[:, 0]], joints[_BONES[:, 1]]
    points = a[:, None] + (b - a)[:, None] * _ALONG[:, None]  # (bones, 9, 2)
    wide = np.ones(len(_BONES))
    wide[[0, 14, 15]] = 0.55 + 0.45 * look.girth
    radii = np.repeat(_BONE_RADII * wide * p.size, len(_ALONG))
    centres = points.reshape(-1, 2)
    things = [(p.x[HEAD_J], p.y[HEAD_J], HEAD * p.size)]
    things += _held_extent(p, held)
    if look.attributes.bag == "backpack":
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


def _held_extent(p: Projected, held: str) -> list[tuple[float, float, float]]:
    mx, my = (p.x[HAND_R] + p.x[HAND_L]) / 2, (p.y[HAND_R] + p.y[HAND_L]) / 2
    if held == "box":
        return [(mx, my - 0.02, 0.19)]
    if held in ("ball", "book", "paper", "flowers"):
        return [(mx, my, 0.15)]
    if held == "guitar":
        return [(p.x[HAND_R], p.y[HAND_R], 0.2), (p.x[HAND_L], p.y[HAND_L], 0.12)]
    return []


def sample_points(p: Projected) -> np.ndarray:
    """Points on the figure at which visibility is tested, float64 (SAMPLES, 2), metres."""
    x, y = np.array(p.x)[_SAMPLES], np.array(p.y)[_SAMPLES]
    xm = (p.x[PELVIS] + p.x[NECK_J]) / 2
    ym = (p.y[PELVIS] + p.y[NECK_J]) / 2
    extra_x = [xm, (xm + p.x[NECK_J]) / 2]
    extra_y = [ym, (ym + p.y[NECK_J]) / 2]
    return np.stack([np.append(x, extra_x), np.append(y, extra_y)], axis=1)


def _shade(colour: Rgb, factor: float) -> int:
    r, g, b = (min(255, max(0, round(c * factor))) for c in colour)
    return skia.Color(r, g, b)


def _plain(colour: Rgb, factor: float = 1.0) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=_shade(colour, factor))


def _tile(look: Look, rng: np.random.Generator) -> skia.Image:
    """One repeat of the upper garment's cloth, 32 x 32 pixels."""
    n = 32
    base = np.array(look.upper, np.float64)
    accent = np.array(look.accent, np.float64)
    yy, xx = np.mgrid[0:n, 0:n]
    pattern = look.attributes.pattern
    if pattern == "striped":
        on = (yy % n) < n * 0.42
    elif pattern == "dotted":
        on = (xx - 8) ** 2 + (yy - 8) ** 2 < 26
        on |= (xx - 24) ** 2 + (yy - 24) ** 2 < 26
    elif pattern == "checked":
        on = (xx < n // 2) ^ (yy < n // 2)
    else:
        on = np.zeros((n, n), bool)
    cloth = np.where(on[..., None], accent, base)
    cloth = cloth * (1 + rng.normal(0, 0.035, (n, n, 1)))
    rgba = np.full((n, n, 4), 255, np.uint8)
    rgba[..., :3] = np.clip(cloth, 0, 255)
    return skia.Image.fromarray(rgba, colorType=skia.kRGBA_8888_ColorType)


_LIT = (0.62, 1.1, 1.0, 0.52)


def _across(colour: Rgb, r: float) -> skia.Paint:
    """Shaded across a limb that lies along x."""
    shader = skia.GradientShader.MakeLinear(
        points=[skia.Point(0, -r), skia.Point(0, r)],
        colors=[_shade(colour, k) for k in _LIT],
        positions=[0.0, 0.3, 0.6, 1.0],
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


def _capsule(length: float, r0: float, r1: float) -> skia.Path:
    """A tapered rounded limb from (0, 0) to (length, 0)."""
    points = []
    for k in range(7):
        a = pi / 2 + pi * k / 6
        points.append(skia.Point(r0 * cos(a), r0 * sin(a)))
    for k in range(7):
        a = -pi / 2 + pi * k / 6
        points.append(skia.Point(length + r1 * cos(a), r1 * sin(a)))
    path = skia.Path()
    path.addPoly(points, True)
    return path


class Limb:
    """A limb drawn once along x and placed by its two ends."""

    __slots__ = ("length", "paint", "path")

    def __init__(self, length: float, r0: float, r1: float, paint: skia.Paint) -> None:
        self.length, self.paint = length, paint
        self.path = _capsule(length, r0, r1)

    def draw(self, canvas: skia.Canvas, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw it between two points."""
        dx, dy = x1 - x0, y1 - y0
        canvas.save()
        canvas.translate(x0, y0)
        canvas.rotate(degrees(atan2(dy, dx)))
        canvas.scale(max(0.22, hypot(dx, dy) / self.length), 1.0)
        canvas.drawPath(self.path, self.paint)
        canvas.restore()


class Figure:
    """A person's shapes and paints, built once; :meth:`draw` places them."""

    def __init__(self, look: Look, rng: np.random.Generator) -> None:
        self.look = look
        a = look.attributes
        g = 0.55 + 0.45 * look.girth
        upper, skin = look.upper, look.skin
        lower = look.upper if a.upper == "dress" else look.lower
        tile = _tile(look, rng)
        scale = 0.095 / 32  # a repeat of the pattern is 9.5 % of body height
        matrix = skia.Matrix()
        matrix.setScale(scale, scale)
        sampling = skia.SamplingOptions(skia.FilterMode.kLinear)
        repeat = skia.TileMode.kRepeat
        cloth = tile.makeShader(repeat, repeat, sampling, matrix)

        def clothed(r: float, across: bool, colour: Rgb = upper) -> skia.Paint:
            if colour is not upper:
                return _across(colour, r)
            points = [skia.Point(0, -r), skia.Point(0, r)] if across else [
                skia.Point(-r, 0), skia.Point(r, 0)]  # fmt: skip
            grey = [skia.Color(*(min(255, round(235 * k)),) * 3) for k in _LIT]
            shading = skia.GradientShader.MakeLinear(
                points=points, colors=grey, positions=[0.0, 0.3, 0.6, 1.0]
            )
            both = skia.Shaders.Blend(skia.BlendMode.kModulate, cloth, shading)
            return skia.Paint(AntiAlias=True, Shader=both)

        thick = 0.012 if a.upper in ("coat", "jacket", "jumper") else 0.004
        short_sleeve = a.upper in ("shirt", "dress")
        ra, rf = (0.034 + thick) * g, (0.028 + thick) * g
        self.upper_arm = Limb(UPPER_ARM, ra, rf + 0.002, clothed(ra, True))
        self.fore_arm = Limb(
            FORE_ARM * 0.96, (rf if not short_sleeve else 0.027), 0.024 + thick * 0.6,
            _across(skin, 0.03) if short_sleeve else clothed(rf, True),
        )  # fmt: skip
        rt, rc = 0.058 * g, 0.045 * g
        bare = a.upper == "dress" or a.lower == "skirt"
        calf_bare = bare or a.lower == "shorts"
        thigh_paint = clothed(rt, True) if a.upper == "dress" else _across(lower, rt)
        self.thigh = Limb(THIGH, rt, rc, thigh_paint)
        self.calf = Limb(
            CALF, rc * (0.88 if calf_bare else 1.0), 0.027 if calf_bare else 0.034 * g,
            _across(skin, rc) if calf_bare else _across(lower, rc),
        )  # fmt: skip
        self.skirted = bare
        self.coat = a.upper == "coat"
        self.skirt_paint = (
            clothed(0.11, False) if a.upper == "dress" or self.coat else _across_x(lower, 0.1)
        )
        self.tail = Limb(
            THIGH * 0.62, rt + 0.012, rc + 0.032, clothed(rt + 0.02, True)
        )  # the coat's part over the thigh
        self.foot = Limb(0.085, 0.026, 0.02, _across(look.shoes, 0.026))
        self.hand = _plain(skin, 0.97)
        self.skin = _plain(skin)
        self.skin_dark = _plain(skin, 0.8)
        self.neck = Limb(0.06, 0.03, 0.03, _plain(skin, 0.84))
        self.torso_paint = clothed(1.0, False)
        wide = 1.0 if a.gender == "man" else 0.93
        waist = {"man": 0.86, "woman": 0.74}[a.gender] + 0.22 * max(0.0, look.girth - 1.0)
        self.front = 0.122 * g * wide * (1.08 if thick > 0.01 else 1.0)
        self.deep = 0.082 * (0.35 + 0.65 * look.girth) * (1.1 if thick > 0.01 else 1.0)
        self.torso_path = skia.Path()
        t = self.torso_path
        t.moveTo(-0.55, -1.06)
        t.lineTo(0.55, -1.06)
        t.quadTo(1.0, -1.03, 1.0, -0.82)
        t.quadTo(waist, -0.5, waist, -0.35)
        t.quadTo(0.9, -0.1, 0.86, 0.1)
        t.quadTo(0.0, 0.24, -0.86, 0.1)
        t.quadTo(-0.9, -0.1, -waist, -0.35)
        t.quadTo(-waist, -0.5, -1.0, -0.82)
        t.quadTo(-1.0, -1.03, -0.55, -1.06)
        t.close()
        # the torso is drawn in units of (half width, length): undo that for the cloth
        undo = skia.Matrix()
        undo.setScale(scale / self.front, scale / TORSO)
        torso_cloth = tile.makeShader(repeat, repeat, sampling, undo)
        grey = [skia.Color(*(min(255, round(235 * k)),) * 3) for k in _LIT]
        shading = skia.GradientShader.MakeLinear(
            points=[skia.Point(-1, 0), skia.Point(1, 0)], colors=grey,
            positions=[0.0, 0.3, 0.6, 1.0],
        )  # fmt: skip
        self.torso_paint = skia.Paint(
            AntiAlias=True,
            Shader=skia.Shaders.Blend(skia.BlendMode.kModulate, torso_cloth, shading),
        )
        self.hair = _plain(look.hair)
        self.hair_dark = _plain(look.hair, 0.8)
        self.hat = _plain(look.hat)
        self.hat_dark = _plain(look.hat, 0.7)
        self.bag = _plain(look.bag)
        self.bag_dark = _plain(look.bag, 0.7)
        self.dark = skia.Paint(AntiAlias=True, Color=skia.Color(30, 24, 24))
        self.white = skia.Paint(AntiAlias=True, Color=skia.Color(245, 245, 245))
        self.mouth = skia.Paint(AntiAlias=True, Color=skia.Color(130, 34, 40))
        self.line = skia.Paint(
            AntiAlias=True, Color=skia.Color(30, 24, 24), Style=skia.Paint.kStroke_Style,
            StrokeWidth=0.008,
        )  # fmt: skip
        self.strap = skia.Paint(
            AntiAlias=True, Color=_shade(look.bag, 0.8), Style=skia.Paint.kStroke_Style,
            StrokeWidth=0.016,
        )  # fmt: skip
        self.seam = skia.Paint(
            AntiAlias=True, Color=_shade(upper, 0.55), Style=skia.Paint.kStroke_Style,
            StrokeWidth=0.012,
        )  # fmt: skip
        prop_rng = rng
        self.things = {
            kind: _plain(_THINGS[kind][int(prop_rng.integers(len(_THINGS[kind])))])
            for kind in _THINGS
        }
        self.things_dark = {
            kind: skia.Paint(AntiAlias=True, Color=_darker(paint))
            for kind, paint in self.things.items()
        }

    def draw(self, canvas: skia.Canvas, p: Projected, held: str, side: str, hidden: bool) -> None:
        """Draw the person; the canvas has its origin at the floor point, in metres.

        Args:
            canvas: where to.
            p: the projected pose.
            held: kind of the held thing, or an empty string.
            side: ``R`` or ``L``, the hand of one-handed things.
            hidden: whether the hands are in the pockets.
        """
        canvas.save()
        canvas.scale(p.size, p.size)
        k = 1.0 / p.size
        x = [v * k for v in p.x]
        y = [v * k for v in p.y]
        d = [v * k for v in p.depth]
        a = self.look.attributes
        back_view = d[FACE_J] < d[HEAD_J] - 0.03
        chest = (d[NECK_J] + d[PELVIS]) / 2
        legs = sorted((HIP_R, HIP_L), key=lambda j: d[j] + d[j + 1] + d[j + 2])
        arms_back: list[int] = []
        arms_front: list[int] = []
        for base in (SHOULDER_R, SHOULDER_L):
            depth = (d[base] + 2 * d[base + 1] + 2 * d[base + 2]) / 5
            (arms_front if depth > chest - 0.015 else arms_back).append(base)
        arms_front.sort(key=lambda j: d[j] + d[j + 2])
        hand = HAND_R if side == "R" else HAND_L
        both = held in _TWO_HANDED
        held_depth = (d[HAND_R] + d[HAND_L]) / 2 if both else d[hand]
        thing_back = held != "" and held_depth < chest - 0.02

        if a.bag == "backpack" and d[BACK] < chest:
            self._backpack(canvas, x, y)
        if a.hair == "long" and not back_view:
            self._long_hair(canvas, x, y)
        if thing_back and both:
            self._thing(canvas, x, y, d, held, hand)
        for base in arms_back:
            self._arm(canvas, x, y, base, hidden)
        if thing_back and not both:
            self._thing(canvas, x, y, d, held, hand)
        for base in legs:
            self._leg(canvas, x, y, base)
        if self.skirted or self.coat:
            self._skirt(canvas, x, y)
        self.neck.draw(canvas, x[NECK_J], y[NECK_J] + 0.02, x[HEAD_J], y[HEAD_J])
        self._torso(canvas, p, x, y, d)
        if a.bag == "shoulder bag":
            self._shoulder_bag(canvas, x, y)
        self._head(canvas, p, x, y, d, back_view)
        if a.hair == "long" and back_view:
            self._long_hair(canvas, x, y)
        if a.bag == "backpack" and d[BACK] >= chest:
            self._backpack(canvas, x, y)
        if held and not thing_back:
            self._thing(canvas, x, y, d, held, hand)
        for base in arms_front:
            self._arm(canvas, x, y, base, hidden)
        canvas.restore()

    def _arm(self, canvas: skia.Canvas, x: list[float], y: list[float], base: int,
             hidden: bool) -> None:  # fmt: skip
        e, h = base + 1, base + 2
        if not hidden:
            canvas.drawCircle(x[h], y[h], 0.031, self.hand)
        self.upper_arm.draw(canvas, x[base], y[base], x[e], y[e])
        t = 0.9
        self.fore_arm.draw(canvas, x[e], y[e], x[e] + t * (x[h] - x[e]), y[e] + t * (y[h] - y[e]))

    def _leg(self, canvas: skia.Canvas, x: list[float], y: list[float], base: int) -> None:
        knee, ankle, toe = base + 1, base + 2, base + 3
        self.foot.draw(canvas, x[ankle], y[ankle] + 0.005, x[toe], y[toe])
        self.calf.draw(canvas, x[knee], y[knee], x[ankle], y[ankle])
        self.thigh.draw(canvas, x[base], y[base], x[knee], y[knee])

    def _skirt(self, canvas: skia.Canvas, x: list[float], y: list[float]) -> None:
        reach = 1.06 if self.skirted else 0.72
        px, py = x[PELVIS], y[PELVIS]
        half = abs(x[HIP_R] - x[HIP_L]) / 2 + 0.065
        ends = [(px + reach * (x[j] - px), py + reach * (y[j] - py)) for j in (KNEE_R, KNEE_L)]
        flare = 0.055 if self.skirted else 0.06
        (ax, ay), (bx, by) = sorted(ends)
        dx, dy = (ax + bx) / 2 - px, (ay + by) / 2 - py
        n = hypot(dx, dy) or 1e-6
        nx, ny = -dy / n, dx / n  # across the skirt
        if nx < 0 or (abs(nx) < 1e-9 and ny < 0):
            nx, ny = -nx, -ny
        path = skia.Path()
        path.addPoly(
            [
                skia.Point(px - nx * half, py - ny * half - 0.03),
                skia.Point(px + nx * half, py + ny * half - 0.03),
                skia.Point(bx + nx * flare, by + ny * flare),
                skia.Point(ax - nx * flare, ay - ny * flare),
            ],
            True,
        )
        canvas.save()
        canvas.translate(px, py)
        path.offset(-px, -py)
        canvas.drawPath(path, self.skirt_paint)
        canvas.restore()

    def _torso(self, canvas: skia.Canvas, p: Projected, x: list[float], y: list[float],
               d: list[float]) -> None:  # fmt: skip
        dx, dy = x[NECK_J] - x[PELVIS], y[NECK_J] - y[PELVIS]
        across_x = x[SHOULDER_L] - x[SHOULDER_R]
        across_y = y[SHOULDER_L] - y[SHOULDER_R]
        broad = min(1.0, hypot(across_x, across_y) / (2 * SHOULDER))
        width = sqrt((self.front * broad) ** 2 + self.deep**2 * (1 - broad * broad))
        length = max(0.1, hypot(dx, dy))
        canvas.save()
        canvas.translate(x[PELVIS], y[PELVIS])
        canvas.rotate(degrees(atan2(dx, -dy)))
        canvas.scale(width, length)
        canvas.drawPath(self.torso_path, self.torso_paint)
        canvas.restore()
        if self.look.attributes.upper in ("coat", "jacket") and d[FACE_J] > d[HEAD_J]:
            facing = max(-1.0, min(1.0, sin(p.yaw)))
            sx = width * facing * 0.8
            canvas.drawLine(
                x[NECK_J] + sx, y[NECK_J] + 0.01, x[PELVIS] + sx, y[PELVIS] + 0.05, self.seam
            )

    def _head(self, canvas: skia.Canvas, p: Projected, x: list[float], y: list[float],
              d: list[float], back_view: bool) -> None:  # fmt: skip
        a = self.look.attributes
        ux, uy = x[CROWN] - x[HEAD_J], y[CROWN] - y[HEAD_J]
        fx, fy = (x[FACE_J] - x[HEAD_J]) * 10, (y[FACE_J] - y[HEAD_J]) * 10
        angle = atan2(ux, -uy)
        ca, sa = cos(-angle), sin(-angle)
        f = max(-1.0, min(1.0, ca * fx - sa * fy))  # sideways direction of the face, in the head
        drop = max(-0.6, min(0.9, sa * fx + ca * fy)) * (0.6 if not back_view else 0.3)
        canvas.save()
        canvas.translate(x[HEAD_J], y[HEAD_J])
        canvas.rotate(degrees(angle))
        oval = skia.Rect.MakeLTRB
        if a.hair != "bald":
            canvas.drawOval(oval(-0.075 - 0.014 * f, -0.095, 0.075 - 0.014 * f, 0.07), self.hair)
            if a.hair == "bun":
                canvas.drawCircle(-0.055 * f, -0.105, 0.038, self.hair)
        if not back_view:
            top = -0.055 if a.hair != "bald" else -0.09
            top += 0.02 * drop
            canvas.drawOval(oval(-0.062 + 0.016 * f, top, 0.062 + 0.016 * f, 0.088), self.skin)
            turned = abs(f)
            ex, ey = 0.03 * (1 - 0.3 * turned), 0.0 + 0.045 * drop
            cx = 0.05 * f
            if a.beard:
                canvas.drawOval(oval(cx * 0.6 - 0.048, 0.035, cx * 0.6 + 0.048, 0.1), self.hair)
            for eye in (cx - ex, cx + ex):
                if abs(eye) < 0.072:
                    canvas.drawCircle(eye, ey, 0.0105, self.dark)
                    if a.glasses:
                        canvas.drawCircle(eye, ey, 0.022, self.line)
            if turned > 0.25:
                canvas.drawCircle(0.073 * f + 0.004 * f, ey + 0.022, 0.014, self.skin)
            gape = 0.005 + 0.018 * max(0.0, p.mouth)
            my = 0.046 + 0.03 * drop
            canvas.drawOval(oval(cx - 0.02, my - gape, cx + 0.02, my + gape), self.mouth)
        elif a.hair == "bald":
            canvas.drawOval(oval(-0.068, -0.09, 0.068, 0.085), self.skin)
        if a.hat is not None:
            self._hat(canvas, a.hat, f, back_view)
        canvas.restore()

    def _hat(self, canvas: skia.Canvas, kind: str, f: float, back_view: bool) -> None:
        oval = skia.Rect.MakeLTRB
        if kind == "hat":
            canvas.drawRoundRect(oval(-0.066, -0.15, 0.066, -0.05), 0.03, 0.03, self.hat)
            canvas.drawOval(oval(-0.125, -0.068, 0.125, -0.032), self.hat)
            canvas.drawRect(oval(-0.066, -0.075, 0.066, -0.058), self.hat_dark)
            return
        path = skia.Path()
        path.addArc(oval(-0.08, -0.115, 0.08, 0.03), 180, 180)
        path.close()
        canvas.drawPath(path, self.hat)
        if kind == "beanie":
            canvas.drawRoundRect(oval(-0.082, -0.06, 0.082, -0.034), 0.01, 0.01, self.hat_dark)
            canvas.drawCircle(0, -0.12, 0.022, self.hat_dark)
        elif not back_view:
            cx = 0.09 * f
            half = 0.06 - 0.012 * abs(f)
            canvas.drawOval(oval(cx - half, -0.056, cx + half, -0.03), self.hat_dark)

    def _long_hair(self, canvas: skia.Canvas, x: list[float], y: list[float]) -> None:
        hx, hy = x[HEAD_J], y[HEAD_J]
        bx = hx - (x[FACE_J] - hx) * 0.25
        ends_x = 0.4 * hx + 0.6 * x[NECK_J] - (x[FACE_J] - hx) * 0.35
        dx, dy = ends_x - bx, (y[NECK_J] + 0.075) - hy
        n = hypot(dx, dy) or 1e-6
        path = skia.Path()
        nx, ny = -dy / n, dx / n
        path.moveTo(bx - nx * 0.075, hy - ny * 0.075)
        path.lineTo(ends_x - nx * 0.078, hy + dy - ny * 0.078)
        path.quadTo(ends_x + dx / n * 0.05, hy + dy + dy / n * 0.05,
                    ends_x + nx * 0.078, hy + dy + ny * 0.078)  # fmt: skip
        path.lineTo(bx + nx * 0.075, hy + ny * 0.075)
        path.close()
        canvas.drawPath(path, self.hair_dark)

    def _backpack(self, canvas: skia.Canvas, x: list[float], y: list[float]) -> None:
        dx, dy = x[NECK_J] - x[PELVIS], y[NECK_J] - y[PELVIS]
        canvas.save()
        canvas.translate(x[BACK], y[BACK])
        canvas.rotate(degrees(atan2(dx, -dy)))
        rect = skia.Rect.MakeLTRB
        canvas.drawRoundRect(rect(-0.072, -0.08, 0.072, 0.13), 0.035, 0.035, self.bag)
        canvas.drawRoundRect(rect(-0.05, 0.03, 0.05, 0.11), 0.02, 0.02, self.bag_dark)
        canvas.restore()

    def _shoulder_bag(self, canvas: skia.Canvas, x: list[float], y: list[float]) -> None:
        hx = x[HIP_L] + 0.45 * (x[HIP_L] - x[PELVIS]) + 0.02
        hy = y[HIP_L] + 0.01
        canvas.drawLine(x[SHOULDER_R], y[SHOULDER_R] - 0.02, hx, hy - 0.05, self.strap)
        rect = skia.Rect.MakeLTRB
        canvas.drawRoundRect(rect(hx - 0.07, hy - 0.06, hx + 0.07, hy + 0.055), 0.02, 0.02,
                             self.bag)  # fmt: skip
        canvas.drawRoundRect(rect(hx - 0.07, hy - 0.06, hx + 0.07, hy - 0.015), 0.02, 0.02,
                             self.bag_dark)  # fmt: skip

    def _thing(self, canvas: skia.Canvas, x: list[float], y: list[float], d: list[float],
               held: str, hand: int) -> None:  # fmt: skip
        rect = skia.Rect.MakeLTRB
        paint, dark = self.things[held], self.things_dark[held]
        hx, hy = x[hand], y[hand]
        mx, my = (x[HAND_R] + x[HAND_L]) / 2, (y[HAND_R] + y[HAND_L]) / 2
        if held == "cup":
            canvas.drawRoundRect(rect(hx - 0.03, hy - 0.06, hx + 0.03, hy + 0.035), 0.008, 0.008,
                                 paint)  # fmt: skip
            canvas.drawRect(rect(hx - 0.03, hy - 0.025, hx + 0.03, hy - 0.005), dark)
        elif held == "food":
            canvas.drawCircle(hx, hy - 0.035, 0.036, paint)
            canvas.drawCircle(hx + 0.012, hy - 0.05, 0.012, dark)
        elif held == "phone":
            canvas.drawRoundRect(rect(hx - 0.02, hy - 0.065, hx + 0.02, hy + 0.03), 0.008, 0.008,
                                 self.dark)  # fmt: skip
        elif held == "book":
            canvas.save()
            canvas.translate(mx, my - 0.03)
            half = max(0.045, abs(x[HAND_R] - x[HAND_L]) / 2 + 0.03)
            canvas.drawRoundRect(rect(-half, -0.06, half, 0.05), 0.008, 0.008, paint)
            canvas.drawRect(rect(-half + 0.01, -0.052, -0.004, 0.04), self.white)
            canvas.drawRect(rect(0.004, -0.052, half - 0.01, 0.04), self.white)
            canvas.restore()
        elif held == "paper":
            other = HAND_L if hand == HAND_R else HAND_R
            ox, oy = x[other], y[other]
            canvas.save()
            canvas.translate((ox * 2 + hx) / 3, (oy * 2 + hy) / 3 + 0.012)
            canvas.drawRoundRect(rect(-0.075, -0.03, 0.075, 0.03), 0.006, 0.006, paint)
            canvas.drawRect(rect(-0.062, -0.022, 0.062, 0.02), self.white)
            canvas.restore()
            canvas.drawLine(hx, hy, hx + 0.03, hy - 0.07, self.line)
        elif held == "camera":
            canvas.drawRoundRect(rect(mx - 0.06, my - 0.045, mx + 0.06, my + 0.035), 0.012, 0.012,
                                 self.dark)  # fmt: skip
            canvas.drawCircle(mx, my - 0.005, 0.028, dark)
            canvas.drawCircle(mx, my - 0.005, 0.014, self.white)
        elif held == "ball":
            canvas.drawCircle(mx, my - 0.01, 0.075, paint)
            canvas.drawCircle(mx - 0.015, my - 0.03, 0.022, self.white)
        elif held == "handball":
            canvas.drawCircle(hx, hy - 0.03, 0.05, paint)
        elif held == "flowers":
            canvas.drawLine(mx, my + 0.05, mx, my - 0.05, self.seam)
            for fx, fy in ((-0.035, -0.07), (0.035, -0.07), (0.0, -0.1), (0.0, -0.06)):
                canvas.drawCircle(mx + fx, my + fy, 0.028, paint)
                canvas.drawCircle(mx + fx, my + fy, 0.01, dark)
        elif held == "box":
            draw_box(canvas, mx, my + 0.05, 0.19, 0.15, paint, dark)
        elif held == "guitar":
            rx, ry = x[HAND_R], y[HAND_R]
            lx, ly = x[HAND_L], y[HAND_L]
            canvas.save()
            canvas.translate((2 * rx + x[PELVIS]) / 3, (ry + 2 * y[PELVIS] - 0.16) / 3)
            angle = atan2(ly - ry, lx - rx)
            canvas.rotate(degrees(angle))
            reach = max(0.1, hypot(lx - rx, ly - ry)) + 0.08
            canvas.drawRect(rect(0.0, -0.014, reach, 0.014), dark)
            canvas.drawOval(rect(-0.1, -0.085, 0.06, 0.085), paint)
            canvas.drawOval(rect(0.01, -0.06, 0.12, 0.06), paint)
            canvas.drawCircle(0.025, 0.0, 0.026, self.dark)
            canvas.restore()


def draw_box(canvas: skia.Canvas, x: float, bottom: float, width: float, height: float,
             paint: skia.Paint, dark: skia.Paint) -> None:  # fmt: skip
    """A cardboard box with its lower edge at ``bottom``."""
    rect = skia.Rect.MakeLTRB
    canvas.drawRect(rect(x - width / 2, bottom - height, x + width / 2, bottom), paint)
    canvas.drawRect(
        rect(x - width / 2, bottom - height, x + width / 2, bottom - 0.8 * height), dark
    )
    canvas.drawRect(
        rect(x - 0.08 * width, bottom - height, x + 0.08 * width, bottom - 0.45 * height), dark
    )


def _darker(paint: skia.Paint) -> int:
    colour = paint.getColor()
    return skia.Color(*(
        round(0.66 * c)
        for c in (skia.ColorGetR(colour), skia.ColorGetG(colour), skia.ColorGetB(colour))
    ))  # fmt: skip


def _across_x(colour: Rgb, r: float) -> skia.Paint:
    shader = skia.GradientShader.MakeLinear(
        points=[skia.Point(-r, 0), skia.Point(r, 0)],
        colors=[_shade(colour, k) for k in _LIT],
        positions=[0.0, 0.3, 0.6, 1.0],
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


_TWO_HANDED = ("box", "ball", "book", "paper", "camera", "guitar", "flowers")
_THINGS: dict[str, tuple[Rgb, ...]] = {
    "cup": ((240, 240, 240), (210, 60, 50), (60, 110, 200), (240, 200, 70)),
    "food": ((220, 60, 50), (110, 180, 60), (226, 180, 100), (240, 190, 60)),
    "phone": ((30, 30, 34),),
    "book": ((150, 40, 40), (40, 80, 150), (50, 110, 70), (120, 80, 40)),
    "paper": ((150, 110, 70), (60, 60, 70), (110, 40, 50)),
    "camera": ((90, 90, 100),),
    "ball": ((235, 120, 40), (60, 120, 220), (220, 60, 90), (240, 220, 90)),
    "handball": ((235, 120, 40), (210, 230, 60), (220, 60, 60)),
    "flowers": ((230, 60, 90), (250, 210, 60), (190, 110, 220)),
    "box": ((196, 150, 96), (176, 130, 82), (208, 168, 118)),
    "guitar": ((196, 120, 52), (150, 60, 40), (224, 170, 90)),
}
THINGS = tuple(_THINGS)
"""Kinds of things that can be held."""
