"""Things that people hold."""

from __future__ import annotations

from math import atan2, degrees, hypot

import numpy as np
import skia

from rhas.mini.appearance import Rgb
from rhas.mini.paints import DARK, LINE, WHITE, darker, plain
from rhas.mini.skeleton import HAND_L, HAND_R, PELVIS

TWO_HANDED = ("box", "ball", "book", "paper", "camera", "guitar", "flowers")
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


class Things:
    """What one person may hold, each kind in a colour of its own."""

    def __init__(self, rng: np.random.Generator, stem: skia.Paint) -> None:
        """``stem``: of flowers."""
        self.stem = stem
        self.paints = {k: plain(c[int(rng.integers(len(c)))]) for k, c in _THINGS.items()}
        self.dark = {
            kind: skia.Paint(AntiAlias=True, Color=darker(paint))
            for kind, paint in self.paints.items()
        }

    def draw(
        self, canvas: skia.Canvas, x: list[float], y: list[float], held: str, hand: int
    ) -> None:
        """Draw one of a kind, by its holder's joints; ``hand`` is that of one-handed things."""
        rect = skia.Rect.MakeLTRB
        paint, dark = self.paints[held], self.dark[held]
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
                                 DARK)  # fmt: skip
        elif held == "book":
            canvas.save()
            canvas.translate(mx, my - 0.03)
            half = max(0.045, abs(x[HAND_R] - x[HAND_L]) / 2 + 0.03)
            canvas.drawRoundRect(rect(-half, -0.06, half, 0.05), 0.008, 0.008, paint)
            canvas.drawRect(rect(-half + 0.01, -0.052, -0.004, 0.04), WHITE)
            canvas.drawRect(rect(0.004, -0.052, half - 0.01, 0.04), WHITE)
            canvas.restore()
        elif held == "paper":
            other = HAND_L if hand == HAND_R else HAND_R
            ox, oy = x[other], y[other]
            canvas.save()
            canvas.translate((ox * 2 + hx) / 3, (oy * 2 + hy) / 3 + 0.012)
            canvas.drawRoundRect(rect(-0.075, -0.03, 0.075, 0.03), 0.006, 0.006, paint)
            canvas.drawRect(rect(-0.062, -0.022, 0.062, 0.02), WHITE)
            canvas.restore()
            canvas.drawLine(hx, hy, hx + 0.03, hy - 0.07, LINE)
        elif held == "camera":
            canvas.drawRoundRect(rect(mx - 0.06, my - 0.045, mx + 0.06, my + 0.035), 0.012, 0.012,
                                 DARK)  # fmt: skip
            canvas.drawCircle(mx, my - 0.005, 0.028, dark)
            canvas.drawCircle(mx, my - 0.005, 0.014, WHITE)
        elif held == "ball":
            canvas.drawCircle(mx, my - 0.01, 0.075, paint)
            canvas.drawCircle(mx - 0.015, my - 0.03, 0.022, WHITE)
        elif held == "handball":
            canvas.drawCircle(hx, hy - 0.03, 0.05, paint)
        elif held == "flowers":
            canvas.drawLine(mx, my + 0.05, mx, my - 0.05, self.stem)
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
            canvas.drawCircle(0.025, 0.0, 0.026, DARK)
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
