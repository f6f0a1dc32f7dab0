"""Paints: plain, shaded across a limb, and cloth with its pattern."""

from __future__ import annotations

import numpy as np
import skia

from rhas.mini.appearance import Look, Rgb


def shade(colour: Rgb, factor: float) -> int:
    """A colour lit by a factor, as skia has it."""
    r, g, b = (min(255, max(0, round(c * factor))) for c in colour)
    return skia.Color(r, g, b)


def plain(colour: Rgb, factor: float = 1.0) -> skia.Paint:
    """One colour lit by a factor."""
    return skia.Paint(AntiAlias=True, Color=shade(colour, factor))


def cloth_tile(look: Look, rng: np.random.Generator) -> skia.Image:
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


LIT = (0.62, 1.1, 1.0, 0.52)
"""Light on something round, from one edge to the other."""


def shaded_y(colour: Rgb, r: float) -> skia.Paint:
    """Shaded across a limb that lies along x."""
    shader = skia.GradientShader.MakeLinear(
        points=[skia.Point(0, -r), skia.Point(0, r)],
        colors=[shade(colour, k) for k in LIT],
        positions=[0.0, 0.3, 0.6, 1.0],
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


def shaded_x(colour: Rgb, r: float) -> skia.Paint:
    """Shaded from side to side."""
    shader = skia.GradientShader.MakeLinear(
        points=[skia.Point(-r, 0), skia.Point(r, 0)],
        colors=[shade(colour, k) for k in LIT],
        positions=[0.0, 0.3, 0.6, 1.0],
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


def darker(paint: skia.Paint) -> int:
    """Two thirds of a paint's colour."""
    colour = paint.getColor()
    return skia.Color(*(
        round(0.66 * c)
        for c in (skia.ColorGetR(colour), skia.ColorGetG(colour), skia.ColorGetB(colour))
    ))  # fmt: skip


DARK = skia.Paint(AntiAlias=True, Color=skia.Color(30, 24, 24))
WHITE = skia.Paint(AntiAlias=True, Color=skia.Color(245, 245, 245))
LINE = skia.Paint(
    AntiAlias=True, Color=skia.Color(30, 24, 24), Style=skia.Paint.kStroke_Style, StrokeWidth=0.008
)
