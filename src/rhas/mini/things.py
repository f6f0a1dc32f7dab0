"""Things that people hold."""

from __future__ import annotations

from math import atan2, degrees, hypot

import numpy as np
import skia

from rhas.mini.appearance import Rgb
from rhas.mini.camera import View
from rhas.mini.paints import DARK, LINE, WHITE, darken_paint, plain_paint, stroke_paint
from rhas.mini.places import LANES
from rhas.mini.skeleton import HAND_L, HAND_R, PELVIS, Projected
from rhas.mini.story import Flight

TWO_HANDED = ("box", "ball", "book", "paper", "camera", "guitar")
_COLOURS: dict[str, tuple[Rgb, ...]] = {
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
KEPT = ("handball", "flowers")
"""Kinds of things that people keep in their hands and give to each other."""
THINGS = tuple(_COLOURS)
"""Kinds of things that can be held."""


_RECT = skia.Rect.MakeLTRB


class HeldThings:
    """What people of a film may hold, each kind in one colour. Sizes are in body heights."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.stem = stroke_paint(skia.Color(60, 110, 50), 0.012)
        self.paints = {k: plain_paint(c[int(rng.integers(len(c)))]) for k, c in _COLOURS.items()}
        self.dark = {kind: darken_paint(paint) for kind, paint in self.paints.items()}

    def draw(self, canvas: skia.Canvas, p: Projected, held: str, hand: int) -> None:
        """Draw one of a kind at its holder's hands; ``hand``: the joint for one-handed things."""
        paint, dark = self.paints[held], self.dark[held]
        hx, hy = p.x[hand], p.y[hand]
        mx, my = (p.x[HAND_R] + p.x[HAND_L]) / 2, (p.y[HAND_R] + p.y[HAND_L]) / 2
        if held == "cup":
            canvas.drawRoundRect(_RECT(hx - 0.03, hy - 0.06, hx + 0.03, hy + 0.035), 0.008, 0.008,
                                 paint)  # fmt: skip
            canvas.drawRect(_RECT(hx - 0.03, hy - 0.025, hx + 0.03, hy - 0.005), dark)
        elif held == "food":
            canvas.drawCircle(hx, hy - 0.035, 0.036, paint)
            canvas.drawCircle(hx + 0.012, hy - 0.05, 0.012, dark)
        elif held == "phone":
            canvas.drawRoundRect(_RECT(hx - 0.02, hy - 0.065, hx + 0.02, hy + 0.03), 0.008, 0.008,
                                 DARK)  # fmt: skip
        elif held == "book":
            half = max(0.045, abs(p.x[HAND_R] - p.x[HAND_L]) / 2 + 0.03)
            _draw_book(canvas, mx, my - 0.03, half, paint)
        elif held == "paper":
            other = HAND_L if hand == HAND_R else HAND_R
            middle = (p.x[other] * 2 + hx) / 3, (p.y[other] * 2 + hy) / 3 + 0.012
            _draw_paper(canvas, *middle, paint)
            canvas.drawLine(hx, hy, hx + 0.03, hy - 0.07, LINE)
        elif held == "camera":
            canvas.drawRoundRect(_RECT(mx - 0.06, my - 0.045, mx + 0.06, my + 0.035), 0.012, 0.012,
                                 DARK)  # fmt: skip
            canvas.drawCircle(mx, my - 0.005, 0.028, dark)
            canvas.drawCircle(mx, my - 0.005, 0.014, WHITE)
        elif held == "ball":
            canvas.drawCircle(mx, my - 0.01, 0.075, paint)
            canvas.drawCircle(mx - 0.015, my - 0.03, 0.022, WHITE)
        elif held == "handball":
            canvas.drawCircle(hx, hy - 0.03, 0.05, paint)
        elif held == "flowers":
            canvas.drawLine(hx, hy + 0.05, hx, hy - 0.05, self.stem)
            for fx, fy in ((-0.035, -0.07), (0.035, -0.07), (0.0, -0.1), (0.0, -0.06)):
                canvas.drawCircle(hx + fx, hy + fy, 0.028, paint)
                canvas.drawCircle(hx + fx, hy + fy, 0.01, dark)
        elif held == "box":
            draw_box(canvas, mx, my + 0.05, 0.19, 0.15, paint, dark)
        elif held == "guitar":
            _draw_guitar(canvas, p, paint, dark)

    def draw_flight(self, canvas: skia.Canvas, flight: Flight, t: float, view: View) -> None:
        """Draw a ball in the air; the canvas is in pixels."""
        u = (t - flight.t0) / (flight.t1 - flight.t0)
        x = flight.x0 + (flight.x1 - flight.x0) * u
        z = flight.z0 + (flight.z1 - flight.z0) * u
        height = flight.height0 + (flight.height1 - flight.height0) * u
        height += 4 * flight.arc * u * (1 - u)
        y = (z - 1) * LANES - height
        k = view.scale
        canvas.drawCircle((x - view.x) * k, (y - view.y) * k, 0.085 * k, self.paints["handball"])


def _draw_book(canvas: skia.Canvas, x: float, y: float, half: float, paint: skia.Paint) -> None:
    canvas.save()
    canvas.translate(x, y)
    canvas.drawRoundRect(_RECT(-half, -0.06, half, 0.05), 0.008, 0.008, paint)
    canvas.drawRect(_RECT(-half + 0.01, -0.052, -0.004, 0.04), WHITE)
    canvas.drawRect(_RECT(0.004, -0.052, half - 0.01, 0.04), WHITE)
    canvas.restore()


def _draw_paper(canvas: skia.Canvas, x: float, y: float, paint: skia.Paint) -> None:
    canvas.save()
    canvas.translate(x, y)
    canvas.drawRoundRect(_RECT(-0.075, -0.03, 0.075, 0.03), 0.006, 0.006, paint)
    canvas.drawRect(_RECT(-0.062, -0.022, 0.062, 0.02), WHITE)
    canvas.restore()


def _draw_guitar(canvas: skia.Canvas, p: Projected, paint: skia.Paint, dark: skia.Paint) -> None:
    rx, ry = p.x[HAND_R], p.y[HAND_R]
    lx, ly = p.x[HAND_L], p.y[HAND_L]
    canvas.save()
    canvas.translate((2 * rx + p.x[PELVIS]) / 3, (ry + 2 * p.y[PELVIS] - 0.16) / 3)
    canvas.rotate(degrees(atan2(ly - ry, lx - rx)))
    reach = max(0.1, hypot(lx - rx, ly - ry)) + 0.08
    canvas.drawRect(_RECT(0.0, -0.014, reach, 0.014), dark)
    canvas.drawOval(_RECT(-0.1, -0.085, 0.06, 0.085), paint)
    canvas.drawOval(_RECT(0.01, -0.06, 0.12, 0.06), paint)
    canvas.drawCircle(0.025, 0.0, 0.026, DARK)
    canvas.restore()


def draw_box(canvas: skia.Canvas, x: float, bottom: float, width: float, height: float,
             paint: skia.Paint, dark: skia.Paint) -> None:  # fmt: skip
    """A cardboard box with its lower edge at ``bottom``."""
    canvas.drawRect(_RECT(x - width / 2, bottom - height, x + width / 2, bottom), paint)
    canvas.drawRect(
        _RECT(x - width / 2, bottom - height, x + width / 2, bottom - 0.8 * height), dark
    )
    canvas.drawRect(
        _RECT(x - 0.08 * width, bottom - height, x + 0.08 * width, bottom - 0.45 * height), dark
    )
