"""Head, hair and hat of a drawn person. Everything is in body heights."""

from __future__ import annotations

from math import atan2, cos, degrees, hypot, sin

import skia

from rhas.mini.appearance import Appearance
from rhas.mini.paints import DARK, LINE, plain_paint
from rhas.mini.skeleton import CROWN, FACE_J, HEAD_J, NECK_J, Projected

_RECT = skia.Rect.MakeLTRB


class Head:
    """A head, drawn from the side that the camera sees."""

    def __init__(self, appearance: Appearance) -> None:
        self.attributes = appearance.attributes
        self.skin = plain_paint(appearance.skin)
        self.hair = plain_paint(appearance.hair)
        self.hair_dark = plain_paint(appearance.hair, 0.8)
        self.hat = plain_paint(appearance.hat)
        self.hat_dark = plain_paint(appearance.hat, 0.7)
        self.mouth = skia.Paint(AntiAlias=True, Color=skia.Color(130, 34, 40))

    def draw(self, canvas: skia.Canvas, p: Projected, back_view: bool) -> None:
        """Draw the head with short hair and hat; long hair is `draw_long_hair`."""
        a = self.attributes
        ux, uy = p.x[CROWN] - p.x[HEAD_J], p.y[CROWN] - p.y[HEAD_J]
        fx, fy = (p.x[FACE_J] - p.x[HEAD_J]) * 10, (p.y[FACE_J] - p.y[HEAD_J]) * 10
        angle = atan2(ux, -uy)
        ca, sa = cos(-angle), sin(-angle)
        f = max(-1.0, min(1.0, ca * fx - sa * fy))  # sideways direction of the face, in the head
        drop = max(-0.6, min(0.9, sa * fx + ca * fy)) * (0.6 if not back_view else 0.3)
        canvas.save()
        canvas.translate(p.x[HEAD_J], p.y[HEAD_J])
        canvas.rotate(degrees(angle))
        if a.hair != "bald":
            canvas.drawOval(_RECT(-0.075 - 0.014 * f, -0.095, 0.075 - 0.014 * f, 0.07), self.hair)
            if a.hair == "bun":
                canvas.drawCircle(-0.055 * f, -0.105, 0.038, self.hair)
        if not back_view:
            self._draw_face(canvas, f, drop, p.mouth)
        elif a.hair == "bald":
            canvas.drawOval(_RECT(-0.068, -0.09, 0.068, 0.085), self.skin)
        if a.hat is not None:
            self._draw_hat(canvas, a.hat, f, back_view)
        canvas.restore()

    def _draw_face(self, canvas: skia.Canvas, f: float, drop: float, mouth: float) -> None:
        a = self.attributes
        top = (-0.055 if a.hair != "bald" else -0.09) + 0.02 * drop
        canvas.drawOval(_RECT(-0.062 + 0.016 * f, top, 0.062 + 0.016 * f, 0.088), self.skin)
        turned = abs(f)
        ex, ey = 0.03 * (1 - 0.3 * turned), 0.0 + 0.045 * drop
        cx = 0.05 * f
        if a.beard:
            canvas.drawOval(_RECT(cx * 0.6 - 0.048, 0.035, cx * 0.6 + 0.048, 0.1), self.hair)
        for eye in (cx - ex, cx + ex):
            if abs(eye) < 0.072:
                canvas.drawCircle(eye, ey, 0.0105, DARK)
                if a.glasses:
                    canvas.drawCircle(eye, ey, 0.022, LINE)
        if turned > 0.25:
            canvas.drawCircle(0.073 * f + 0.004 * f, ey + 0.022, 0.014, self.skin)
        gape = 0.005 + 0.018 * max(0.0, mouth)
        my = 0.046 + 0.03 * drop
        canvas.drawOval(_RECT(cx - 0.02, my - gape, cx + 0.02, my + gape), self.mouth)

    def _draw_hat(self, canvas: skia.Canvas, kind: str, f: float, back_view: bool) -> None:
        if kind == "hat":
            canvas.drawRoundRect(_RECT(-0.066, -0.15, 0.066, -0.05), 0.03, 0.03, self.hat)
            canvas.drawOval(_RECT(-0.125, -0.068, 0.125, -0.032), self.hat)
            canvas.drawRect(_RECT(-0.066, -0.075, 0.066, -0.058), self.hat_dark)
            return
        path = skia.Path()
        path.addArc(_RECT(-0.08, -0.115, 0.08, 0.03), 180, 180)
        path.close()
        canvas.drawPath(path, self.hat)
        if kind == "beanie":
            canvas.drawRoundRect(_RECT(-0.082, -0.06, 0.082, -0.034), 0.01, 0.01, self.hat_dark)
            canvas.drawCircle(0, -0.12, 0.022, self.hat_dark)
        elif not back_view:
            cx = 0.09 * f
            half = 0.06 - 0.012 * abs(f)
            canvas.drawOval(_RECT(cx - half, -0.056, cx + half, -0.03), self.hat_dark)

    def draw_long_hair(self, canvas: skia.Canvas, p: Projected) -> None:
        """Draw long hair, from the head to below the neck."""
        hx, hy, face, neck = p.x[HEAD_J], p.y[HEAD_J], p.x[FACE_J], p.x[NECK_J]
        bx = hx - (face - hx) * 0.25
        ends_x = 0.4 * hx + 0.6 * neck - (face - hx) * 0.35
        dx, dy = ends_x - bx, (p.y[NECK_J] + 0.075) - hy
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
