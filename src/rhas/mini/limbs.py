"""Arms and legs of a drawn person. Everything is in body heights."""

from __future__ import annotations

from math import atan2, cos, degrees, hypot, pi, sin

import skia

from rhas.mini.appearance import Appearance
from rhas.mini.paints import Cloth, plain_paint, shaded_paint
from rhas.mini.skeleton import CALF, FORE_ARM, THIGH, UPPER_ARM, Projected


def _make_capsule(length: float, r0: float, r1: float) -> skia.Path:
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
        self.path = _make_capsule(length, r0, r1)

    def draw(self, canvas: skia.Canvas, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw it between two points."""
        dx, dy = x1 - x0, y1 - y0
        canvas.save()
        canvas.translate(x0, y0)
        canvas.rotate(degrees(atan2(dy, dx)))
        canvas.scale(max(0.22, hypot(dx, dy) / self.length), 1.0)
        canvas.drawPath(self.path, self.paint)
        canvas.restore()


def cloth_thickness(appearance: Appearance) -> float:
    """How far the upper garment stands off the body."""
    return 0.012 if appearance.attributes.upper in ("coat", "jacket", "jumper") else 0.004


def limb_girth(appearance: Appearance) -> float:
    """Factor on the widths of the limbs."""
    return 0.55 + 0.45 * appearance.girth


class Arm:
    """An arm in its sleeve, and the hand."""

    def __init__(self, appearance: Appearance, cloth: Cloth) -> None:
        g, thick, skin = limb_girth(appearance), cloth_thickness(appearance), appearance.skin
        short_sleeve = appearance.attributes.upper in ("shirt", "dress")
        r_upper, r_fore = (0.034 + thick) * g, (0.028 + thick) * g
        self.upper_arm = Limb(UPPER_ARM, r_upper, r_fore + 0.002, cloth.make_paint(r_upper, True))
        self.fore_arm = Limb(
            FORE_ARM * 0.96, (0.027 if short_sleeve else r_fore), 0.024 + thick * 0.6,
            shaded_paint(skin, 0.03) if short_sleeve else cloth.make_paint(r_fore, True),
        )  # fmt: skip
        self.hand = plain_paint(skin, 0.97)

    def draw(self, canvas: skia.Canvas, p: Projected, shoulder: int, hidden: bool) -> None:
        """Draw the arm of a shoulder joint; ``hidden``: the hand is in the pocket."""
        x, y, elbow, hand = p.x, p.y, shoulder + 1, shoulder + 2
        if not hidden:
            canvas.drawCircle(x[hand], y[hand], 0.031, self.hand)
        self.upper_arm.draw(canvas, x[shoulder], y[shoulder], x[elbow], y[elbow])
        wrist_x = x[elbow] + 0.9 * (x[hand] - x[elbow])
        wrist_y = y[elbow] + 0.9 * (y[hand] - y[elbow])
        self.fore_arm.draw(canvas, x[elbow], y[elbow], wrist_x, wrist_y)


class Leg:
    """A leg in trousers, shorts or bare, and the shoe."""

    def __init__(self, appearance: Appearance, cloth: Cloth) -> None:
        a, g = appearance.attributes, limb_girth(appearance)
        dress = a.upper == "dress"
        lower = appearance.upper if dress else appearance.lower
        bare = dress or a.lower in ("skirt", "shorts")
        r_thigh, r_calf = 0.058 * g, 0.045 * g
        self.thigh = Limb(
            THIGH, r_thigh, r_calf,
            cloth.make_paint(r_thigh, True) if dress else shaded_paint(lower, r_thigh),
        )  # fmt: skip
        self.calf = Limb(
            CALF, r_calf * (0.88 if bare else 1.0), 0.027 if bare else 0.034 * g,
            shaded_paint(appearance.skin if bare else lower, r_calf),
        )  # fmt: skip
        self.foot = Limb(0.085, 0.026, 0.02, shaded_paint(appearance.shoes, 0.026))

    def draw(self, canvas: skia.Canvas, p: Projected, hip: int) -> None:
        """Draw the leg of a hip joint."""
        x, y, knee, ankle, toe = p.x, p.y, hip + 1, hip + 2, hip + 3
        self.foot.draw(canvas, x[ankle], y[ankle] + 0.005, x[toe], y[toe])
        self.calf.draw(canvas, x[knee], y[knee], x[ankle], y[ankle])
        self.thigh.draw(canvas, x[hip], y[hip], x[knee], y[knee])
