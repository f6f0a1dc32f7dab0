"""Simple shapes on a skia canvas, and random variations of a colour."""

from __future__ import annotations

import numpy as np
import skia

from rhas.mini.appearance import Rgb


def sample_colour(rng: np.random.Generator, *options: Rgb) -> Rgb:
    """One of some colours, slightly varied."""
    base = options[int(rng.integers(len(options)))]
    spread = rng.uniform(0.9, 1.08) * rng.uniform(0.97, 1.03, 3)
    r, g, b = (int(min(255, max(0, c * s))) for c, s in zip(base, spread, strict=True))
    return r, g, b


def scale_colour(colour: Rgb, factor: float) -> Rgb:
    """A darker colour; the factor is at most 1."""
    red, green, blue = (int(c * factor) for c in colour)
    return red, green, blue


def to_skia_colour(colour: Rgb, factor: float = 1.0) -> int:
    """A colour lit by a factor, in skia's form."""
    return skia.Color(*(int(min(255, c * factor)) for c in colour))


def _fill(colour: Rgb, factor: float) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=to_skia_colour(colour, factor))


class Painter:
    """Draws shapes in metres; ``width`` is that of the place."""

    def __init__(self, canvas: skia.Canvas, rng: np.random.Generator, width: float) -> None:
        self.canvas, self.rng, self.width = canvas, rng, width

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Rgb, k: float = 1.0,
             radius: float = 0.0) -> None:  # fmt: skip
        rect = skia.Rect.MakeLTRB(x0, y0, x1, y1)
        self.canvas.drawRoundRect(rect, radius, radius, _fill(colour, k))

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Rgb, k: float = 1.0) -> None:
        self.canvas.drawOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry), _fill(colour, k))

    def fade(self, y0: float, y1: float, upper: Rgb, lower: Rgb, noise: float = 0.0) -> None:
        """A band over the whole width, from one colour to another, with Perlin noise."""
        paint = skia.Paint(AntiAlias=True)
        gradient = skia.GradientShader.MakeLinear(
            points=[skia.Point(0, y0), skia.Point(0, y1)],
            colors=[to_skia_colour(upper), to_skia_colour(lower)],
        )
        paint.setShader(gradient)
        area = skia.Rect.MakeLTRB(-1, y0, self.width + 1, y1)
        self.canvas.drawRect(area, paint)
        if noise > 0:
            seed = float(self.rng.integers(1, 10_000))
            cloud = skia.PerlinNoiseShader.MakeFractalNoise(
                float(self.rng.uniform(1.2, 5.0)), float(self.rng.uniform(2.0, 7.0)), 3, seed
            )
            grain = skia.Paint(Shader=cloud, Alphaf=noise)
            grain.setBlendMode(skia.BlendMode.kSoftLight)
            self.canvas.drawRect(area, grain)

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float, colour: Rgb) -> None:
        paint = skia.Paint(AntiAlias=True, Color=to_skia_colour(colour), StrokeWidth=width,
                           Style=skia.Paint.kStroke_Style)  # fmt: skip
        self.canvas.drawLine(x0, y0, x1, y1, paint)

    def list_positions(self, spacing: float) -> list[float]:
        """Positions along the wall in metres, unevenly spaced."""
        x, out = float(self.rng.uniform(0.2, spacing)), []
        while x < self.width - 0.4:
            out.append(x)
            x += spacing * float(self.rng.uniform(0.75, 1.4))
        return out
