"""A drawn person: shapes and paints of body, clothes and what is carried."""

from __future__ import annotations

from math import atan2, cos, degrees, hypot, pi, sin, sqrt

import numpy as np
import skia

from rhas.mini.appearance import Look
from rhas.mini.paints import DARK, LINE, LIT, cloth_tile, plain, shade, shaded_x, shaded_y
from rhas.mini.skeleton import (
    BACK,
    CALF,
    CROWN,
    FACE_J,
    FORE_ARM,
    HAND_L,
    HAND_R,
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
    THIGH,
    TORSO,
    UPPER_ARM,
    Projected,
)
from rhas.mini.things import TWO_HANDED, Things


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
        tile = cloth_tile(look, rng)
        scale = 0.095 / 32  # a repeat of the pattern is 9.5 % of body height
        matrix = skia.Matrix()
        matrix.setScale(scale, scale)
        sampling = skia.SamplingOptions(skia.FilterMode.kLinear)
        repeat = skia.TileMode.kRepeat
        cloth = tile.makeShader(repeat, repeat, sampling, matrix)

        def clothed(r: float, across: bool) -> skia.Paint:
            points = [skia.Point(0, -r), skia.Point(0, r)] if across else [
                skia.Point(-r, 0), skia.Point(r, 0)]  # fmt: skip
            grey = [skia.Color(*(min(255, round(235 * k)),) * 3) for k in LIT]
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
            shaded_y(skin, 0.03) if short_sleeve else clothed(rf, True),
        )  # fmt: skip
        rt, rc = 0.058 * g, 0.045 * g
        bare = a.upper == "dress" or a.lower == "skirt"
        calf_bare = bare or a.lower == "shorts"
        thigh_paint = clothed(rt, True) if a.upper == "dress" else shaded_y(lower, rt)
        self.thigh = Limb(THIGH, rt, rc, thigh_paint)
        self.calf = Limb(
            CALF, rc * (0.88 if calf_bare else 1.0), 0.027 if calf_bare else 0.034 * g,
            shaded_y(skin, rc) if calf_bare else shaded_y(lower, rc),
        )  # fmt: skip
        self.skirted = bare
        self.coat = a.upper == "coat"
        self.skirt_paint = (
            clothed(0.11, False) if a.upper == "dress" or self.coat else shaded_x(lower, 0.1)
        )
        self.foot = Limb(0.085, 0.026, 0.02, shaded_y(look.shoes, 0.026))
        self.hand = plain(skin, 0.97)
        self.skin = plain(skin)
        self.neck = Limb(0.06, 0.03, 0.03, plain(skin, 0.84))
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
        grey = [skia.Color(*(min(255, round(235 * k)),) * 3) for k in LIT]
        shading = skia.GradientShader.MakeLinear(
            points=[skia.Point(-1, 0), skia.Point(1, 0)], colors=grey,
            positions=[0.0, 0.3, 0.6, 1.0],
        )  # fmt: skip
        self.torso_paint = skia.Paint(
            AntiAlias=True,
            Shader=skia.Shaders.Blend(skia.BlendMode.kModulate, torso_cloth, shading),
        )
        self.hair = plain(look.hair)
        self.hair_dark = plain(look.hair, 0.8)
        self.hat = plain(look.hat)
        self.hat_dark = plain(look.hat, 0.7)
        self.bag = plain(look.bag)
        self.bag_dark = plain(look.bag, 0.7)
        self.mouth = skia.Paint(AntiAlias=True, Color=skia.Color(130, 34, 40))
        self.strap = skia.Paint(
            AntiAlias=True, Color=shade(look.bag, 0.8), Style=skia.Paint.kStroke_Style,
            StrokeWidth=0.016,
        )  # fmt: skip
        self.seam = skia.Paint(
            AntiAlias=True, Color=shade(upper, 0.55), Style=skia.Paint.kStroke_Style,
            StrokeWidth=0.012,
        )  # fmt: skip
        self.things = Things(rng, self.seam)

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
        both = held in TWO_HANDED
        held_depth = (d[HAND_R] + d[HAND_L]) / 2 if both else d[hand]
        thing_back = held != "" and held_depth < chest - 0.02

        if a.bag == "backpack" and d[BACK] < chest:
            self._backpack(canvas, x, y)
        if a.hair == "long" and not back_view:
            self._long_hair(canvas, x, y)
        if thing_back and both:
            self.things.draw(canvas, x, y, held, hand)
        for base in arms_back:
            self._arm(canvas, x, y, base, hidden)
        if thing_back and not both:
            self.things.draw(canvas, x, y, held, hand)
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
            self.things.draw(canvas, x, y, held, hand)
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
        shaded_x = x[SHOULDER_L] - x[SHOULDER_R]
        across_y = y[SHOULDER_L] - y[SHOULDER_R]
        broad = min(1.0, hypot(shaded_x, across_y) / (2 * SHOULDER))
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
                    canvas.drawCircle(eye, ey, 0.0105, DARK)
                    if a.glasses:
                        canvas.drawCircle(eye, ey, 0.022, LINE)
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
