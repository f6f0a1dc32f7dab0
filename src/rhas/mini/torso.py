"""Torso, skirt and bags of a drawn person. Everything is in body heights."""

from __future__ import annotations

from math import atan2, degrees, hypot, sin, sqrt

import skia

from rhas.mini.appearance import Appearance
from rhas.mini.limbs import cloth_thickness, limb_girth
from rhas.mini.paints import Cloth, lit_colour, plain_paint, shaded_paint, stroke_paint
from rhas.mini.skeleton import (
    BACK,
    FACE_J,
    HEAD_J,
    HIP_L,
    HIP_R,
    KNEE_L,
    KNEE_R,
    NECK_J,
    PELVIS,
    SHOULDER,
    SHOULDER_L,
    SHOULDER_R,
    TORSO,
    Projected,
)


class Torso:
    """The trunk in the upper garment, and what of a skirt or coat hangs below it."""

    def __init__(self, appearance: Appearance, cloth: Cloth) -> None:
        a, g, thick = appearance.attributes, limb_girth(appearance), cloth_thickness(appearance)
        self.skirted = a.upper == "dress" or a.lower == "skirt"
        self.coat = a.upper == "coat"
        self.open_front = a.upper in ("coat", "jacket")
        self.skirt_paint = (
            cloth.make_paint(0.11, False)
            if a.upper in ("dress", "coat")
            else shaded_paint(appearance.lower, 0.1, across=False)
        )
        wide = 1.0 if a.gender == "man" else 0.93
        self.front = 0.122 * g * wide * (1.08 if thick > 0.01 else 1.0)
        self.deep = 0.082 * (0.35 + 0.65 * appearance.girth) * (1.1 if thick > 0.01 else 1.0)
        waist = {"man": 0.86, "woman": 0.74}[a.gender] + 0.22 * max(0.0, appearance.girth - 1.0)
        self.path = _make_torso_path(waist)
        self.paint = cloth.make_paint(1, False, (self.front, TORSO))
        self.seam = stroke_paint(lit_colour(appearance.upper, 0.55), 0.012)

    def draw(self, canvas: skia.Canvas, p: Projected) -> None:
        """Draw the trunk, from the hips to the shoulders."""
        x, y = p.x, p.y
        dx, dy = x[NECK_J] - x[PELVIS], y[NECK_J] - y[PELVIS]
        across_x = x[SHOULDER_L] - x[SHOULDER_R]
        across_y = y[SHOULDER_L] - y[SHOULDER_R]
        broad = min(1.0, hypot(across_x, across_y) / (2 * SHOULDER))
        width = sqrt((self.front * broad) ** 2 + self.deep**2 * (1 - broad * broad))
        canvas.save()
        canvas.translate(x[PELVIS], y[PELVIS])
        canvas.rotate(degrees(atan2(dx, -dy)))
        canvas.scale(width, max(0.1, hypot(dx, dy)))
        canvas.drawPath(self.path, self.paint)
        canvas.restore()
        if self.open_front and p.depth[FACE_J] > p.depth[HEAD_J]:
            side = width * max(-1.0, min(1.0, sin(p.yaw))) * 0.8
            canvas.drawLine(
                x[NECK_J] + side, y[NECK_J] + 0.01, x[PELVIS] + side, y[PELVIS] + 0.05, self.seam
            )

    def draw_skirt(self, canvas: skia.Canvas, p: Projected) -> None:
        """Draw a skirt, the skirt of a dress or the lower part of a coat; else nothing."""
        if not (self.skirted or self.coat):
            return
        x, y = p.x, p.y
        reach, flare = (1.06, 0.055) if self.skirted else (0.72, 0.06)
        px, py = x[PELVIS], y[PELVIS]
        half = abs(x[HIP_R] - x[HIP_L]) / 2 + 0.065
        ends = [(px + reach * (x[j] - px), py + reach * (y[j] - py)) for j in (KNEE_R, KNEE_L)]
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


def _make_torso_path(waist: float) -> skia.Path:
    """The outline in units of (half the width, the length), hips at 0, shoulders at -1."""
    path = skia.Path()
    path.moveTo(-0.55, -1.06)
    path.lineTo(0.55, -1.06)
    path.quadTo(1.0, -1.03, 1.0, -0.82)
    path.quadTo(waist, -0.5, waist, -0.35)
    path.quadTo(0.9, -0.1, 0.86, 0.1)
    path.quadTo(0.0, 0.24, -0.86, 0.1)
    path.quadTo(-0.9, -0.1, -waist, -0.35)
    path.quadTo(-waist, -0.5, -1.0, -0.82)
    path.quadTo(-1.0, -1.03, -0.55, -1.06)
    path.close()
    return path


class Bag:
    """A backpack or a shoulder bag."""

    def __init__(self, appearance: Appearance) -> None:
        self.paint = plain_paint(appearance.bag)
        self.dark = plain_paint(appearance.bag, 0.7)
        self.strap = stroke_paint(lit_colour(appearance.bag, 0.8), 0.016)

    def draw_backpack(self, canvas: skia.Canvas, p: Projected) -> None:
        """Draw it on the back."""
        dx, dy = p.x[NECK_J] - p.x[PELVIS], p.y[NECK_J] - p.y[PELVIS]
        canvas.save()
        canvas.translate(p.x[BACK], p.y[BACK])
        canvas.rotate(degrees(atan2(dx, -dy)))
        rect = skia.Rect.MakeLTRB
        canvas.drawRoundRect(rect(-0.072, -0.08, 0.072, 0.13), 0.035, 0.035, self.paint)
        canvas.drawRoundRect(rect(-0.05, 0.03, 0.05, 0.11), 0.02, 0.02, self.dark)
        canvas.restore()

    def draw_shoulder_bag(self, canvas: skia.Canvas, p: Projected) -> None:
        """Draw it at the left hip, with a strap over the right shoulder."""
        x, y = p.x, p.y
        hx = x[HIP_L] + 0.45 * (x[HIP_L] - x[PELVIS]) + 0.02
        hy = y[HIP_L] + 0.01
        canvas.drawLine(x[SHOULDER_R], y[SHOULDER_R] - 0.02, hx, hy - 0.05, self.strap)
        for bottom, paint in ((hy + 0.055, self.paint), (hy - 0.015, self.dark)):
            rect = skia.Rect.MakeLTRB(hx - 0.07, hy - 0.06, hx + 0.07, bottom)
            canvas.drawRoundRect(rect, 0.02, 0.02, paint)
